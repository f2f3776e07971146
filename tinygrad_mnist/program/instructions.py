"""Values, and the instructions that make them: the parts of a program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.autodiff.modes import RECORDING
from tinygrad_mnist.program.numbers import Computed, Number
from tinygrad_mnist.program.observation import Reading
from tinygrad_mnist.program.operations import Operation
from tinygrad_mnist.typing import Array

Origin = Literal["argument", "state", "number", "constant", "result"]


@dataclass(eq=False)
class Value:
    """An array of the program; each has one instruction that makes it, or comes from outside.

    Attributes
    ----------
    array
        The array at the capture: shape, dtype and strides are the same at every call.
    origin
        "argument": passed at each call.  "state": an array that outlives the call, read and changed in
        place.  "number": a setting of an optimizer, read at each call.  "constant": always the same.
        "result": made by an instruction, in memory of the program.
    source
        For an argument its position, for a state the `State`, for a number its `Number` or `Computed`.
    view_of
        The value whose memory it shares, if it is a view.
    primitive, scope
        The op recorded with this result, and the modules around it, to name it.
    gradient_of
        The value whose gradient this is.
    """

    array: Array
    origin: Origin
    source: Any = None
    view_of: Value | None = None
    primitive: str = ""
    scope: str = ""
    gradient_of: Value | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self.array.dtype

    @property
    def root(self) -> Value:
        """The value that owns the memory."""
        value = self
        while value.view_of is not None:
            value = value.view_of
        return value

    @property
    def is_ours(self) -> bool:
        """True if the program owns the memory, so nothing else can change it."""
        return self.root.origin in ("result", "constant")


Operand = Value | int | float | bool | complex | None


@dataclass(eq=False)
class Instruction:
    """An operation applied to operands.

    Attributes
    ----------
    result
        The value that it makes; None for a check.
    changes
        True if the result overwrites operand 0, a state.
    scope
        The modules it belongs to.
    """

    operation: Operation
    operands: tuple[Operand, ...]
    result: Value | None
    changes: bool = False
    scope: str = ""

    @property
    def reads(self) -> list[Value]:
        """The operands that are values."""
        return [operand for operand in self.operands if isinstance(operand, Value)]


@dataclass(frozen=True, eq=False)
class State:
    """An array that outlives the call: `attribute` of `holder`, and its name.

    An optimizer's array for a parameter has a letter before the parameter's name: v_0.weight.
    """

    holder: Any
    attribute: str
    name: str
    letter: str = ""

    def get(self) -> Array:
        """The present array."""
        return getattr(self.holder, self.attribute)  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Fixed:
    """The holder of an array without a Tensor: always the same array, read in place."""

    array: Array


@dataclass(eq=False)
class Count:
    """The updates of a parameter: a call of the program adds `updates` to ``holder.steps``.

    The program reads the number from `like`, whose steps are equal.
    """

    holder: Any
    like: Any
    updates: int = 0


@dataclass
class Recording:
    """Everything that a capture noted.

    Attributes
    ----------
    arguments
        A value for each array among the arguments, then for each gradient found at the start.
    changed
        The tensors that are updated.
    outputs
        The values that are returned.
    readings
        Attributes that the program depends on, by the id of their holder and their name.
    terms
        Numbers that the choice of instructions depends on, each with True if it is not 0.
    counts
        The parameters whose updates an optimizer counts.
    indices
        Arrays and lists used as indices, each with its elements at the capture.
    without_gradient
        The tensors that had no gradient when the function read it.
    outside_graph
        Tensors computed before the call whose op was differentiated, each with its inputs.
    records
        True if ops were recorded when the capture began.
    generators
        Of random numbers that are drawn.
    quiet
        The kinds of floating-point warnings that an op switches off, as ``np.errstate`` names them.
    warnings
        The setting of each kind when the capture began.
    """

    instructions: list[Instruction] = field(default_factory=list)
    arguments: list[Value] = field(default_factory=list)
    changed: list[Any] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    readings: dict[tuple[int, str], Reading] = field(default_factory=dict)
    terms: dict[Number | Computed, bool] = field(default_factory=dict)
    counts: list[Count] = field(default_factory=list)
    indices: list[tuple[Any, Any]] = field(default_factory=list)
    without_gradient: list[Any] = field(default_factory=list)
    outside_graph: list[tuple[Any, list[Any]]] = field(default_factory=list)
    records: bool = field(default_factory=RECORDING.get)
    generators: list[Any] = field(default_factory=list)
    quiet: set[str] = field(default_factory=set)
    warnings: dict[str, Any] = field(default_factory=lambda: dict(np.geterr()))
