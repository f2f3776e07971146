"""A multi-layer perceptron by scikit-learn's conventions, with R's formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from tinygrad_mnist import nn, optim
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.estimator.description import described
from tinygrad_mnist.estimator.heads import Classes, Head, Numbers
from tinygrad_mnist.estimator.learning import Learner
from tinygrad_mnist.estimator.settings import chosen, require_settings
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints.rooms import NotInNetwork
from tinygrad_mnist.typing import Array

TASKS = {"classification": Classes, "regression": Numbers}


def _classifies(network: NeuralNetwork) -> bool:
    return network.task == "classification"


class NeuralNetwork(Learner, NotInNetwork):
    """Multi-layer perceptron, specified by a formula or trained on arrays.

    It works wherever scikit-learn takes an estimator: pipelines, `cross_val_score`, `GridSearchCV`, `clone`.
    A search runs over processes with ``n_jobs=2``, and over a Dask cluster, whose client is there, inside
    ``joblib.parallel_config("dask")``.

    Parameters
    ----------
    formula : str, optional
        Formula such as ``"Species ~ ."``, see `Design`. Without one, ``fit(X, y)`` takes arrays or frames of
        numbers.
    data : frame or mapping of str to column, optional
        Examples for calls without `X`.
    hidden : int or tuple of int, default 20
        Sizes of the hidden layers; 0 or () for none, which is logistic or linear regression.
    task : {"classification", "regression"}, default "classification"
        Two classes share one output, trained by binary cross-entropy. More classes get one output each and
        softmax cross-entropy. Numbers get the mean squared error as a share of their variance.
    activation : {"sigmoid", "tanh", "relu"} or callable, default "sigmoid"
        Activation of the hidden layers, or a callable that returns a module.
    lr : float, default 0.05
        Learning rate. For regression a wide layer needs a lower one: 100 hidden units with the default
        momentum diverge from about 0.1 on.
    momentum, weight_decay : float, default 0.9 and 0.0
        Settings of the optimizer; one that takes no momentum is given none.
    schedule : str or callable, default "constant"
        Name with settings, as in `training.Recipe`: "cosine" lowers the learning rate to 0 over the epochs.
        "one-cycle" goes by epochs here.
        A callable takes ``(optimizer, epochs)`` and returns an `optim.LRScheduler` or None.
    batch_size : int or None, default 32
        Examples per step; None for all of them.
    epochs : int, default 200
        Passes over the examples.
    standardize : bool, default True
        Subtract the mean of each input and divide by its standard deviation, both of the training examples.
    early_stopping : bool, default False
        Hold out a share of the examples (of each class), end when their loss has not fallen for some epochs,
        and keep the weights of the best epoch. The loss decides, which is finer than the score.
    validation_fraction : float, default 0.1
        Share of the examples to hold out, with `early_stopping`.
    n_iter_no_change : int, default 10
        Number of epochs to wait for a lower loss, with `early_stopping`.
    random_state : int, RandomState or None, default 0
        Seed for initial weights and the order of examples; the same number gives the same network.
    verbose : int, default 0
        Print the loss every N epochs; 0 for never.
    optimizer : str or callable, default "sgd"
        Formulas of the updates: "sgd", "adam", "adamw", "rmsprop" or "adagrad", with settings as in
        "adam(betas=(0.9, 0.99))".  A callable takes the parameters, `lr` and `weight_decay`, and returns an
        `optim.Optimizer`.  Adam needs a lower `lr`, such as 0.01.
    decay_biases : bool, default True
        If False, `weight_decay` leaves out the biases.
    clip_norm, clip_value : float, optional
        Largest norm of all gradients together, and largest absolute value of an element of them.
    ema_decay : float, optional
        Decay of a moving average of the weights (`optim.EMA`).  `model_` then has the averages, and early
        stopping compares their losses.

    Attributes
    ----------
    model_ : nn.Sequential
        The network in float64, from (standardized) inputs to logits or standardized numbers.
    loss_ : float
        Loss over all training examples after the last epoch, plus ``weight_decay / 2`` times the sum of
        squared parameters that decay; for regression as a share of the response's variance.
    history_ : training.History
        Loss of each epoch and, for more than two classes, accuracy.
    classes_ : ndarray
        Classes in the order of the columns of `predict_proba`; only for classification.
    design_ : Design
        Coding of frames by the formula; only with a formula.

    Raises
    ------
    DataError
        If a setting, the formula or the examples cannot be used. It is a ValueError.
    DivergenceError
        If the loss becomes NaN or infinite.

    Warns
    -----
    ConvergenceWarning
        If the loss ends far above that of guessing, usually because `lr` is too high.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_iris
    >>> NeuralNetwork("Species ~ .", data=load_iris().columns(), hidden=5, epochs=50).fit()
    NeuralNetwork('Species ~ .', data=150 rows, epochs=50, hidden=5)
      4-5-3, sigmoid: setosa, versicolor, virginica
      loss 0.1446 after 50 epochs
    """

    @hinted
    def __init__(
        self,
        formula: str | None = None,
        data: Any = None,
        hidden: int | tuple[int, ...] = 20,
        *,
        task: str = "classification",
        activation: str | Callable[[], nn.Module] = "sigmoid",
        lr: float = 0.05,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        schedule: str | Callable[[optim.Optimizer, int], optim.LRScheduler | None] = "constant",
        batch_size: int | None = 32,
        epochs: int = 200,
        standardize: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
        optimizer: str | Callable[..., optim.Optimizer] = "sgd",
        decay_biases: bool = True,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        ema_decay: float | None = None,
    ) -> None:
        self.formula, self.data, self.hidden, self.task = formula, data, hidden, task
        self.activation, self.lr, self.momentum, self.weight_decay = activation, lr, momentum, weight_decay
        self.schedule, self.batch_size, self.epochs = schedule, batch_size, epochs
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.standardize, self.random_state, self.verbose = standardize, random_state, verbose
        self.optimizer, self.decay_biases = optimizer, decay_biases
        self.clip_norm, self.clip_value, self.ema_decay = clip_norm, clip_value, ema_decay

    @hinted
    def fit(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train from fresh weights and return the estimator.

        Parameters
        ----------
        X : array, shape (n, inputs), or frame, optional
            Numbers; with a formula a frame or a mapping of columns, by default `data`.
        y : array, shape (n,), or (n, outputs) for regression, optional
            Response; with a formula it replaces the left side.
        sample_weight : array, shape (n,), optional
            Weight of each row in the loss of its batch, and in the means that standardize.

        Raises
        ------
        DataError
            If a setting, the formula or the examples cannot be used.
        DivergenceError
            If the loss becomes NaN or infinite.
        """
        require_settings(self)
        examples, held_out = self._examples(X, y, sample_weight), None
        self._head: Head = chosen("task", TASKS, self.task)(examples.response, examples.weights)
        self._draw_seed()
        if self.early_stopping:
            examples, held_out = examples.split(
                self.validation_fraction, self._seed, stratified=_classifies(self)
            )
        self._begin(examples)
        self._learn(examples, self.epochs, held_out)
        return self

    @hinted
    def partial_fit(
        self,
        X: Any = None,  # noqa: N803
        y: Any = None,
        classes: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Go through some examples once more, from the weights there are, and return the estimator.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. The first call settles how inputs and numbers are standardized, and how a formula
            codes a frame.
        classes : array, optional
            All classes, at the first call of a classification; later calls may leave it out.

        Raises
        ------
        DataError
            If `classes` is missing at the first call, differs later, or lacks a label of `y`.
        """
        require_settings(self)
        if self.early_stopping:
            raise DataError("early_stopping is True: expected False for partial_fit; write fit(X, y)")
        first = not hasattr(self, "model_")
        examples = self._examples(X, y, sample_weight, first=first)
        if first:
            if _classifies(self) and classes is None:
                raise DataError(
                    "classes is None: expected all classes at the first call of partial_fit; write "
                    "partial_fit(X, y, classes=np.unique(y))"
                )
            labels = np.asarray(classes) if _classifies(self) else examples.response
            weights = None if _classifies(self) else examples.weights
            self._head = chosen("task", TASKS, self.task)(labels, weights)
            self._draw_seed()
            self._begin(examples)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise DataError(f"classes is {classes!r}: expected those of the first call, {self.classes_}")
        self._learn(examples, 1)
        return self

    def predict(self, X: Any = None) -> Array:  # noqa: N803
        """Return the most probable class or the number of each row.

        Parameters
        ----------
        X : array, shape (n, inputs), or frame, optional
            Examples; by default `data`.

        Returns
        -------
        ndarray, shape (n,), or (n, outputs) if the response had several columns
        """
        outputs = self._outputs(X)
        return self._head.answers(outputs)

    @available_if(_classifies)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any = None) -> Array:  # noqa: N803
        """Return the probability of each class; only for classification.

        Parameters
        ----------
        X : array, shape (n, inputs), or frame, optional
            Examples; by default `data`.

        Returns
        -------
        ndarray, shape (n, classes)
            Columns in the order of `classes_`; each row sums to 1.
        """
        outputs = self._outputs(X)
        assert isinstance(self._head, Classes)
        return self._head.probabilities(outputs)

    def score(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the accuracy from 0 to 1, or for regression R^2, the explained share of the variance.

        Parameters
        ----------
        X : array, shape (n, inputs), or frame, optional
            Examples; by default `data`.
        y : array, optional
            Response; by default the left side of the formula.
        sample_weight : array, shape (n,), optional
            Weight of each row.
        """
        predicted = self.predict(X)
        if y is None and self.formula is not None:
            y = self._response(self._given(X))
        measure = accuracy_score if _classifies(self) else r2_score
        return float(measure(y, predicted, sample_weight=sample_weight))

    def _outputs(self, X: Any) -> Array:  # noqa: N803
        """Return the outputs of the network's last layer, (n, width)."""
        check_is_fitted(self, "model_")
        if self.formula is None:
            inputs = validate_data(self, self._given(X), reset=False, dtype=np.float64)
        else:
            inputs = self._coded(self._given(X))
        with no_grad():
            return np.asarray(self.model_(self._standardized(inputs)).data)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        classifies = _classifies(self)
        tags.estimator_type = "classifier" if classifies else "regressor"
        tags.classifier_tags = ClassifierTags() if classifies else None
        tags.regressor_tags = None if classifies else RegressorTags()
        tags.target_tags.required = self.formula is None
        tags.target_tags.multi_output = not classifies
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # noqa: N803
        return described(self)
