"""A multi-layer perceptron as one object, by scikit-learn's conventions, with R's formulas."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from numbers import Integral, Real
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
from tinygrad_mnist.estimator.formula import INTERCEPT, Design
from tinygrad_mnist.estimator.frames import as_pandas, as_response
from tinygrad_mnist.estimator.heads import Classes, Head, Numbers, deviations
from tinygrad_mnist.nn.perceptrons import layer_sizes, sizes_as_text
from tinygrad_mnist.training import Epoch, Training, evaluate, fit
from tinygrad_mnist.training.recipe import ACTIVATIONS, SCHEDULES
from tinygrad_mnist.typing import Array

UNLEARNED = 10.0  # a loss that guessing is far below: 1 for standardized numbers, log(n) for n classes
TASKS = {"classification": Classes, "regression": Numbers}


def _classifies(network: NeuralNetwork) -> bool:
    return network.task == "classification"


class _Trace:
    """A callback that prints loss and accuracy of every N-th epoch."""

    def __init__(self, every: int) -> None:
        self.every = every

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        if epoch.epoch % self.every == 0:
            accuracy = "" if epoch.train_accuracy is None else f"  accuracy {epoch.train_accuracy:.4f}"
            print(f"epoch {epoch.epoch:,}  loss {epoch.train_loss:.6f}{accuracy}")


class NeuralNetwork(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A multi-layer perceptron that is told what to learn by a formula, or given arrays.

    It works wherever scikit-learn takes an estimator: pipelines, `cross_val_score`, `GridSearchCV`, `clone`.

    Parameters
    ----------
    formula : str, optional
        ``"Species ~ ."``, see `Design`; without, ``fit(X, y)`` takes arrays or frames of numbers.
    data : frame or mapping of columns, optional
        What the methods use where they are given no `X`.
    hidden : int or tuple of int
        The sizes of the hidden layers; 0 or () for none, which is logistic or linear regression.
    task : "classification" or "regression"
        Two classes get one output, trained by binary cross-entropy; more get an output each and softmax
        cross-entropy; numbers get the mean squared error, as a share of their variance.
    activation : str or callable
        "sigmoid", "tanh", "relu", or what gives a module when it is called.
    lr, momentum, weight_decay
        As `optim.SGD` takes them.  A wide layer wants a lower `lr` for regression: from about 0.1 on, the
        default momentum and 100 hidden units diverge.
    schedule : str or callable
        "constant"; "cosine", down to 0 over the epochs; or ``(optimizer, epochs)`` to an `optim.LRScheduler`.
    batch_size : int, optional
        Examples a step; None for all of them.
    epochs : int
        How often to go through the examples.
    standardize : bool
        Subtract each input's mean and divide by its standard deviation, both of the training examples.
    random_state : int, RandomState or None
        For the first weights and the order of examples; the same number gives the same network.
    verbose : int
        Print the loss every so many epochs; 0 for never.

    Attributes
    ----------
    model_ : nn.Sequential
        The network, on (standardized) inputs, giving logits or standardized numbers, in float64.
    loss_ : float
        After the last epoch, over all training examples, with ``weight_decay / 2`` times the sum of squared
        parameters added; for regression as a share of the response's variance.
    history_ : training.History
        The epochs, with the loss while they ran and, for more than two classes, the accuracy.
    classes_ : ndarray
        The classes in the order of `predict_proba`'s columns; for classification only.
    design_ : Design
        How the formula codes a frame; with a formula only.

    Raises
    ------
    DataError
        When a setting, the formula or the examples cannot be used.  It is a ValueError.
    DivergenceError
        When the loss becomes NaN or infinite.

    Warns
    -----
    ConvergenceWarning
        When the loss has grown far above that of guessing, by too high a rate.

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
        schedule: str | Callable[[optim.SGD, int], optim.LRScheduler | None] = "constant",
        batch_size: int | None = 32,
        epochs: int = 200,
        standardize: bool = True,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.formula, self.data, self.hidden, self.task = formula, data, hidden, task
        self.activation, self.lr, self.momentum, self.weight_decay = activation, lr, momentum, weight_decay
        self.schedule, self.batch_size, self.epochs = schedule, batch_size, epochs
        self.standardize, self.random_state, self.verbose = standardize, random_state, verbose

    def fit(self, X: Any = None, y: Any = None) -> Self:  # noqa: N803  scikit-learn's names
        """Train from fresh weights.

        Parameters
        ----------
        X : array (n, inputs) or frame, optional
            Of numbers; with a formula a frame or a mapping of columns, by default `data`.
        y : array (n,), or (n, outputs) for regression, optional
            The response; with a formula it takes the place of the left side.
        """
        self._check_settings()
        inputs, response = self._examples(X, y)
        self._head: Head = _choice("task", TASKS, self.task)(response)
        self._measure(inputs)
        loader, model = self._loader(self._standardized(inputs), response), self._build(inputs.shape[1])
        optimizer = optim.SGD(
            model.parameters(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay
        )
        schedule = _choice("schedule", SCHEDULES, self.schedule)(optimizer, self.epochs)
        loss = self._head.loss
        self.history_ = fit(
            model,
            loss,
            optimizer,
            loader,
            epochs=self.epochs,
            schedule=schedule,
            callbacks=[_Trace(self.verbose)] if self.verbose else [],
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
        """The likeliest class of each row, or its number: (n,), or (n, outputs) as the response was."""
        outputs = self._outputs(X)
        return self._head.answers(outputs)

    @available_if(_classifies)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any = None) -> Array:  # noqa: N803
        """The probability of each of `classes_`, (n, classes); for classification only."""
        outputs = self._outputs(X)
        assert isinstance(self._head, Classes)
        return self._head.probabilities(outputs)

    def score(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """Accuracy, as a fraction of 1, or the share R^2 of the variance explained; rows may have weights."""
        predicted = self.predict(X)
        if y is None and self.formula is not None:
            y = self._response(self._given(X))
        measure = accuracy_score if _classifies(self) else r2_score
        return float(measure(y, predicted, sample_weight=sample_weight))

    def _check_settings(self) -> None:
        for name, least in (("epochs", 0), ("verbose", 0), ("batch_size", 1)):
            value = getattr(self, name)
            if name == "batch_size" and value is None:
                continue
            if not isinstance(value, Integral) or value < least:
                raise DataError(f"{name} is {value!r}: expected a whole number, at least {least}")
        for name in ("lr", "momentum", "weight_decay"):
            value = getattr(self, name)
            if not isinstance(value, Real):
                raise DataError(f"{name} is {value!r}: expected a number")

    def _warn_of_divergence(self, loss: float) -> None:
        """Say so where the loss grew without becoming infinite in time."""
        if loss > UNLEARNED:
            warnings.warn(
                f"the loss ended at {loss:.3g}, where guessing makes about 1: it diverged "
                f"at the learning rate {self.lr}, take a lower one",
                ConvergenceWarning,
                stacklevel=warning_level(),
            )

    def _given(self, X: Any) -> Any:  # noqa: N803
        if X is None and self.data is None:
            raise DataError("there are no examples: give X, or data when the network is made")
        given = self.data if X is None else X
        columns = given.items() if isinstance(given, Mapping) else [("X" if X is not None else "data", given)]
        for name, values in columns:
            require_unmasked(name, values, DataError)
        return given

    def _response(self, frame: Any) -> Array:
        response = self.design_.response(frame)
        if response is None:
            raise DataError(f"{self.formula!r} has no left side: give y, or name the response before the ~")
        return response

    def _examples(self, X: Any, y: Any) -> tuple[Array, Array]:  # noqa: N803
        """Inputs (n, inputs) in float64 and the response, from a frame and a formula or from arrays."""
        if self.formula is None:
            regression = not _classifies(self)
            require_unmasked("y", y, DataError)
            return validate_data(  # type: ignore[no-any-return]
                self, self._given(X), y, dtype=np.float64, multi_output=regression, y_numeric=regression
            )
        frame = as_pandas(self._given(X))
        if not len(frame):
            raise DataError("the frame has no rows to learn from")
        self.design_ = Design(self.formula, frame)
        response = self._response(frame) if y is None else as_response(y)
        inputs = self._coded(frame)
        if len(inputs) != len(response):
            raise DataError(f"the frame has {len(inputs)} rows and y {len(response)}: each row needs one")
        return inputs, response

    def _coded(self, frame: Any) -> Array:
        """The formula's inputs; the intercept is the first layer's bias and no input."""
        kept = [name != INTERCEPT for name in self.design_.names]
        if not any(kept):
            raise DataError(f"{self.formula!r} leaves no input to learn from")
        return self.design_.inputs(frame)[:, kept]

    def _measure(self, inputs: Array) -> None:
        """Note the means and standard deviations that inputs are standardized by."""
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
        """The network, its weights drawn from the seed."""
        try:
            sizes = layer_sizes((fan_in, *_hidden_sizes(self.hidden), self._head.width))
        except (TypeError, ValueError) as error:
            expected = "expected the size of a layer, or a tuple of sizes"
            raise DataError(f"hidden is {self.hidden!r}: {expected}") from error
        intercept = self.formula is None or INTERCEPT in self.design_.names
        return nn.perceptron(
            sizes,
            _choice("activation", ACTIVATIONS, self.activation),
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
        defaults = type(self)().get_params()
        parts = [repr(self.formula)] if self.formula is not None else []
        if self.data is not None:
            parts.append(f"data={_size(self.data)}")
        for name, value in self.get_params(deep=False).items():
            if name not in ("formula", "data") and repr(value) != repr(defaults[name]):
                parts.append(f"{name}={value!r}")
        lines = [f"NeuralNetwork({', '.join(parts)})"]
        if hasattr(self, "model_"):
            linear = [layer for layer in self.model_ if isinstance(layer, nn.Linear)]
            sizes = sizes_as_text([linear[0].in_features, *(layer.out_features for layer in linear)])
            activation = f", {type(self.model_[1]).__name__.lower()}" if len(linear) > 1 else ""
            lines += [f"  {sizes}{activation}: {self._head.describe()}"]
            lines += [f"  loss {self.loss_:.4g} after {len(self.history_)} epochs"]
        return "\n".join(lines)


def _size(data: Any) -> str:
    """The number of rows in words, or what it is where it has none, as what is refused may still be shown."""
    column = next(iter(data.values()), ()) if isinstance(data, dict) else data
    try:
        return f"{len(column)} rows"
    except TypeError:
        return type(data).__name__


def _hidden_sizes(hidden: Any) -> tuple[Any, ...]:
    if isinstance(hidden, (tuple, list, np.ndarray)):
        return tuple(hidden)
    return (hidden,) if hidden else ()


def _choice(setting: str, known: Any, value: Any) -> Any:
    """The setting's meaning: by name, or a callable of one's own."""
    if callable(value):
        return value
    if value not in known:
        raise DataError(f"{setting} is {value!r}: expected one of {', '.join(known)}")
    return known[value]
