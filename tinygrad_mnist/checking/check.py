"""Reverse mode held against independent derivatives, entry by entry, with a verdict for each.

How an entry is judged, r being reverse mode, c the central difference and z the complex step:

1. z decides where it agrees with c (as far as c can tell); c decides where z is not to be had, or where the
   function is not analytic: at a corner, or when a forward does something to complex numbers.
2. r agrees with what decides: *correct*; when c decides and both are lost in its rounding: *untested*.
3. r differs by no more than the rounding of the whole gradient: *precision*.
4. The slopes to both sides differ, also on a much smaller step: *kink* when r lies between them.
5. *wrong*.

The rounding of the function is measured, not assumed (`noise_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.numeric import (
    STEPS,
    central_entries,
    chosen_entries,
    complex_entries,
    noise_of,
)
from tinygrad_mnist.checking.problem import Problem, open_problem
from tinygrad_mnist.checking.report import VERDICTS, GradReport, Row, Verdict

Array = NDArray[Any]

EXACT = 1e-9  # relative agreement asked of the complex step
COARSE = 1e-5  # relative agreement asked of central differences, beyond their rounding
CORRECT, UNTESTED, PRECISION, KINK, WRONG = range(len(VERDICTS))
_LOOKS_FOR_KINKS = 500  # when none of so many bad entries is a kink, the rest is not looked at


def check_gradients(
    function: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    sample: int | None = None,
    seed: int = 0,
    by_hand: Mapping[str, Any] | None = None,
) -> GradReport:
    """Hold reverse-mode gradients against central differences and the complex step.

    The check runs in float64 copies; parameters, gradients and random generators are left as they were.

    Parameters
    ----------
    function, inputs
        A function with a scalar result, and what to call it with: arrays, Tensors, modules (their parameters
        are checked), dicts, lists and tuples of these.  Or a model, its loss, and a batch
        ``(inputs, targets)``.
    order
        2 checks the derivative of the gradient along a random direction, which needs rules that can be
        differentiated themselves.
    sample
        Test only so many entries of each variable, drawn from `seed`.
    by_hand
        Gradients derived by hand, by the variable's name, to stand beside the others; a difference is noted.

    Returns
    -------
    GradReport
        ``report.ok``; prints as a table.

    Raises
    ------
    GradientError
        When the function is not scalar, not finite, not deterministic, or there is nothing to check.

    Examples
    --------
    >>> report = check_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    >>> report.ok, report.summary()
    (True, '2 of 2 gradient entries tested; none is wrong')
    """
    with open_problem(function, *inputs, order=order, seed=seed) as problem:
        notes = []
        if problem.converted:
            notes.append(f"not float64, so checked in float64 copies: {', '.join(problem.converted)}")
        try:
            found = problem.gradients()
        except Exception as error:  # a wrong rule may fail in any way; the learner wants a report
            notes.append(
                f"the backward pass failed: {error} {' '.join(getattr(error, '__notes__', ()))}".strip()
            )
            found = dict.fromkeys(problem.variables)
        noise = noise_of(problem, seed)
        rows = []
        for name, variable in problem.variables.items():
            hand = None if by_hand is None or name not in by_hand else np.asarray(by_hand[name], np.float64)
            entries = chosen_entries(variable.shape, sample, seed)
            rows.append(_check_variable(problem, name, variable, entries, found[name], hand, noise, notes))
    return GradReport(tuple(rows), tuple(dict.fromkeys(notes)), order)


def assert_gradients(function: Callable[..., Any], *inputs: Any, **options: Any) -> None:
    """Raise an AssertionError with the table unless `check_gradients` finds everything right: for pytest.

    Examples
    --------
    >>> assert_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    """
    report = check_gradients(function, *inputs, **options)
    if not report.ok:
        raise AssertionError(f"gradients are wrong or untested\n{report}")


@dataclass
class _Entries:
    """The drawn entries of one variable: derivatives of all kinds, errors and verdicts, one each."""

    reverse: Array
    central: Array
    complex_step: Array | None
    trusted: Array  # where the complex step agrees with the central difference
    rounding: Array  # what rounding may do to `central`
    errors: Array
    verdicts: Array


def _check_variable(
    problem: Problem,
    name: str,
    variable: Tensor,
    entries: Array,
    gradient: Array | None,
    hand: Array | None,
    noise: float,
    notes: list[str],
) -> Row:
    central = central_entries(problem, variable, entries, STEPS["central"])
    try:
        exact = complex_entries(problem, variable, entries)
    except Exception as error:  # whatever a function does with complex numbers
        exact = None
        notes.append(f"no complex step: {type(error).__name__}: {error}")
    fits = gradient is not None and gradient.shape == variable.shape
    if gradient is None and not central.any():
        notes.append(f"the function does not depend on {name}")
    elif gradient is None:
        notes.append(f"no gradient arrives at {name}, and yet the function changes with it")
    elif not fits:
        notes.append(f"the gradient of {name} has shape {gradient.shape}, and {name} has {variable.shape}")
    reverse = gradient.reshape(-1)[entries] if gradient is not None and fits else np.zeros(len(entries))
    steps = STEPS["central"] * np.maximum(1, np.abs(variable._data.reshape(-1)[entries]))
    judged = _judge(reverse, central, exact, 4 * noise / steps)
    _look_for_kinks(problem, variable, entries, judged)
    if gradient is None and not central.any():
        judged.verdicts[:] = UNTESTED
    elif not fits:
        judged.verdicts[:] = WRONG
    if hand is not None:
        _note_hand(name, hand.reshape(-1)[entries], judged, notes)
    return _row(name, variable.shape, entries, judged, hand, gradient is not None and fits)


def relative_error(a: Array, b: Array) -> Array:
    """|a - b| / max(|a|, |b|), and 0 where both are 0."""
    scale = np.maximum(np.abs(a), np.abs(b))
    return np.asarray(np.abs(a - b) / np.where(scale > 0, scale, 1))


def _judge(reverse: Array, central: Array, exact: Array | None, rounding: Array) -> _Entries:
    """Steps 1 to 3 and 5 of the head of this file; step 4 looks again at what is wrong here."""

    def near(a: Array, b: Array) -> Array:
        return np.asarray(np.abs(a - b) <= COARSE * np.maximum(np.abs(a), np.abs(b)) + rounding)

    trusted = near(exact, central) if exact is not None else np.zeros(len(reverse), bool)
    decider = np.where(trusted, exact, central) if exact is not None else central
    errors = relative_error(reverse, decider)
    # A gradient entry carries the rounding of the terms it was summed from, which may be as large as the
    # largest entry; a function that computes in float32 inside shows that in its measured noise.
    scale = np.abs(decider).max(initial=0.0)
    allowance = 1e3 * np.finfo(float).eps * scale
    verdicts = np.full(len(reverse), WRONG)
    verdicts[np.abs(reverse - decider) <= allowance] = PRECISION
    verdicts[near(reverse, central) & ~trusted] = CORRECT
    verdicts[trusted & (errors <= EXACT)] = CORRECT
    hidden = np.maximum(np.abs(reverse), np.abs(central)) < rounding
    verdicts[hidden & ~trusted & ~((reverse == 0) & (central == 0))] = UNTESTED
    coarse = trusted & (verdicts == WRONG) & near(reverse, decider) & (rounding > 1e-8 * scale)
    verdicts[coarse] = PRECISION
    return _Entries(reverse, central, exact, trusted, rounding, errors, verdicts)


def _look_for_kinks(problem: Problem, variable: Tensor, entries: Array, judged: _Entries) -> None:
    """Turn *wrong* into *kink* where the gradient is one of the slopes at a corner.

    Where the two oracles contradict each other there may be a corner too, on which reverse mode agrees with
    one of them by choice or luck.
    """
    torn = (judged.verdicts == CORRECT) & ~judged.trusted if judged.complex_step is not None else False
    bad = np.flatnonzero((judged.verdicts == WRONG) | torn)
    middle = problem.value()
    for number, k in enumerate(bad):
        if number == _LOOKS_FOR_KINKS and not (judged.verdicts[bad] == KINK).any():
            return
        if _is_one_of_the_slopes(
            problem, variable, entries[k], judged.reverse[k], judged.rounding[k], middle
        ):
            judged.verdicts[k] = KINK


def _is_one_of_the_slopes(
    problem: Problem, variable: Tensor, position: int, r: float, rounding: float, middle: float
) -> bool:
    """Whether the function has a corner within the step, and `r` lies between the slopes beside it."""
    flat = variable._data.reshape(-1)
    before = flat[position]
    step = STEPS["central"] * max(1.0, abs(before))
    gaps = []
    for h in (step, step / 16):
        flat[position] = before + h
        right = (problem.value() - middle) / h
        flat[position] = before - h
        left = (middle - problem.value()) / h
        low, high = min(left, right), max(left, right)
        slack = COARSE * max(abs(low), abs(high)) + rounding * step / h
        gaps.append(high - low)
        if high - low > 10 * slack and low - slack <= r <= high + slack:
            between = True
            break
        between = abs(r - (left + right) / 2) <= slack and bool(gaps[0] > 10 * slack)
    flat[position] = before
    return between


def _note_hand(name: str, hand: Array, judged: _Entries, notes: list[str]) -> None:
    decider = judged.complex_step if judged.complex_step is not None else judged.central
    scale = np.abs(decider).max(initial=0.0)
    if np.abs(hand - decider).max(initial=0.0) > COARSE * scale:
        notes.append(f"the gradient of {name} derived by hand differs from the numeric one")


def _row(
    name: str, shape: tuple[int, ...], entries: Array, judged: _Entries, hand: Array | None, arrived: bool
) -> Row:
    counts = {v: int((judged.verdicts == i).sum()) for i, v in enumerate(VERDICTS)}
    verdict = _verdict_of_row(counts)
    among = np.flatnonzero(judged.verdicts == VERDICTS.index(verdict))
    k = int(among[judged.errors[among].argmax()]) if len(among) else 0
    index = tuple(int(i) for i in np.unravel_index(int(entries[k]), shape))
    return Row(
        name=name,
        shape=shape,
        counts={v: n for v, n in counts.items() if n},
        worst=index,
        reverse=float(judged.reverse[k]) if arrived else None,
        central=float(judged.central[k]),
        complex_step=None if judged.complex_step is None else float(judged.complex_step[k]),
        by_hand=None if hand is None else float(hand[index]),
        error=float(judged.errors[k]),
        central_difference=_over_largest(judged.reverse, judged.central),
        complex_difference=None
        if judged.complex_step is None
        else _over_largest(judged.reverse, judged.complex_step),
        verdict=verdict,
    )


def _over_largest(a: Array, b: Array) -> float:
    scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0) / scale) if scale else 0.0


def _verdict_of_row(counts: dict[Verdict, int]) -> Verdict:
    """The gravest; untested only when nothing else is left to say."""
    said = [verdict for verdict in VERDICTS if counts[verdict]]
    return said[-1] if said else "untested"
