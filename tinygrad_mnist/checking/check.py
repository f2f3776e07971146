"""Reverse mode held against independent derivatives, entry by entry (`judge` says how each is judged)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.diagnose import diagnose
from tinygrad_mnist.checking.judge import COARSE, Entries, judge
from tinygrad_mnist.checking.numeric import (
    STEPS,
    central_entries,
    chosen_entries,
    complex_entries,
    noise_of,
    slope_along,
)
from tinygrad_mnist.checking.inputs import Problem, open_problem
from tinygrad_mnist.checking.verdicts import GradReport
from tinygrad_mnist.checking.row import row_of
from tinygrad_mnist.checking.verdict import KINK, UNTESTED, WRONG
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.typing import Array

_NAMED = 3  # of the mistakes that diagnose finds so many are noted; one is the rule


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
    if sample is not None and sample < 1:
        raise GradientError(f"sample is how many entries to test of each variable: at least 1, not {sample}")
    with open_problem(function, *inputs, order=order, seed=seed) as problem:
        hands = _hand_derived(by_hand or {}, problem)
        return _Check(problem, hands, sample, seed).report(order)


def assert_gradients(function: Callable[..., Any], *inputs: Any, **options: Any) -> None:
    """Raise an AssertionError with the table unless `check_gradients` finds everything right: for pytest.

    Examples
    --------
    >>> assert_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    """
    report = check_gradients(function, *inputs, **options)
    if not report.ok:
        raise AssertionError(f"gradients are wrong or untested\n{report}")


def _hand_derived(by_hand: Mapping[str, Any], problem: Problem) -> dict[str, Array]:
    """The hand-derived gradients as arrays; refused when one has no variable, or not its shape."""
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
            row_of(name, variable.shape, compared[name], self.hands.get(name), self.found[name] is not None)
            for name, variable in self.problem.variables.items()
        )
        return GradReport(rows, tuple(self.notes), order)

    def gradients(self) -> dict[str, Array | None]:
        """Reverse mode; None where no gradient arrives, or none that fits."""
        try:
            with self.problem.beside(self.seed), suppress(ArithmeticError, ValueError):
                self.problem.gradients()  # so that a value kept from an earlier pass shows
            found = self.problem.gradients()
            self.flow = self.problem.largest_gradient()
        except Exception as error:  # a wrong rule may fail in any way; the learner wants a report
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
        """All derivatives of the drawn entries of a variable."""
        variable, gradient = self.problem.variables[name], self.found[name]
        positions = chosen_entries(variable.shape, self.sample, self.seed)
        reverse = np.zeros(len(positions)) if gradient is None else gradient.reshape(-1)[positions]
        step = self._step(reverse)
        central = central_entries(self.problem, variable, positions, step)
        try:
            exact = complex_entries(self.problem, variable, positions)
        except Exception as error:  # whatever a function does with complex numbers
            exact = None
            self.note(f"no complex step, central differences decide: {_reason(error)}")
        steps = step * np.maximum(1, np.abs(variable._data.reshape(-1)[positions]))
        eps = np.finfo(float).eps
        largest = np.nanmax(np.abs(central if exact is None else exact), initial=0.0)
        return Entries(
            positions=positions,
            reverse=np.asarray(reverse, np.float64),
            central=central,
            exact=exact,
            steps=steps,
            rounding=4 * self.noise / steps,
            allowance=1e3 * eps * largest + (1e2 * eps * self.flow + 30 * self.noise) * step / steps,
            decider=central.copy(),
            verdicts=np.full(len(positions), WRONG),
            contradicted=np.zeros(len(positions), bool),
        )

    def _step(self, reverse: Array) -> float:
        """The step at which rounding, noise / h, and truncation, about h**2 of the derivative, are equal.

        The derivative's size is taken from reverse mode, which may be wrong, hence the bounds.
        """
        slope = float(np.nanmax(np.abs(reverse), initial=0.0))
        value = max(abs(self.problem.value_or_nan()), slope)
        least, most = (float(np.cbrt(self.noise / size)) if size else 0.0 for size in (value, slope))
        return float(np.clip(most, max(least, STEPS["central"]), max(least, 1e-4)).clip(max=1e-2))

    def judge(self, name: str, entries: Entries, confirmed: bool) -> None:
        """Verdicts for a variable, and what is to be said about it as a whole."""
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
                "differences show another slope (a corner, or a forward that ignores imaginary parts)"
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
        """Where something is wrong or a corner is near, ask of each rule by itself.

        A mistake found is named.  And where ops sit on corners, slopes do not tell all: two sides of a tie
        that both take the whole gradient lie between the slopes, entry by entry, and are wrong; while
        relu(x) - relu(-x) has the slope 1 and the gradient 0 at 0, though every rule is right.
        """
        asked = {name: np.isin(e.verdicts, (KINK, WRONG)) for name, e in compared.items()}
        output = self.problem.recorded() if any(mask.any() for mask in asked.values()) else None
        if not isinstance(output, Tensor) or not output.requires_grad:
            return
        diagnosis = diagnose(output, seed=self.seed)
        verdict = KINK if diagnosis.ok and diagnosis.corners and self.is_right_beside() else WRONG
        spoilt = {leaf for finding in diagnosis.findings for leaf in finding.spoils}
        for name, entries in compared.items():
            if verdict == KINK or name in spoilt:
                entries.verdicts[asked[name]] = verdict
        for finding in diagnosis.findings[:_NAMED]:
            self.note(
                finding.message.replace(finding.op, finding.primitive, 1)
            )  # numbers change with each pass

    def is_right_beside(self) -> bool:
        """Whether reverse mode gives the right slope somewhere near the inputs, along a random direction."""
        rng = np.random.default_rng(self.seed)
        directions = [rng.uniform(0.5, 1.5, v.shape) for v in self.problem.variables.values()]
        for distance in (1e-3, 1e-2, 1e-1):  # the first may lie near a corner again
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
