"""A multi-layer perceptron by scikit-learn's conventions, with R's formulas."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from tinygrad_mnist import nn, no_grad, optim
from tinygrad_mnist.arguments import require_unmasked
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.estimator.description import Trace, described
from tinygrad_mnist.estimator.formula import INTERCEPT, Design
from tinygrad_mnist.estimator.frames import as_pandas, as_response
from tinygrad_mnist.estimator.heads import Classes, Head, Numbers, deviations
from tinygrad_mnist.estimator.settings import chosen, require_settings
from tinygrad_mnist.nn.perceptrons import layer_sizes
from tinygrad_mnist.training import evaluate, fit
from tinygrad_mnist.training.optimizers import OPTIMIZERS, build_optimizer
from tinygrad_mnist.training.recipe import ACTIVATIONS, SCHEDULES
from tinygrad_mnist.typing import Array

UNLEARNED = 10.0  # far above the loss of guessing: 1 for standardized numbers, log(n) for n classes
TASKS = {"classification": Classes, "regression": Numbers}


def _classifies(network: NeuralNetwork) -> bool:
    return network.task == "classification"


class NeuralNetwork(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Multi-layer perceptron, specified by a formula or trained on arrays.

    It works wherever scikit-learn takes an estimator: pipelines, `cross_val_score`, `GridSearchCV`, `clone`.

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
    schedule : {"constant", "cosine"} or callable, default "constant"
        "cosine" lowers the learning rate to 0 over the epochs. A callable takes ``(optimizer, epochs)`` and
        returns an `optim.LRScheduler` or None.
    batch_size : int or None, default 32
        Examples per step; None for all of them.
    epochs : int, default 200
        Passes over the examples.
    standardize : bool, default True
        Subtract the mean of each input and divide by its standard deviation, both of the training examples.
    random_state : int, RandomState or None, default 0
        Seed for initial weights and the order of examples; the same number gives the same network.
    verbose : int, default 0
        Print the loss every N epochs; 0 for never.
    optimizer : {"sgd", "adam", "adamw", "rmsprop", "adagrad"} or callable, default "sgd"
        Formulas of the updates.  A callable takes the parameters, `lr` and `weight_decay`, and returns an
        `optim.Optimizer`.  Adam needs a lower `lr`, such as 0.01.

    Attributes
    ----------
    model_ : nn.Sequential
        The network in float64, from (standardized) inputs to logits or standardized numbers.
    loss_ : float
        Loss over all training examples after the last epoch, plus ``weight_decay / 2`` times the sum of
        squared parameters; for regression as a share of the response's variance.
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
        random_state: Any = 0,
        verbose: int = 0,
        optimizer: str | Callable[..., optim.Optimizer] = "sgd",
    ) -> None:
        self.formula, self.data, self.hidden, self.task = formula, data, hidden, task
        self.activation, self.lr, self.momentum, self.weight_decay = activation, lr, momentum, weight_decay
        self.schedule, self.batch_size, self.epochs = schedule, batch_size, epochs
        self.standardize, self.random_state, self.verbose = standardize, random_state, verbose
        self.optimizer = optimizer

    def fit(self, X: Any = None, y: Any = None) -> Self:  # noqa: N803  scikit-learn's names
        """Train from fresh weights and return the estimator.

        Parameters
        ----------
        X : array, shape (n, inputs), or frame, optional
            Numbers; with a formula a frame or a mapping of columns, by default `data`.
        y : array, shape (n,), or (n, outputs) for regression, optional
            Response; with a formula it replaces the left side.

        Raises
        ------
        DataError
            If a setting, the formula or the examples cannot be used.
        DivergenceError
            If the loss becomes NaN or infinite.
        """
        require_settings(self)
        inputs, response = self._examples(X, y)
        self._head: Head = chosen("task", TASKS, self.task)(response)
        self._measure(inputs)
        loader, model = self._loader(self._standardized(inputs), response), self._build(inputs.shape[1])
        optimizer = build_optimizer(
            chosen("optimizer", OPTIMIZERS, self.optimizer),
            model.parameters(),
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )
        schedule = chosen("schedule", SCHEDULES, self.schedule)(optimizer, self.epochs)
        loss = self._head.loss
        self.history_ = fit(
            model,
            loss,
            optimizer,
            loader,
            epochs=self.epochs,
            schedule=schedule,
            callbacks=[Trace(self.verbose)] if self.verbose else [],
            progress=False,
        )
        squares = sum(float(np.sum(parameter.data**2)) for parameter in model.parameters())
        measured = evaluate(model, loss, loader).loss
        self._warn_of_divergence(measured)
        self.loss_ = measured + self.weight_decay / 2 * squares
        self.model_ = model
        if isinstance(self._head, Classes):
            self.classes_ = self._head.labels
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

    def _warn_of_divergence(self, loss: float) -> None:
        """Warn if the loss grew far above that of guessing but stayed finite."""
        if loss > UNLEARNED:
            warnings.warn(
                f"the loss ended at {loss:.3g}, and guessing gives about 1: training diverged at the "
                f"learning rate {self.lr}; use a lower one",
                ConvergenceWarning,
                stacklevel=warning_level(),
            )

    def _given(self, X: Any) -> Any:  # noqa: N803
        if X is None and self.data is None:
            raise DataError("there are no examples: pass X, or write NeuralNetwork(..., data=frame)")
        given = self.data if X is None else X
        columns = given.items() if isinstance(given, Mapping) else [("X" if X is not None else "data", given)]
        for name, values in columns:
            require_unmasked(name, values, DataError)
        return given

    def _response(self, frame: Any) -> Array:
        response = self.design_.response(frame)
        if response is None:
            raise DataError(f"{self.formula!r} has no left side: pass y, or name the response before the ~")
        return response

    def _examples(self, X: Any, y: Any) -> tuple[Array, Array]:  # noqa: N803
        """Return inputs (n, inputs) in float64 and the response, from a frame or from arrays."""
        if self.formula is None:
            regression = not _classifies(self)
            require_unmasked("y", y, DataError)
            return validate_data(  # type: ignore[no-any-return]
                self, self._given(X), y, dtype=np.float64, multi_output=regression, y_numeric=regression
            )
        frame = as_pandas(self._given(X))
        if not len(frame):
            raise DataError("the frame has no rows: expected at least one example")
        self.design_ = Design(self.formula, frame)
        response = self._response(frame) if y is None else as_response(y)
        inputs = self._coded(frame)
        if len(inputs) != len(response):
            raise DataError(f"y has {len(response)} values: expected {len(inputs)}, one per row of the frame")
        return inputs, response

    def _coded(self, frame: Any) -> Array:
        """Return the inputs of the formula without the intercept, which is the bias of the first layer."""
        kept = [name != INTERCEPT for name in self.design_.names]
        if not any(kept):
            raise DataError(f"{self.formula!r} has no input: name a column after the ~")
        return self.design_.inputs(frame)[:, kept]

    def _measure(self, inputs: Array) -> None:
        """Store the means and standard deviations for standardizing inputs."""
        self._mean, self._deviation = np.zeros(inputs.shape[1]), np.ones(inputs.shape[1])
        if self.standardize:
            self._mean, self._deviation = inputs.mean(axis=0), deviations(inputs)

    def _standardized(self, inputs: Array) -> Array:
        return np.asarray((inputs - self._mean) / self._deviation)

    def _loader(self, inputs: Array, response: Array) -> Loader:
        size = len(inputs) if self.batch_size is None else min(self.batch_size, len(inputs))
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        targets = self._head.targets(response)
        shuffle = size < len(inputs)
        return Loader(inputs, targets, size, shuffle=shuffle, seed=self._seed, dtype=np.float64)

    def _build(self, fan_in: int) -> nn.Sequential:
        """Return the network with initial weights from the seed."""
        try:
            sizes = layer_sizes((fan_in, *_hidden_sizes(self.hidden), self._head.width))
        except (TypeError, ValueError) as error:
            expected = "expected the size of a layer, or a tuple of sizes"
            raise DataError(f"hidden is {self.hidden!r}: {expected}") from error
        intercept = self.formula is None or INTERCEPT in self.design_.names
        return nn.perceptron(
            sizes,
            chosen("activation", ACTIVATIONS, self.activation),
            bias=[intercept, *[True] * (len(sizes) - 2)],
            rng=self._seed,
            dtype=np.float64,
        )

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


def _hidden_sizes(hidden: Any) -> tuple[Any, ...]:
    if isinstance(hidden, (tuple, list, np.ndarray)):
        return tuple(hidden)
    return (hidden,) if hidden else ()
