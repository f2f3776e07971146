"""The right rule beside a wrong one: its formula if somebody declared it, and the numbers that both send.

No formula is guessed.  A rule is known if the same forward was declared with it first, which is so for a
planted mistake, or if the forward is a call of another op.  It must then pass the check that the wrong rule
failed.  The numbers of an op without such a rule are slopes, by the complex step or central differences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.backward import differentiated
from tinygrad_mnist.autodiff.formula import rule_formula
from tinygrad_mnist.autodiff.modes import enable_grad
from tinygrad_mnist.autodiff.primitive import Primitive, peeled
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.rule_check import Application, summed_to
from tinygrad_mnist.graph.data import Right, Statistics
from tinygrad_mnist.typing import Array

_WORK = 5e6  # elements computed for slopes by entry: a second at most
_SAME = 1e-6  # relative: numbers closer than this do not show an error


def right_beside(tensor: Tensor, position: int, g: Array | None) -> Right:
    """Return the right rule of one input of a computed tensor, and the numbers at which the wrong one errs.

    Parameters
    ----------
    g
        The gradient of `tensor` in the backward pass; None if it is not known.
    """
    wrong = _application(tensor, tensor.primitive)
    right = next((made for made in _declared(tensor, position) if _passes(tensor, made, position)), None)
    formula = "" if right is None else formula_of(right, tensor, position)
    random = wrong.g
    given = [(g, ""), (None if g is None else -g, "-g"), (random, "a random g"), (-random, "another g")]
    for each, words in given:
        if each is not None and each.shape == tensor.shape and np.isfinite(each).all():
            wrong.g = np.asarray(each, np.float64)
            sent = _sent(wrong, position)
            expected, source = _expected(wrong, _application(tensor, right) if right else None, position)
            if sent is None or _differ(sent, expected):
                return beside(sent, expected, formula=formula, source=source, given=words)
    return Right(formula) if formula else _in_sum(tensor)


def beside(
    sent: Array | None, expected: Array, *, formula: str = "", source: str = "", given: str = ""
) -> Right:
    """Return what was sent and what is right, with the entry at which they differ most.

    Parameters
    ----------
    expected
        NaN where it is not known.
    formula, source, given
        As in `Right`.
    """
    known = ~np.isnan(expected)
    if not known.any():
        return Right(formula, _statistics(sent))
    comparable = sent is not None and sent.shape == expected.shape
    off = np.abs(sent - expected) if comparable else np.abs(expected)
    worst = np.unravel_index(np.argmax(np.where(known, np.nan_to_num(off, nan=np.inf), -1)), expected.shape)
    return Right(
        formula,
        _statistics(sent),
        _statistics(expected) if known.all() else None,
        tuple(map(int, worst)),
        float(sent[worst]) if sent is not None and comparable else None,
        float(expected[worst]),
        source,
        given,
    )


def formula_of(primitive: Primitive, tensor: Tensor, position: int) -> str:
    """Return a rule as text, or why it has none: a wrong rule may not run on symbols at all."""
    values = tuple(map(peeled, tensor.inputs))
    try:
        return rule_formula(primitive, position, values, tensor.attributes).text
    except Exception as error:
        return f"(cannot be written down: {error})"


def _application(tensor: Tensor, primitive: Any) -> Application:
    inputs = list(map(peeled, tensor.inputs))
    return Application(primitive, inputs, tensor.attributes, np.random.default_rng(0))


def _statistics(array: Array | None) -> Statistics | None:
    return None if array is None else Statistics.of(array)


def _in_sum(tensor: Tensor) -> Right:
    """Return the sum of what the rules send at a tie, where each share may be right alone, and what it is."""
    node = _application(tensor, tensor.primitive)
    for position in differentiated(tensor):
        node.check(position)
    sent, expected = node.together()
    if np.isnan(expected):
        return Right()
    return Right(sent_there=sent, expected_there=expected, given="a random g")


# The right rule


def _declared(tensor: Tensor, position: int) -> Iterator[Primitive]:
    """Yield the op of a tensor under other rules: those it had first, and those of the op that it calls."""
    primitive: Any = tensor.primitive
    if primitive.first_rules and primitive.first_rules != primitive.rules:
        yield _with_rules(primitive, primitive.first_rules)
    called = None if primitive.variadic else _called_op(tensor)
    if called is not None and called.primitive is not primitive and not called.primitive.variadic:
        rules = called.primitive.first_rules
        yield _with_rules(primitive, [_read(rule, called.attributes) for rule in rules])


def _with_rules(primitive: Primitive, rules: Any) -> Primitive:
    """Return the op with other rules, beside the registered one."""
    made = object.__new__(Primitive)
    vars(made).update(vars(primitive), rules=tuple(rules))
    return made


def _read(rule: Any, settings: dict[str, Any]) -> Callable[..., Any] | None:
    """Return a rule that always gets these settings."""
    return rule and (lambda g, y, *inputs, **others: rule(g, y, *inputs, **settings))


def _called_op(tensor: Tensor) -> Any:
    """Return the forward's result on Tensors if it is one op on the same inputs, else None."""
    values = map(peeled, tensor.inputs)
    inputs = [
        Tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x for x in values
    ]
    try:
        with enable_grad():
            result = tensor.primitive.forward(*inputs, **tensor.attributes)  # type: ignore[union-attr]
    except Exception:  # written for arrays
        return None
    same = isinstance(result, Tensor) and list(map(id, result.inputs)) == list(map(id, inputs))
    return result if same else None


def _passes(tensor: Tensor, primitive: Primitive, position: int) -> bool:
    """Return True if the check finds a rule correct on the values that the tensor had."""
    if primitive.rule(position) is None:
        return False
    node = _application(tensor, primitive)
    return node.check(position).verdict == "correct"


# The numbers


def _sent(node: Application, position: int) -> Array | None:
    """Return what a wrong rule sends; None if it fails."""
    try:
        return summed_to(node.contribution(position), node.values[position].shape)
    except Exception:
        return None


def _expected(node: Application, right: Application | None, position: int) -> tuple[Array, str]:
    """Return the right gradient for the g of `node`, NaN where it is not known, and its source."""
    if right is not None:
        right.g = node.g
        sent = _sent(right, position)
        if sent is not None:
            return sent, "the right rule"
    x = node.values[position]
    try:
        slopes, is_exact = node.slopes(position, _entries(node, x))
    except Exception:  # a forward may refuse other values in any way
        return np.full(x.shape, np.nan), ""
    return slopes, "the complex step" if is_exact else "central differences"


def _entries(node: Application, x: Array) -> Array:
    """Return the positions to compute slopes at: all, or those that a large array leaves time for."""
    most = max(int(_WORK / (x.size + node.y.size)), 20)
    everything = np.arange(x.size)
    return everything if x.size <= most else np.random.default_rng(0).choice(everything, most, replace=False)


def _differ(sent: Array, expected: Array) -> bool:
    """Return True if an entry of a gradient is wrong by more than rounding."""
    known = ~np.isnan(expected)
    if not known.any():
        return False
    off = np.nan_to_num(np.abs(sent - expected)[known], nan=np.inf).max()
    return bool(off > _SAME * np.abs(expected[known]).max() + np.finfo(float).tiny)
