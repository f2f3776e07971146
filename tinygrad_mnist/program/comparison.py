"""The step derived by the framework next to the one derived by hand, line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from tinygrad_mnist import by_hand
from tinygrad_mnist.program.derivation import Derivation, Line
from tinygrad_mnist.program.instructions import Fixed, State, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.numbers import Number, TracedNumber
from tinygrad_mnist.program.operations import Elementwise
from tinygrad_mnist.program.optimize import without_dead
from tinygrad_mnist.program.program import Program
from tinygrad_mnist.program.recorder import Recorder
from tinygrad_mnist.program.tracer import Tracer
from tinygrad_mnist.typing import Array

_STEP = r"\bt\d+(?:_view)?\b"  # name of a nameless value in the derivation


def lines_side_by_side(
    program: Program,
    parameters: Sequence[Array],
    batch: tuple[Array, Array],
    optimizer: Any,
    cost: by_hand.Cost,
) -> list[tuple[str, str]]:
    """Return the lines of a captured step of a sigmoid network next to those of ``by_hand.sgd_step``.

    Parameters
    ----------
    program
        The program of ``step(x, y)``.
    parameters
        Weights and biases in turn, from the first layer to the last; they are read only.
    batch
        Inputs of shape (n, inputs) and targets of shape (n, outputs).
    optimizer
        The optimizer whose ``lr`` both steps use.
    cost
        The cost.  The output units are sigmoids for "quadratic", else a softmax.
    """
    derived = Derivation(program.recording, Names(program.recording, ["x", "y"], None)).lines
    return _paired(derived, _hand_derived(parameters, batch, optimizer, cost))


class _HandRecorder(Recorder):
    """A recorder for the hand-derived step, which also returns its cost as a number."""

    def __init__(self) -> None:
        super().__init__()
        self.is_inside_op = True  # the step owns the arrays that it makes

    def number_of(self, tracer: Tracer) -> float:
        self.recording.outputs.append(tracer.value)
        return float(tracer.array)


def _hand_derived(
    parameters: Sequence[Array], batch: tuple[Array, Array], optimizer: Any, cost: by_hand.Cost
) -> list[Line]:
    """Return the lines of ``by_hand.sgd_step``: it runs on tracers, as the forwards of ops do."""
    recorder = _HandRecorder()
    states = []
    for i, p in enumerate(parameters):
        state = State(Fixed(p), "array", f"{'Wb'[i % 2]}{i // 2 + 1}")
        array = p.copy()
        states.append(Tracer(recorder, Value(array, "state", state), array))
    arguments = [Tracer(recorder, Value(a, "argument", i), a) for i, a in enumerate(batch)]
    recorder.recording.arguments = [argument.value for argument in arguments]
    rate: Any = TracedNumber(Number(optimizer.param_groups[0], "lr"))
    weights: Any = states[::2]
    biases: Any = states[1::2]
    x, y = (cast("Array", argument) for argument in arguments)
    by_hand.sgd_step(weights, biases, x, y, rate, cost)
    recording = recorder.recording
    recording.instructions = without_dead(recording.instructions, recording.outputs)
    _name_as_on_paper(recorder, cost)
    return Derivation(recording, Names(recording, ["x", "y"], None)).lines


def _name_as_on_paper(recorder: Recorder, cost: by_hand.Cost) -> None:
    """Name the values: a sum with a bias is z, and the change of a parameter is its gradient.

    The factors or terms of that gradient are dz and a.
    """
    instructions = recorder.recording.instructions
    makers = {id(i.result): i for i in instructions}
    of_bias: dict[str, Value] = {}
    for i in instructions:
        biases = [v for v in i.reads if v.origin == "state" and v.source.name.startswith("b")]
        if isinstance(i.operation, Elementwise) and biases and not i.changes and i.result is not None:
            i.result.primitive = "linear"
            of_bias[biases[0].source.name[1:]] = i.result
    for i in instructions:
        if not i.changes:
            continue
        parameter, change = i.reads
        gradient = makers[id(change)].reads[-1]
        gradient.gradient_of = parameter
        delta, *below = makers[id(gradient)].reads
        delta.root.gradient_of = of_bias[parameter.source.name[1:]]
        for activation in below:
            if activation.origin == "result":
                activation.primitive = "sigmoid"
    last = of_bias[str(len(of_bias))]
    output = [i.result for i in instructions if i.result is not None and i.result.gradient_of is last]
    for value in (v for made in output for v in makers[id(made)].reads if v.origin == "result"):
        _name_output(value, makers, cost)


def _name_output(value: Value, makers: dict[int, Any], cost: by_hand.Cost) -> None:
    """Name the network's output: the targets are subtracted from it."""
    maker = makers[id(value)]
    subtracted = isinstance(maker.operation, Elementwise) and maker.operation.name == "subtract"
    if subtracted and any(v.origin == "argument" for v in maker.reads):
        maker.reads[0].primitive = "sigmoid" if cost == "quadratic" else "softmax"
    for operand in maker.reads:
        if operand.origin == "result" and not subtracted:
            _name_output(operand, makers, cost)


def _paired(derived: list[Line], hand: list[Line]) -> list[tuple[str, str]]:
    """Return lines that make the same value in one row, in the framework's order.

    Each column still runs from top to bottom: a nameless value stands before the line that needs it
    first, and a line that needs a later one stands below that.
    """
    codes = {line.name: line.code for line in hand if not _is_step_between(line)}
    steps = {line.name: line.code for line in hand if _is_step_between(line)}
    rows: list[tuple[str, str]] = []
    waiting: list[str] = []
    alone = 0  # number of the framework's last lines without a partner
    for line in derived:
        code = codes.pop(line.name, "") if not _is_step_between(line) else ""
        if code and _needs(code, codes):
            waiting.append(code)
            code = ""
        if not code:
            rows.append((line.code, ""))
            alone += 1
            continue
        for k, step in enumerate(reversed(_steps_for(code, steps))):
            if k < alone:
                rows[-1 - k] = (rows[-1 - k][0], step)
            else:
                rows.insert(len(rows) - k, ("", step))
        rows.append((line.code, code))
        rows += [("", later) for later in waiting if not _needs(later, codes)]
        waiting = [later for later in waiting if _needs(later, codes)]
        alone = 0
    return rows


def _needs(code: str, codes: dict[str, str]) -> bool:
    """Return True if a line reads a value whose line is still to come; parameters exist from the start."""
    right = code.partition("=")[2]
    return any(
        name in codes and not codes[name].startswith(f"{name} -=") for name in re.findall(r"\w+", right)
    )


def _steps_for(code: str, steps: dict[str, str]) -> list[str]:
    """Return the lines, not written yet, that make the nameless values in a line of code."""
    lines = []
    for name in re.findall(_STEP, code):
        if name in steps:
            step = steps.pop(name)
            lines += [*_steps_for(step.partition("=")[2], steps), step]
    return lines


def _is_step_between(line: Line) -> bool:
    """Return True if a line makes a nameless value."""
    return re.fullmatch(_STEP, line.name) is not None
