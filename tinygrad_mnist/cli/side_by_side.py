"""The backward pass that the framework derives, beside the one derived by hand, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import by_hand, optim
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.program import compile
from tinygrad_mnist.program.derivation import Derivation, Line
from tinygrad_mnist.program.instructions import Fixed, Number, State, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.operations import Elementwise
from tinygrad_mnist.program.optimize import without_dead
from tinygrad_mnist.program.recorder import Recorder
from tinygrad_mnist.program.tracer import TracedNumber, Tracer
from tinygrad_mnist.training.fresh import fresh_network
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.step import training_step
from tinygrad_mnist.typing import Array

_STEP = r"\bt\d+(?:_view)?\b"  # what the derivation calls a value without a name


@dataclass(frozen=True)
class SideBySide:
    """What is derived of a training step.

    Attributes
    ----------
    rows
        Lines of the framework's and the hand-derived step that make the same value; "" where one has none.
    distance
        How far the parameters lie apart after a step of each, in units of the largest one's last place.
    """

    subject: str
    rows: list[tuple[str, str]]
    distance: float


def side_by_side(dataset: ImageDataset, sizes: tuple[int, ...] | None, recipe: Recipe) -> SideBySide:
    """Derive a training step of a network both ways, and take it both ways on real images.

    Parameters
    ----------
    sizes
        Of all layers, as for ``fresh_network``; the hidden ones are sigmoids.
    """
    network = fresh_network(dataset, sizes, recipe)
    x = network.images.reshape(len(network.images), -1)
    y = np.eye(dataset.classes, dtype=x.dtype)[network.labels]
    parameters = [p.data.copy() for p in network.model.parameters()]
    optimizer = optim.SGD(network.model.parameters(), lr=recipe.lr)
    step = compile(training_step(network.model, network.loss, optimizer))
    step(x, y)
    program = step.program
    derived = Derivation(program.recording, Names(program.recording, ["x", "y"], None)).lines
    hand = _hand_derived(parameters, x, y, optimizer, recipe)
    by_hand.sgd_step(parameters[::2], parameters[1::2], x, y, recipe.lr, _cost(recipe))
    largest = max(np.abs(p).max() for p in parameters)
    distance = max(np.abs(p.data - q).max() for p, q in zip(network.model.parameters(), parameters))
    return SideBySide(network.subject, _paired(derived, hand), float(distance / np.spacing(largest)))


def _cost(recipe: Recipe) -> by_hand.Cost:
    return "quadratic" if recipe.loss == "quadratic" else "cross-entropy"


class _HandRecorder(Recorder):
    """Also lets the cost be looked at, which the hand-derived step returns as a number."""

    def __init__(self) -> None:
        super().__init__()
        self.is_inside_op = True  # arrays that the step makes are its own

    def number_of(self, tracer: Tracer) -> float:
        self.recording.outputs.append(tracer.value)
        return float(tracer.array)


def _hand_derived(
    parameters: list[Array], x: Array, y: Array, optimizer: optim.SGD, recipe: Recipe
) -> list[Line]:
    """The lines of ``by_hand.sgd_step``: it is run on stand-ins, as the forwards of ops are."""
    recorder = _HandRecorder()
    states = []
    for i, p in enumerate(parameters):
        state = State(Fixed(p), "array", f"{'Wb'[i % 2]}{i // 2 + 1}")
        array = p.copy()
        states.append(Tracer(recorder, Value(array, "state", state), array))
    arguments = [Tracer(recorder, Value(a, "argument", i), a) for i, a in enumerate((x, y))]
    recorder.recording.arguments = [argument.value for argument in arguments]
    rate: Any = TracedNumber(Number(optimizer, "lr"))
    weights: Any = states[::2]
    biases: Any = states[1::2]
    batch: Any = tuple(arguments)
    by_hand.sgd_step(weights, biases, batch[0], batch[1], rate, _cost(recipe))
    recording = recorder.recording
    recording.instructions = without_dead(recording.instructions, recording.outputs)
    _name_as_on_paper(recorder, recipe)
    return Derivation(recording, Names(recording, ["x", "y"], None)).lines


def _name_as_on_paper(recorder: Recorder, recipe: Recipe) -> None:
    """Find which value is which: what is added to a bias is z, what changes a parameter is its gradient, and
    what that gradient is a product or sum of are dz and a.
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
        _name_output(value, makers, recipe)


def _name_output(value: Value, makers: dict[int, Any], recipe: Recipe) -> None:
    """The network's output: what the targets are subtracted from."""
    maker = makers[id(value)]
    subtracted = isinstance(maker.operation, Elementwise) and maker.operation.name == "subtract"
    if subtracted and any(v.origin == "argument" for v in maker.reads):
        maker.reads[0].primitive = "sigmoid" if recipe.loss == "quadratic" else "softmax"
    for operand in maker.reads:
        if operand.origin == "result" and not subtracted:
            _name_output(operand, makers, recipe)


def _paired(derived: list[Line], hand: list[Line]) -> list[tuple[str, str]]:
    """Lines that make the same value beside each other, in the framework's order.

    Each column still runs from top to bottom: what has no name on paper stands before the line that needs it
    first, and a line that needs a later one stands below that.
    """
    codes = {line.name: line.code for line in hand if not _is_step_between(line)}
    steps = {line.name: line.code for line in hand if _is_step_between(line)}
    rows: list[tuple[str, str]] = []
    waiting: list[str] = []
    alone = 0  # how many lines of the framework have just been without a partner
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
    """Whether a line reads a value of a line that is not written yet; parameters are there from the start."""
    right = code.partition("=")[2]
    return any(
        name in codes and not codes[name].startswith(f"{name} -=") for name in re.findall(r"\w+", right)
    )


def _steps_for(code: str, steps: dict[str, str]) -> list[str]:
    """The lines that make the nameless values in a line of code, and are not written yet."""
    lines = []
    for name in re.findall(_STEP, code):
        if name in steps:
            step = steps.pop(name)
            lines += [*_steps_for(step.partition("=")[2], steps), step]
    return lines


def _is_step_between(line: Line) -> bool:
    """Whether it makes a value that has no name on paper."""
    return re.fullmatch(_STEP, line.name) is not None
