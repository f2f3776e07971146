"""Names for the values of a program: W1, b1, z1, a1, dW1 as on paper."""

from __future__ import annotations

import keyword
import re
from collections import Counter

import numpy as np

from tinygrad_mnist.program.instructions import Instruction, Recording, State, Value
from tinygrad_mnist.program.memory import Plan
from tinygrad_mnist.program.numbers import Number
from tinygrad_mnist.program.operations import Call, View

_ACTIVATIONS = {"sigmoid": "a", "tanh": "a", "relu": "a", "softmax": "p", "log_softmax": "log_p"}
_OPS = {"one_hot": "one_hot", "dropout_mask": "mask"}
_LETTERS = {"weight": "W", "bias": "b"}
_IMPORTED = ("concatenate", "copyto", "float32", "putmask")
_IN_PRINTED_CODE = ("np", "step", "build", "put_at", "added_at", "complex", "slice")
_NUMBERED = ("t", "c", "memory")  # kinds that are distinguished only by number
_NUMBERS = {0.0: "zero", 1.0: "one", 2.0: "two", 0.5: "half", -1.0: "minus_one"}


class Names:
    """Names for all values, each once.

    Parameters
    ----------
    recording
        The program.
    arguments
        Names of the arguments in the captured function.
    plan
        Gives a value that is overwritten at once the name of what it becomes; None for names without memory.
    """

    def __init__(self, recording: Recording, arguments: list[str], plan: Plan | None) -> None:
        self._of: dict[int, str] = {}
        self._taken = {*_IN_PRINTED_CODE, *(f"generator{i}" for i in range(len(recording.generators)))}
        self._taken |= {i.operation.name for i in recording.instructions if isinstance(i.operation, Call)}
        self._counts: Counter[str] = Counter()
        self._makers = {id(i.result): i for i in recording.instructions if i.result is not None}
        self._number_names: dict[Number, str] = {}
        self._state_names: dict[State, str] = {}
        self._layers: dict[str, int] = {}
        self.arguments = [self._give(value, name) for value, name in zip(recording.arguments, arguments)]
        for value in _states(recording):
            self._of.setdefault(id(value), self._state_name(value))
        for instruction in recording.instructions:
            self._name_result(instruction, recording)
        self._telling = set(self._of)
        if plan is not None:
            self._hand_down(recording, plan)

    def of(self, value: Value) -> str:
        """Return the name of a value."""
        if id(value) not in self._of:
            self._give(value, self._default(value))
        return self._of[id(value)]

    def is_telling(self, value: Value) -> bool:
        """Return True if the value has a meaningful name, which is assigned in advance."""
        return id(value) in self._telling

    def numbers(self, numbers: list[Number]) -> dict[Number, str]:
        """Names for settings of optimizers, such as lr."""
        return {number: self.number_name(number) for number in numbers}

    def number_name(self, number: Number) -> str:
        """The name of a number that is read."""
        if number not in self._number_names:
            self._number_names[number] = self.new(number.name)
        return self._number_names[number]

    def new(self, wish: str) -> str:
        """Return a name that is not in use."""
        wish = re.sub(r"\W+", "_", wish).strip("_") or "t"
        wish = f"x{wish}" if wish[0].isdigit() else wish
        wish = wish if wish.isidentifier() else re.sub(r"[^a-zA-Z0-9_]", "_", wish)  # x², a word to \w
        means_another = isinstance(getattr(np, wish, None), np.ufunc) or wish in _IMPORTED
        wish = f"{wish}_" if keyword.iskeyword(wish) or means_another else wish
        while wish in self._taken or wish in _NUMBERED:
            self._counts[wish] += 1
            numbered = (
                f"{wish}{self._counts[wish]}" if wish in _NUMBERED else f"{wish}_{self._counts[wish] + 1}"
            )
            if numbered not in self._taken:
                wish = numbered
                break
        self._taken.add(wish)
        return wish

    def _give(self, value: Value, wish: str) -> str:
        self._of[id(value)] = self.new(wish)
        return self._of[id(value)]

    def _state_name(self, value: Value) -> str:
        if value.source not in self._state_names:
            self._state_names[value.source] = self.new(self._on_paper(value.source))
        return self._state_names[value.source]

    def _on_paper(self, state: State) -> str:
        """W1 for the weight of the first layer, b1 for its bias, v_W1 for the velocity of that weight."""
        if state.letter:
            return f"{state.letter}_{self._of_layer(state.name.removeprefix(f'{state.letter}_'))}"
        return self._of_layer(state.name)

    def _of_layer(self, name: str) -> str:
        layer, _, kind = name.rpartition(".")
        if kind not in _LETTERS:
            return name or "array"
        number = self._layers.setdefault(layer, len(self._layers) + 1)
        return f"{_LETTERS[kind]}{number}"

    def _name_result(self, instruction: Instruction, recording: Recording) -> None:
        value = instruction.result
        if value is None or id(value) in self._of:
            return
        if value in recording.outputs and value.shape == () and value.gradient_of is None:
            self._give(value, "loss")
        elif value.gradient_of is not None:
            self._give(value, f"d{self.of(value.gradient_of)}")
        elif value.primitive == "linear":
            self._give(value, f"z{self._layer_of(value)}")
        elif value.primitive in _ACTIVATIONS:
            letter = _ACTIVATIONS[value.primitive]
            before = self._of.get(id(self._before(value)), "")
            number = before[1:] if re.fullmatch(r"z\d+", before) else ""
            self._give(value, letter + (number if letter == "a" else ""))
        elif value.primitive in _OPS:
            self._give(value, _OPS[value.primitive])

    def _layer_of(self, value: Value) -> str:
        """Return the number of the weight in the result of a linear layer."""
        stack = [value]
        while stack:
            found = stack.pop()
            name = self._of.get(id(found.root), "")
            if found is not value and re.fullmatch(r"W\d+", name):
                return name[1:]
            maker = self._makers.get(id(found))
            if maker is not None and (found is value or found.primitive == ""):
                stack += maker.reads
        return ""

    def _before(self, value: Value) -> Value | None:
        """Return the named input of an activation."""
        stack = [value]
        while stack:
            found = stack.pop()
            if found is not value and id(found) in self._of:
                return found
            maker = self._makers.get(id(found))
            stack += maker.reads if maker is not None else []
        return None

    def _hand_down(self, recording: Recording, plan: Plan) -> None:
        """Give a value the name of the value that overwrites it in the same op."""
        for instruction in reversed(recording.instructions):
            position = plan.shared.get(id(instruction))
            if position is None or instruction.result is None:
                continue
            operand = instruction.operands[position]
            if (
                isinstance(operand, Value)
                and id(instruction.result) in self._of
                and id(operand) not in self._of
            ):
                self._of[id(operand)] = self._of[id(instruction.result)]

    def _default(self, value: Value) -> str:
        if value.origin == "number":
            return f"{value.source.name}_array"
        if value.origin == "constant":
            if value.array.size != 1:
                return "ones" if value.array.ndim == 1 and (value.array == 1).all() else "c"
            number = float(value.array.ravel()[0])
            return _NUMBERS.get(number, f"c_{value.array.ravel()[0]!s}")
        maker = self._makers.get(id(value))
        if value.view_of is not None:
            transposed = (
                maker is not None and isinstance(maker.operation, View) and maker.operation.code == "{}.T"
            )
            return f"{self.of(value.view_of)}_{'T' if transposed else 'view'}"
        return "t"


def _states(recording: Recording) -> list[Value]:
    """The values that are states, named parameters first and in the order in which they are met."""
    met = [value for i in recording.instructions for value in i.reads if value.root.origin == "state"]
    met += [i.result for i in recording.instructions if i.changes and i.result is not None]
    met += [value for value in recording.outputs if value.root.origin == "state"]
    roots = [value.root for value in met]
    return [root for root in roots if root.source.name] + [root for root in roots if not root.source.name]
