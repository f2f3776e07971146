"""Assertion that a primitive, or a function composed of ops, is correct."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.formula import input_names
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.check import check_gradients
from tinygrad_mnist.errors import DTypeError

Op = Callable[..., Any]


def assert_op(op: Op, *inputs: Any, order: int = 2, seed: int = 0, **settings: Any) -> None:
    """Assert that an op and its gradient rules are correct at these inputs.

    The op gives the same result for Tensors and for arrays, keeps float32, and leaves its inputs unchanged.
    Its first and second derivatives agree with central differences and the complex step.  In a test, draw the
    inputs with `strategies.operands`.

    Parameters
    ----------
    op : Primitive or callable
        The op to check; its result may have any shape.
    inputs : ndarray or object
        Operands.  Float arrays are differentiated; everything else (labels, a mask) is passed on unchanged.
    order : {1, 2}
        Highest derivative to check.  Use 1 if the rules cannot be differentiated themselves.
    seed : int
        Seed of the random weights that reduce the result to a scalar.
    settings
        Keyword arguments of the op.

    Raises
    ------
    AssertionError
        If a gradient is wrong (with the report, which names the inputs as the op does), float32 is not kept,
        an input is modified, or Tensors and arrays disagree.

    Examples
    --------
    >>> assert_op(ops.softmax, np.array([[0.1, 0.7, -0.3]]), axis=1)
    """

    def applied(*values: Any) -> Any:
        return op(*values, **settings)

    name = str(getattr(op, "name", None) or getattr(op, "__name__", op))
    _assert_records(name, applied, inputs)
    _assert_float32(name, applied, inputs)
    tested = sum(_checked(op, applied, inputs, derivative, seed) for derivative in range(1, order + 1))
    if not tested:
        _nothing_tested(name)


def _checked(op: Op, applied: Op, inputs: tuple[Any, ...], order: int, seed: int) -> int:
    """Return the number of entries tested; raise an AssertionError if some are wrong."""
    rng, shape = np.random.default_rng(seed), np.shape(applied(*inputs))
    weights = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)  # of both signs: a rule is linear
    report = check_gradients(
        lambda *values: ops.sum(applied(*values) * weights), *_named(op, inputs), order=order
    )
    if report.wrong:
        raise AssertionError(f"order {order}, wrong: {', '.join(report.wrong)}\n{report}")
    return sum(row.tested for row in report.rows)


def _named(op: Op, inputs: tuple[Any, ...]) -> list[Any]:
    """Turn float arrays into Tensors with the names that a primitive gives its inputs."""
    known = input_names(op, len(inputs)) if isinstance(op, Primitive) else []
    names = [*known, *(f"input {i}" for i in range(len(known), len(inputs)))]
    return [Tensor(x, name=name) if _is_float(x) else x for x, name in zip(inputs, names)]


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.floating | float) and np.asarray(x).dtype.kind == "f"


def _leaves(inputs: tuple[Any, ...], dtype: Any) -> list[Any]:
    return [Tensor(x, requires_grad=True, dtype=dtype) if _is_float(x) else x for x in inputs]


def _assert_records(name: str, applied: Op, inputs: tuple[Any, ...]) -> None:
    before = [np.array(x) for x in inputs]
    plain = applied(*inputs)
    if not all(np.array_equal(x, old, equal_nan=old.dtype.kind in "fc") for x, old in zip(inputs, before)):
        raise AssertionError(f"{name} changes its inputs: work on a copy")
    recorded = applied(*_leaves(inputs, None))
    if not isinstance(recorded, Tensor):
        raise AssertionError(
            f"{name} returns a plain {type(recorded).__name__} for Tensors: nothing is recorded"
        )
    if not np.array_equal(plain, recorded.data, equal_nan=True):
        raise AssertionError(f"{name} gives another result for Tensors than for arrays")


def _assert_float32(name: str, applied: Op, inputs: tuple[Any, ...]) -> None:
    try:
        result = applied(*_leaves(inputs, np.float32))
    except DTypeError as error:
        raise AssertionError(f"{name} does not keep float32: {error}") from error
    if result.dtype != np.float32:
        raise AssertionError(f"{name} turns float32 into {result.dtype}: keep the dtype of the inputs")


def _nothing_tested(name: str) -> None:
    """Have a Hypothesis test draw another example; fail in any other test."""
    hypothesis = sys.modules.get("hypothesis")
    if hypothesis is not None and hypothesis.currently_in_test_context():
        hypothesis.reject()
    raise AssertionError(f"all derivatives of {name} are too small at these inputs to be tested")
