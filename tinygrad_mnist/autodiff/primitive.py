"""Primitives: ops as data, a forward function on arrays and one rule per input.

A rule is the vector-Jacobian product (vjp) of one input: given the gradient `g` of a scalar with respect
to the op's result `y`, it returns the gradient with respect to that input.  Rules are written with
operators and other primitives only, so the same text runs on raw arrays (a fast first-order backward pass)
and on Tensors (when the gradient must itself be differentiable).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, NoReturn, ParamSpec, TypeVar, overload

from numpy import asarray, generic, ndarray
from numpy import dtype as Dtype

from tinygrad_mnist.arguments import misfit, require_bool, require_unmasked, shown
from tinygrad_mnist.autodiff.modes import lifted
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.hints import hinted, unknown_keyword

P = ParamSpec("P")
R = TypeVar("R")

Rule = Callable[..., Any]

REGISTRY: dict[str, Primitive] = {}

# The op, or the composition of ops, that answers a NumPy function called with a Tensor.
ANSWERS: dict[Callable[..., Any], Callable[..., Any]] = {}


class Box:
    """Base class of values that decide how a primitive is applied to them.

    A Tensor records, a Symbol becomes text, a tracer becomes an instruction; a plain array computes.
    """

    __slots__ = ()

    shape: Any
    dtype: Any

    def _apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
        """Apply `primitive` to `inputs`, of which `self` is one."""
        raise TypeError(f"{type(self).__name__} does not say how {primitive.name} is applied to it")

    def _arrives_at(self, tensor: Any) -> None:
        """Note that this is the gradient of `tensor`; a tracer takes its name from it."""

    def _with_added(self, index: Any, x: Any) -> Any:
        """Return this with `x` added at an index: an instruction of a tracer."""
        raise TypeError(f"a {type(self).__name__} has no elements to add to")

    def _repeat_check(self, check: Callable[..., None], *arguments: Any) -> None:
        """Check the values now and at each call of the program."""
        raise TypeError(f"a {type(self).__name__} has no elements to check")

    def _refuse(self, what: str, instead: str = "") -> NoReturn:
        """Refuse to show elements to Python: only an array has them."""
        raise TypeError(f"{what} was asked of a {type(self).__name__}, which has no elements to look at")


class Recordable(Box):
    """Base class of Tensor: the interface that the lower levels may use."""

    __slots__ = ()

    serial: int
    inputs: tuple[Any, ...]
    weak_dtype: bool
    _data: Any
    _requires_grad: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._data.dtype  # type: ignore[no-any-return]

    def _label(self, facts: str = "") -> str:
        """Return a name for messages, with facts such as the shape behind it."""
        return type(self).__name__ + facts

    def _mark_changed(self) -> None:
        """Note that the array was written into: graphs that have read it are stale."""
        raise NotImplementedError


def peeled(value: Any) -> Any:
    """Return the array of a Tensor, or its tracer while a function is compiled; any other value lifted."""
    value = lifted(value)
    return value._data if isinstance(value, Recordable) else value


def array_of(value: Any) -> Any:
    """Return the array of a Tensor; any other value as an array."""
    return asarray(peeled(value))


def op_name(value: Any) -> str:
    """Return the name of the op that made a Tensor; "" for a leaf, and for any other value."""
    primitive = getattr(value, "primitive", None)
    return primitive.name if primitive is not None else ""


def looked_into(value: Any, what: str) -> Any:
    """Return the array of a Tensor whose elements Python is about to read; a tracer refuses that.

    Parameters
    ----------
    what
        Name of the conversion in the tracer's message.
    """
    array = peeled(value)
    if isinstance(array, Box):
        array._refuse(what)
    return array


def checked(check: Callable[..., None], array: Any, *arguments: Any) -> None:
    """Run a check of an array's values; with a tracer, its program repeats the check at each call."""
    if isinstance(array, Box):
        array._repeat_check(check, *arguments)
    else:
        check(array, *arguments)


class Primitive:
    """Differentiable op. With arrays it computes; with a Tensor among its inputs it is also recorded.

    Parameters
    ----------
    forward
        ``forward(*arrays, **attributes) -> array``.  Positional parameters are inputs; keyword-only
        parameters (an axis, a shape) are attributes, are never differentiated and have a default or are
        always given.
    numpy
        The NumPy function that the op answers when it meets a Tensor, such as ``np.exp``.
    moves_elements
        True for an op that only moves, copies or casts elements: it has no arithmetic to count.
    elementwise
        True for an op whose inputs broadcast and that computes each element of the result by itself.
    flops
        ``flops(y, *inputs) -> int``: the additions and multiplications behind the result `y`.  By default one
        for each element of the largest array, and none for an op that only moves elements.
    changes_dtype
        True for an op whose result may have another floating-point dtype than its inputs.

    Attributes
    ----------
    name
        The forward function's name, unique among all primitives.
    input_names, setting_names
        The names of the forward's positional and keyword-only parameters.
    rules
        One rule per input (a single one for a forward with ``*inputs``):
        ``rule(g, y, *inputs, **attributes)`` returns the gradient of that input, in the input's shape or in
        any shape that the input broadcasts to (the surplus axes are summed centrally).  ``None`` for an
        input without derivative (labels, a condition).
    first_rules
        The rules that this forward was declared with first, as long as others take their place: a diagnosis
        shows them beside a wrong one.
    bypass
        For an op that works on what lies behind a value instead of on the value (a loss of probabilities on
        their logits): ``bypass(g, y, value, *inputs, **attributes)`` returns the gradient of the value.
    adds
        For an op that reads a part of its only input: ``adds(total, g, y, x, **attributes)`` returns `total`,
        an array of the engine, with the gradient of `x` added in place.  Its cost is that of the part, while
        the rule makes an array of the whole input.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        numpy: Callable[..., Any] | None = None,
        moves_elements: bool = False,
        elementwise: bool = False,
        flops: Callable[..., int] | None = None,
        changes_dtype: bool = False,
    ) -> None:
        if not hasattr(forward, "__code__"):
            raise TypeError(
                f"forward is {shown(forward)}: expected a Python function; write def my_op(x): return ..."
            )
        self.forward = forward
        self.name = self.__name__ = forward.__name__
        self.__doc__ = forward.__doc__
        self.defaults: dict[str, Any] = dict(forward.__kwdefaults__ or {})
        self.variadic = bool(forward.__code__.co_flags & 0x04)
        self.rules: tuple[Rule | None, ...] | None = None
        self.first_rules: tuple[Rule | None, ...] | None
        self.all_differentiable = False
        self.bypass: Rule | None = None
        self.adds: Rule | None = None
        self.changes_dtype = changes_dtype
        self.moves_elements = moves_elements
        self.elementwise = elementwise
        self.flops = flops or (_no_arithmetic if moves_elements else _one_per_element)
        if forward.__defaults__:
            raise ValueError(f"{self.name}: settings are keyword-only: write a * before those with a default")
        code = forward.__code__
        self.input_names = code.co_varnames[: code.co_argcount]
        self.setting_names = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
        if {"g", "y"} & set(self.input_names):
            raise ValueError(f"{self.name}: g and y stand for gradient and result; name its inputs otherwise")
        taken = REGISTRY.get(self.name)
        if taken is not None and _home(taken.forward) != _home(forward):
            raise ValueError(f"there is a primitive named {self.name!r} already: choose another name")
        self.first_rules = taken.first_rules if taken is not None and taken.forward is forward else None
        REGISTRY[self.name] = self
        if numpy is not None:
            ANSWERS[numpy] = self

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.forward)

    def vjps(self, *rules: Rule | None, adds: Rule | None = None) -> None:
        """Declare the rules, one per input in order; for a forward with ``*inputs``, one for all of them.

        `adds` is the shortcut of an op that reads a part of its input.
        """
        expected = 1 if self.variadic else self.forward.__code__.co_argcount
        if len(rules) != expected:
            raise GradientError(f"{self.name} has {expected} inputs and was given {len(rules)} rules")
        self.rules, self.adds = rules, adds
        self.first_rules = self.first_rules or rules
        self.all_differentiable = None not in rules

    def rule(self, position: int) -> Rule | None:
        """Return the rule of one input; a rule for any number of inputs gets the position as an argument."""
        if self.rules is None:
            raise GradientError(f"{self.name} has no rules: declare them with {self.name}.vjps(...)")
        if self.variadic and self.rules[0] is not None:
            return partial(self.rules[0], position=position)
        return self.rules[position]

    def __call__(self, *inputs: Any, **attributes: Any) -> Any:
        """Compute on arrays; with a Tensor among the inputs, let it record the application.

        Settings may be positional after the inputs (``sum(x, 0)``). A primitive of any number of inputs also
        takes them as one list or tuple (``concatenate([a, b])``).
        """
        try:
            for value in inputs:
                if type(value) is ndarray:
                    continue
                if isinstance(value, Box):
                    settings = {**self.defaults, **attributes} if self.defaults else attributes
                    return value._apply(self, inputs, settings)
                if isinstance(value, ndarray):
                    require_unmasked(f"an input of {self.name}", value)
            if not (self.variadic and inputs and isinstance(inputs[0], list | tuple)):
                return self.forward(*inputs, **attributes)
        except (TypeError, AttributeError) as error:  # only after a failure: correct calls cost nothing more
            misuse = self._misuse(inputs, attributes, error)
            if misuse is not None:
                raise misuse from None
            if self.variadic or len(inputs) == len(self.input_names):
                raise
        inputs, attributes = self._rearranged(inputs, attributes)
        return self(*inputs, **attributes)

    def _misuse(
        self, inputs: tuple[Any, ...], attributes: dict[str, Any], error: Exception
    ) -> TypeError | None:
        """Return the error for an unknown or missing setting, or a missing or unsuitable input."""
        for name in attributes:
            if name in self.input_names:
                return TypeError(f"{self.name}() takes its inputs by position: {self.usage()}")
            if name not in self.setting_names:
                return unknown_keyword(self.name, name, self.setting_names)
        missing = [] if self.variadic else list(self.input_names[len(inputs) :])
        if len(inputs) <= len(self.input_names):  # otherwise settings may be among them
            given = {*attributes, *self.defaults}
            missing += [f"{name}=" for name in self.setting_names if name not in given]
        if missing:
            return TypeError(f"{self.name}() is missing {' and '.join(missing)}: {self.usage()}")
        unfit = misfit(self.forward, attributes, error)
        if unfit is not None:
            return unfit
        for value in inputs[: len(self.input_names)]:
            kind = type(value).__name__
            said = f"'{kind}'" if value is None else f"'{kind}' object has no"
            if isinstance(value, list | tuple | str | dict) or said in str(error):
                return takes_arrays(self.name, value)
        return None

    def _rearranged(
        self, inputs: tuple[Any, ...], attributes: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return inputs and settings of a call that gives settings by position, or the inputs as a list."""
        count = len(self.input_names)
        first, surplus = (inputs[0], inputs[1:]) if self.variadic else (inputs[:count], inputs[count:])
        free = [name for name in self.setting_names if name not in attributes]
        if len(surplus) > len(free) or any(isinstance(value, Box) for value in surplus):
            raise TypeError(f"{self.name}() got {len(inputs)} positional arguments: {self.usage()}")
        settings = {**attributes, **dict(zip(free, surplus))}
        if "keepdims" in settings:
            require_keepdims(settings["keepdims"])
        return tuple(first), settings

    def usage(self) -> str:
        """Return the call as a message shows it: ``expected sum(x, axis=..., keepdims=...)``."""
        settings = [f"{name}=..." for name in self.setting_names]
        inputs = ["[a, b, ...]"] if self.variadic else self.input_names
        return f"expected {self.name}({', '.join([*inputs, *settings])})"

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _registered, (self.name,)


def _registered(name: str) -> Primitive:
    """Return the primitive with this name; unpickling uses it."""
    return REGISTRY[name]


def _home(forward: Callable[..., Any]) -> tuple[str, str]:
    """Return the place where a forward is defined: a new definition there, as in a notebook, replaces it."""
    return forward.__module__, forward.__qualname__


def _no_arithmetic(y: Any, *inputs: Any) -> int:
    return 0


def _one_per_element(y: Any, *inputs: Any) -> int:
    return max(x.size for x in (y, *inputs) if isinstance(x, ndarray | generic))


@overload
def primitive(forward: Callable[..., Any]) -> Primitive: ...
@overload
def primitive(
    *,
    numpy: Callable[..., Any] | None = ...,
    moves_elements: bool = ...,
    elementwise: bool = ...,
    flops: Callable[..., int] | None = ...,
    changes_dtype: bool = ...,
) -> Callable[[Callable[..., Any]], Primitive]: ...
def primitive(forward: Callable[..., Any] | None = None, **facts: Any) -> Any:
    """Turn a forward function on arrays into a primitive; declare its rules with ``.vjps(...)``.

    Facts of the op, which `Primitive` lists, are arguments: ``@primitive(elementwise=True)``.

    >>> from tinygrad_mnist import Tensor
    >>> from tinygrad_mnist.autodiff.primitive import primitive
    >>> @primitive
    ... def cube(x):
    ...     return x * x * x
    >>> cube.vjps(lambda g, y, x: g * 3 * x * x)
    >>> x = Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array(12.)
    """
    return Primitive(forward, **facts) if forward is not None else partial(Primitive, **facts)


def require_rules() -> None:
    """Refuse a registry with a primitive that has no rules: its gradient would be silently missing."""
    missing = [name for name, entry in REGISTRY.items() if entry.rules is None]
    if missing:
        raise GradientError(f"primitives without rules: {', '.join(missing)}; declare them with .vjps(...)")


def require_keepdims(value: Any) -> None:
    """Refuse a second axis in place of keepdims."""
    require_bool("keepdims", value, "several axes are one tuple, axis=(0, 1)")


def misfitting_rule(error: Exception, primitive: Primitive, position: int) -> TypeError | None:
    """Return the error for a rule that cannot be called as rules are; None if it failed inside."""
    frames = error.__traceback__
    if not isinstance(error, TypeError) or frames is None or frames.tb_next is not None:
        return None
    name = "any input" if primitive.variadic else primitive.input_names[position]
    inputs = ["*inputs"] if primitive.variadic else list(primitive.input_names)
    settings = ["position"] if primitive.variadic else ["*"] if primitive.setting_names else []
    parameters = ", ".join(["g", "y", *inputs, *settings, *primitive.setting_names])
    return TypeError(f"the rule of {primitive.name} for {name}: {error}; write lambda {parameters}: ...")


def not_an_array(primitive: Primitive, position: int, value: Any) -> GradientError:
    """Return the error for a rule whose result is not an array."""
    name = f"input {position}" if primitive.variadic else primitive.input_names[position]
    instead = (
        f"for an input without derivative give None in place of the rule, {primitive.name}.vjps(..., None)"
        if value is None
        else "return an array or Tensor of the input's shape"
    )
    return GradientError(f"the rule of {primitive.name} for {name} returned {value!r}: {instead}")


def takes_arrays(op: str, value: Any) -> TypeError:
    """Return the error for a value that no op computes with."""
    if isinstance(value, list | tuple):
        instead = "write np.asarray(...) around it"
    elif value is None:
        instead = "return a value from the function that it comes from"
    elif isinstance(value, str):
        instead = "write float(...) around it, if it is a number"
    elif callable(value):
        instead = "call it first: what it returns can be an operand"
    else:
        instead = "write np.asarray(...) around it, if it holds numbers"
    kind = "None" if value is None else type(value).__name__
    return TypeError(f"{op} takes Tensors, arrays and numbers, not {kind}: {instead}")


def takes_array(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a composition that reads the shape of its first input: lists become arrays, as in NumPy.

    Raises
    ------
    TypeError
        If the first input is not an array, nor a number or a list; for unknown or missing arguments, with
        advice.
    """
    answering = hinted(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if args and not hasattr(args[0], "shape"):
            if not isinstance(args[0], int | float | list | tuple):
                raise takes_arrays(function.__name__, args[0])
            array: Any = asarray(args[0])
            return answering(array, *args[1:], **kwargs)  # type: ignore[arg-type]
        return answering(*args, **kwargs)

    return call
