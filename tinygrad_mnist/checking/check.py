"""Compare reverse mode with independent derivatives, entry by entry; `judge` decides on each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.diagnose import diagnose
from tinygrad_mnist.checking.inputs import Problem, open_problem
from tinygrad_mnist.checking.judge import COARSE, Entries, judge, relative_error
from tinygrad_mnist.checking.numeric import (
    BEST_H,
    central_entries,
    chosen_entries,
    complex_entries,
    noise_of,
    slope_along,
)
from tinygrad_mnist.checking.rule_findings import RuleFinding
from tinygrad_mnist.checking.verdicts import KINK, UNTESTED, VERDICTS, WRONG, GradReport, GradRow, Verdict
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.typing import Array


def check_gradients(
    function: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    sample: int | None = None,
    seed: int = 0,
    by_hand: Mapping[str, Any] | None = None,
) -> GradReport:
    """Compare reverse-mode gradients with central differences and the complex step.

    The check runs on float64 copies; parameters, gradients and random generators are left as they were.

    Parameters
    ----------
    function, inputs
        A function with a scalar result and its arguments: arrays, Tensors, modules (their parameters are
        checked), or dicts, lists and tuples of these.  Or a model, its loss, and a batch
        ``(inputs, targets)``.
    order : {1, 2}
        2 checks the derivative of the gradient along a random direction.  The rules must then be
        differentiable themselves.
    sample : int, optional
        Test this number of entries of each variable, drawn from `seed`; by default all.
    seed : int, default 0
        Seed of the sample and of random directions.
    by_hand : mapping of str to array, optional
        Gradients derived by hand, by variable name: shown in a separate column, with a note if they differ.

    Returns
    -------
    GradReport
        ``report.ok`` is the outcome; prints as a table.

    Raises
    ------
    GradientError
        If the function is not scalar, finite and deterministic, or there is nothing to check.

    Examples
    --------
    >>> report = check_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    >>> report.ok, report.summary()
    (True, '2 of 2 gradient entries tested; none is wrong')
    """
    if sample is not None and sample < 1:
        raise GradientError(
            f"sample is {sample}: expected the number of entries to test per variable, at least 1"
        )
    with open_problem(function, *inputs, order=order, seed=seed) as problem:
        hands = _hand_derived(by_hand or {}, problem)
        return _Check(problem, hands, sample, seed).report(order)


def assert_gradients(function: Callable[..., Any], *inputs: Any, **options: Any) -> None:
    """Assert that `check_gradients` finds every gradient correct: for a test.

    Raises
    ------
    AssertionError
        With the report, if a gradient is wrong or nothing of it could be tested.

    Examples
    --------
    >>> assert_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    """
    report = check_gradients(function, *inputs, **options)
    if not report.ok:
        raise AssertionError(f"gradients are wrong or untested\n{report}")


def _hand_derived(by_hand: Mapping[str, Any], problem: Problem) -> dict[str, Array]:
    """Return the hand-derived gradients as arrays; refuse one without a variable of its shape."""
    hands = {name: np.asarray(value, np.float64) for name, value in by_hand.items()}
    for name, hand in hands.items():
        if name not in problem.variables:
            raise GradientError(f"by_hand names {name!r}: the variables are {', '.join(problem.variables)}")
        if hand.shape != problem.variables[name].shape:
            raise GradientError(
                f"the gradient of {name} derived by hand has shape {hand.shape}, and {name} has "
                f"{problem.variables[name].shape}"
            )
    return hands


class _Check:
    """One run of the check on an open problem."""

    def __init__(self, problem: Problem, hands: dict[str, Array], sample: int | None, seed: int) -> None:
        self.problem, self.hands, self.sample, self.seed = problem, hands, sample, seed
        self.notes: list[str] = []
        self.findings: tuple[RuleFinding, ...] = ()
        if problem.converted:
            self.note(f"not float64, so checked in float64 copies: {', '.join(problem.converted)}")
        self.noise = noise_of(problem, seed)
        self.failed = False
        self.flow = 0.0
        self.found = self.gradients()

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def report(self, order: int) -> GradReport:
        compared = {name: self.compare(name) for name in self.problem.variables}
        confirmed = any(
            e.exact is not None and (np.abs(e.exact) > 10 * e.rounding).any() for e in compared.values()
        )
        for name, entries in compared.items():
            self.judge(name, entries, confirmed)
        self.look_at_rules(compared)
        rows = tuple(
            _row_of(name, variable.shape, compared[name], self.hands.get(name), self.found[name] is not None)
            for name, variable in self.problem.variables.items()
        )
        return GradReport(rows, tuple(self.notes), order, self.findings)

    def gradients(self) -> dict[str, Array | None]:
        """Return the gradients by reverse mode; None where none arrives, or none of the right shape."""
        try:
            with self.problem.beside(self.seed), suppress(ArithmeticError, ValueError):
                self.problem.gradients()  # an extra pass, so that a value kept by a rule shows
            found = self.problem.gradients()
            self.flow = self.problem.largest_gradient()
        except Exception as error:  # a wrong rule may fail in any way; the report says so
            self.failed = True
            said = " ".join([str(error), *(f"({n})" for n in getattr(error, "__notes__", ()))])
            self.note(f"the backward pass failed: {said}")
            return dict.fromkeys(self.problem.variables)
        for name, variable in self.problem.variables.items():
            gradient = found[name]
            if gradient is not None and gradient.shape != variable.shape:
                self.note(
                    f"the gradient of {name} has shape {gradient.shape}, and {name} has {variable.shape}"
                )
                found[name] = None
        return found

    def compare(self, name: str) -> Entries:
        """Compute all derivatives of the drawn entries of a variable."""
        variable, gradient = self.problem.variables[name], self.found[name]
        positions = chosen_entries(variable.shape, self.sample, self.seed)
        reverse = np.zeros(len(positions)) if gradient is None else gradient.reshape(-1)[positions]
        base = self._base_h(reverse)
        central = central_entries(self.problem, variable, positions, base)
        try:
            exact = complex_entries(self.problem, variable, positions)
        except Exception as error:  # a function may refuse complex numbers in any way
            exact = None
            self.note(f"no complex step, central differences decide: {_reason(error)}")
        h = base * np.maximum(1, np.abs(variable._data.reshape(-1)[positions]))
        eps = np.finfo(float).eps
        largest = np.nanmax(np.abs(central if exact is None else exact), initial=0.0)
        return Entries(
            positions=positions,
            reverse=np.asarray(reverse, np.float64),
            central=central,
            exact=exact,
            h=h,
            rounding=4 * self.noise / h,
            allowance=1e3 * eps * largest + (1e2 * eps * self.flow + 30 * self.noise) * base / h,
            decider=central.copy(),
            verdicts=np.full(len(positions), WRONG),
            contradicted=np.zeros(len(positions), bool),
        )

    def _base_h(self, reverse: Array) -> float:
        """Return the h for which rounding, noise / h, equals truncation, about h**2 of the derivative.

        The derivative's size is taken from reverse mode.  That may be wrong, so h is bounded.
        """
        slope = float(np.nanmax(np.abs(reverse), initial=0.0))
        value = max(abs(self.problem.value_or_nan()), slope)
        least, most = (float(np.cbrt(self.noise / size)) if size else 0.0 for size in (value, slope))
        return float(np.clip(most, max(least, BEST_H["central"]), max(least, 1e-4)).clip(max=1e-2))

    def judge(self, name: str, entries: Entries, confirmed: bool) -> None:
        """Judge the entries of a variable; note what concerns all of it."""
        moves = np.nan_to_num(entries.central, nan=1.0).any() or bool(
            entries.exact is not None and entries.exact.any()
        )
        if self.found[name] is None and not moves:
            self.note(f"the function does not depend on {name}")
            entries.verdicts[:] = UNTESTED
            return
        if self.found[name] is None:
            if not self.failed and f"of {name} has shape" not in " ".join(self.notes):
                self.note(f"no gradient arrives at {name}, and yet the function changes with it")
            return
        judge(self.problem, self.problem.variables[name], entries, self.noise, confirmed)
        if entries.contradicted.any():
            self.note(
                f"{name}: the complex step is not used at {int(entries.contradicted.sum()):,} entries, where "
                "differences show another slope (a kink, or a forward that ignores imaginary parts)"
            )
        infinite = int((~np.isfinite(entries.reverse)).sum())
        if infinite:
            self.note(f"{name}: reverse mode gives NaN or infinity at {infinite:,} entries")
        hand = self.hands.get(name)
        if hand is not None:
            off = np.abs(hand.reshape(-1)[entries.positions] - entries.decider)
            allowed = COARSE * np.abs(entries.decider) + entries.rounding
            if not (off <= allowed).all():
                self.note(f"the gradient of {name} derived by hand differs from the numeric one")

    def look_at_rules(self, compared: dict[str, Entries]) -> None:
        """Check each rule separately if a gradient is wrong or a kink is near; name the wrong rule.

        Where ops sit on kinks, slopes do not decide.  If both sides of a tie take the whole gradient, each
        entry lies between the slopes and is still wrong.  And relu(x) - relu(-x) has the slope 1 and
        the gradient 0 at 0, though every rule is right.
        """
        asked = {name: np.isin(e.verdicts, (KINK, WRONG)) for name, e in compared.items()}
        output = self.problem.recorded() if any(mask.any() for mask in asked.values()) else None
        if not isinstance(output, Tensor) or not output.requires_grad:
            return
        diagnosis = diagnose(output, seed=self.seed)
        verdict = KINK if diagnosis.ok and diagnosis.kinks and self.is_right_beside() else WRONG
        affected = {leaf for finding in diagnosis.findings for leaf in finding.affects}
        for name, entries in compared.items():
            if verdict == KINK or name in affected:
                entries.verdicts[asked[name]] = verdict
        self.findings = diagnosis.findings

    def is_right_beside(self) -> bool:
        """Return True if reverse mode gives the right slope near the inputs, along a random direction."""
        rng = np.random.default_rng(self.seed)
        directions = [rng.uniform(0.5, 1.5, v.shape) for v in self.problem.variables.values()]
        for distance in (1e-3, 1e-2, 1e-1):  # the first may lie near a kink again
            with self.problem.beside(self.seed, distance):
                found = self.problem.gradients().values()
                slope = sum(float((g * d).sum()) for g, d in zip(found, directions) if g is not None)
                right = slope_along(self.problem, directions)
            if abs(slope - right) <= 1e-6 * max(abs(slope), abs(right)):
                return True
        return False


def _reason(error: Exception) -> str:
    if isinstance(error, np.exceptions.ComplexWarning):
        return "the function drops imaginary parts (a cast to a real dtype)"
    return f"{type(error).__name__}: {error}"


def _row_of(name: str, shape: tuple[int, ...], e: Entries, hand: Array | None, arrived: bool) -> GradRow:
    """Return the row of a variable: its most serious verdict, and the entry that shows it best.

    Parameters
    ----------
    hand
        The hand-derived gradient, in the variable's shape.
    arrived
        False if reverse mode gave no gradient at all.
    """
    counts = {v: int((e.verdicts == i).sum()) for i, v in enumerate(VERDICTS)}
    said = [v for v in VERDICTS if counts[v]]
    verdict = said[-1] if said else "untested"
    k, error = _worst(e, verdict, arrived)

    def at(values: Array | None) -> float | None:
        return None if values is None or k is None else float(values[k])

    return GradRow(
        name=name,
        shape=shape,
        counts={v: n for v, n in counts.items() if n},
        worst=() if k is None else tuple(int(i) for i in np.unravel_index(e.positions[k], shape)),
        reverse=at(e.reverse) if arrived else None,
        central=at(e.central),
        complex_step=at(e.exact),
        by_hand=None if hand is None else at(hand.reshape(-1)[e.positions]),
        error=error,
        central_difference=_over_largest(e.reverse, e.central),
        complex_difference=None if e.exact is None else _over_largest(e.reverse, e.exact),
        verdict=verdict,
    )


def _worst(e: Entries, verdict: Verdict, arrived: bool) -> tuple[int | None, float]:
    """Return the position of the worst entry with a verdict, and its relative error."""
    if not len(e.reverse):
        return None, 0.0
    errors = relative_error(e.reverse, e.decider)
    if not arrived:
        errors[:] = 1.0 if verdict == "wrong" else 0.0
    # Among correct entries the last digits of small ones mean nothing: the largest difference counts.
    weight = np.abs(e.reverse - e.decider) if verdict == "correct" else errors
    of_it = e.verdicts == VERDICTS.index(verdict)
    k = int(np.argmax(np.where(of_it, np.nan_to_num(weight, nan=np.inf), -1)))
    return k, float(errors[k])


def _over_largest(a: Array, b: Array) -> float:
    scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0) / scale) if scale else 0.0
