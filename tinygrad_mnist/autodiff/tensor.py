"""The Tensor: an array that remembers the op and the inputs it came from."""

from __future__ import annotations

import itertools
from typing import Any, Never, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from tinygrad_mnist.arguments import require_bool, require_unmasked
from tinygrad_mnist.autodiff import guards, numpy_protocol
from tinygrad_mnist.autodiff.backward import backward, require_connected
from tinygrad_mnist.autodiff.conversions import Conversions, looked_at, warn_of_cut
from tinygrad_mnist.autodiff.copying import Copied
from tinygrad_mnist.autodiff.guards import CONSTANTS, PLAIN_OPERANDS
from tinygrad_mnist.autodiff.modes import CALL, CAPTURE, RECORDING, Call, Capture, path_of
from tinygrad_mnist.autodiff.observed import about_to_read, about_to_set, note_change
from tinygrad_mnist.autodiff.operators import InPlace
from tinygrad_mnist.autodiff.primitive import Box, Primitive, looked_into, peeled
from tinygrad_mnist.autodiff.source_line import Site, calling_site, in_words
from tinygrad_mnist.errors import DTypeError, GradientError, ShapeError
from tinygrad_mnist.hints import hinted, unknown_keyword
from tinygrad_mnist.hints.tensors import NotInTensor
from tinygrad_mnist.typing import Array

next_serial = itertools.count(1).__next__
_ndarray = np.ndarray
_FLOAT64 = np.dtype(np.float64)
_new = object.__new__


class Count(int):
    """Number of elements; a call, as in PyTorch, raises an error with the right spelling."""

    __slots__ = ()

    def __call__(self, *axis: int) -> NoReturn:
        """Refuse: PyTorch's ``size(axis)`` is a length."""
        instead = f"x.shape[{axis[0]}]" if axis else "x.shape"
        raise TypeError(
            f"size is the number of elements, {int(self)}: for the length of an axis write {instead}"
        )


class Tensor(Copied, Conversions, InPlace, NotInTensor):
    """NumPy array in a computation graph.

    Parameters
    ----------
    data : array_like or Tensor
        Anything that ``np.asarray`` takes, in its dtype; Python floats become float64 (see `weak_dtype`). The
        array is shared, or copied if `requires_grad` is true.
    requires_grad : bool, default False
        If True, ops on this tensor are recorded, and ``backward()`` gives it a gradient.
    dtype : dtype, optional
        Dtype to convert to.
    name : str, optional
        Name in errors and drawings.

    Attributes
    ----------
    data : ndarray
        The plain array. An assignment (``tensor.data -= ...``) is a change in place and is noticed; a write
        into the array (``tensor.data[0] = ...``) is not. What is assigned is copied.
    primitive, inputs, attributes
        Op that computed the tensor, its inputs (tensors, arrays, numbers) and its settings; for a leaf
        None, () and {}.
    serial : int
        Larger than the serials of all inputs; a change in place gives a new one.
    bypassed : Tensor or None
        Tensor between the inputs and this one that the op skips: the probabilities of a loss that computes
        with the logits behind them.
    weak_dtype : bool
        True for a float64 that was not chosen: of Python numbers, lists of them, and results computed from
        these and integers. Combined with a chosen floating-point dtype, such as float32 parameters, the
        values are converted to it, as are arrays of integers. Two different chosen dtypes are an error.

    Raises
    ------
    DTypeError
        If the data are not numbers, or `requires_grad` is given for other than floating-point numbers.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    array([2., 4., 6.])
    """

    __slots__ = (
        "__weakref__",
        "_call",
        "_data",
        "_grad",
        "_requires_grad",
        "_site",
        "attributes",
        "bypassed",
        "inputs",
        "name",
        "primitive",
        "retains_grad",
        "serial",
        "weak_dtype",
    )

    @hinted
    def __init__(
        self,
        data: ArrayLike | Tensor,
        *,
        requires_grad: bool = False,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        if isinstance(data, Tensor):
            warn_of_cut(data, "Tensor()", "tensor.detach()")
        require_unmasked("data", data)
        self._data: Array = guards.as_numbers(data, dtype)
        self.primitive: Primitive | None = None
        self.inputs: tuple[Any, ...] = ()
        self.attributes: dict[str, Any] = {}
        self.bypassed: Tensor | None = None
        self._grad: Any = None
        self.name = name
        self._call: Call | None = None
        self.serial: int = next_serial()
        self.retains_grad = False
        self._site: Site | None = None
        self.weak_dtype = dtype is None and (
            data.weak_dtype
            if isinstance(data, Tensor)
            else self._data.dtype is _FLOAT64 and guards.has_no_dtype(data)
        )
        self._requires_grad = False
        self._require_grad(requires_grad)

    # Attributes

    @property
    def scope(self) -> str:
        """The modules in which it was computed, outermost first: ``Sequential/Linear[0]``."""
        return path_of(self._call)

    @property
    def data(self) -> Array:
        """The plain array, not a copy; read-only for a computed tensor, because its rule may need it."""
        return looked_at(self, "data") if self.inputs else looked_into(self, "data")

    @data.setter
    def data(self, value: ArrayLike | Tensor) -> None:
        if self.inputs:
            raise GradientError(
                f"{self._label()} was computed, and its rule may need the value it had: only the data of a "
                "leaf can be assigned; detach() returns one"
            )
        looked_into(self, "data")
        require_unmasked("data", value)
        array = self._data
        if value is not array:  # ``tensor.data -= ...`` assigns the array itself
            array = np.array(value._data if isinstance(value, Tensor) else value, self._data.dtype)
        if array.shape != self._data.shape:
            raise ShapeError(
                f"{self._label()} holds shape {self.shape}: it cannot take data of {array.shape}"
            )
        self._data = array
        self.serial = next_serial()

    @property
    def requires_grad(self) -> bool:
        """True if gradients flow through this tensor."""
        about_to_read(self, "_requires_grad")
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        about_to_set(self, "_requires_grad")
        self._require_grad(value)
        note_change()

    def _require_grad(self, value: bool) -> None:
        if value is not True and value is not False:
            require_bool("requires_grad", value)
        if self.inputs and not value:
            raise GradientError(f"{self._label()} was computed: to cut the graph there use detach()")
        if value and self._data.dtype.kind != "f":
            raise DTypeError(
                f"{self._label()} is {self.dtype}, and only floating-point tensors have gradients: "
                "convert with dtype=np.float32 or np.float64"
            )
        if value and not self.inputs and not self._requires_grad:
            array = peeled(self)
            if array is not self._data:  # a program cannot exchange the array
                array._refuse(
                    f"requires_grad=True of {self._label()}",
                    "it came from outside and would get another array; set it before the call, or write "
                    "x = Tensor(x, requires_grad=True) inside",
                )
            self._data = array.copy()  # optimizers change it in place: it must not be shared
        self._requires_grad = bool(value)

    def requires_grad_(self, value: bool = True) -> Tensor:
        """Set ``requires_grad`` and return the tensor itself."""
        self.requires_grad = value
        return self

    @property
    def grad(self) -> Any:
        """Sum of the gradients from ``backward()``: an array in the tensor's shape and dtype, or None.

        An assigned array is copied: a gradient is never shared.
        """
        capture = CAPTURE.get()
        return capture.gradient(self) if capture else self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        capture = CAPTURE.get()
        gradient = None if value is None else self._fitting_gradient(value)
        if capture:
            capture.set_gradient(self, gradient)
        else:
            self._grad = value if value is self._grad else None if gradient is None else gradient.copy("K")

    @property
    def size(self) -> Count:
        """The number of elements."""
        return Count(self._data.size)

    @property
    def is_leaf(self) -> bool:
        """True if no op computed this tensor."""
        return not self.inputs

    def numpy(self) -> Array:
        """Return the plain array, ``data``, under PyTorch's name."""
        return self.data

    def detach(self) -> Tensor:
        """Return a copy as a leaf without gradient; later changes in place do not affect it."""
        return new_tensor(peeled(self).copy(), weak_dtype=self.weak_dtype)

    def _label(self, facts: str = "") -> str:
        """Return the name, "a tensor" for a leaf without one, or the op and its place."""
        if self.name or self.primitive is None:
            return f"{self.name or 'a tensor'}{facts}"
        return f"{self.primitive.name}{facts} ({self._origin()})"

    def _origin(self) -> str:
        """Return the place where the op was recorded: scope, file, line and the line's text."""
        if self._site is None:
            place = "a copy" if self.inputs else "a leaf"
        else:
            place = f"recorded at {in_words(self._site)}"
        return f"in {self.scope}, {place}" if self.scope else place

    def __repr__(self) -> str:
        array = looked_into(self, "the text of a Tensor")
        values = np.array2string(array, precision=4, threshold=20, edgeitems=2, separator=", ")
        facts = [f"shape={self.shape}", f"dtype={self.dtype}"]
        if self.name:
            facts.append(f"name={self.name!r}")
        if self.primitive:
            facts.append(f"op={self.primitive.name}")
        elif self._requires_grad:
            facts.append("requires_grad=True")
        indented = values.replace("\n", "\n       ")
        return f"Tensor({indented}, {', '.join(facts)})"

    # Gradients

    def backward(self, gradient: ArrayLike | Tensor | None = None, **foreign: Never) -> None:
        """Add to ``.grad`` of every leaf with ``requires_grad`` the gradient of this tensor.

        Parameters
        ----------
        gradient : array_like or Tensor, optional
            Gradient of a scalar with respect to this tensor, in its shape: the vector of the vector-Jacobian
            product. By default 1, for a tensor with one element.

        Raises
        ------
        GradientError
            If the tensor has several elements and `gradient` is missing, or it does not depend on a tensor
            that requires a gradient.
        StaleGradientError
            If a value that the graph needs was changed in place since the forward pass.
        """
        for name in foreign:
            raise unknown_keyword("Tensor.backward", name, ["gradient"])
        require_connected(self)
        backward(self, self._initial_gradient(gradient))

    def _initial_gradient(self, gradient: ArrayLike | Tensor | None = None) -> Any:
        """Return the first gradient of a backward pass: the given one, checked, or 1 for a single element."""
        if self._data.dtype.kind == "c":
            raise GradientError(f"{self._label()} is complex: only real results have a gradient here")
        if gradient is None:
            if self._data.size != 1:
                raise GradientError(
                    f"{self._label()} has shape {self.shape}: a backward pass starts from a scalar; "
                    "reduce it (sum, mean) or give the gradient to start from: backward(gradient)"
                )
            array = peeled(self)
            if isinstance(array, Box):
                return np.ones_like(array)
            return np.ones(array.shape, array.dtype) if array.ndim else np.array(1, array.dtype)  # quicker
        return self._fitting_gradient(gradient).copy()

    def _fitting_gradient(self, gradient: Any) -> Any:
        """Return a given gradient as an array in the tensor's dtype; refuse another shape."""
        require_unmasked("gradient", gradient)
        array = guards.as_numbers(gradient, self.dtype)
        if array.shape != self.shape:
            raise ShapeError(
                f"a gradient of shape {array.shape} does not fit {self._label()} of {self.shape}"
            )
        return array

    def retain_grad(self) -> Tensor:
        """Let ``backward()`` store ``.grad`` here although the tensor is not a leaf; return the tensor."""
        self.retains_grad = True
        return self

    def zero_grad(self) -> None:
        """Set the gradient to None."""
        self.grad = None

    # How ops are recorded

    def _apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Tensor:
        """Run a primitive on the arrays of its inputs and record it when one of them needs a gradient."""
        capture = CAPTURE.get()
        if capture:
            return self._apply_in_program(primitive, inputs, attributes, capture)
        arrays = []
        connected = False
        for x in inputs:  # not in a separate function: this runs for each op of each step
            if isinstance(x, Tensor):
                arrays.append(x._data)
                if x._requires_grad:
                    connected = True
            elif type(x) in PLAIN_OPERANDS:
                arrays.append(x)
            else:
                operands = tuple([guards.as_operand(primitive, value) for value in inputs])
                return self._apply(primitive, operands, attributes)
        for setting in attributes.values():
            if type(setting) not in CONSTANTS:
                attributes = guards.kept_settings(attributes)
                break
        try:
            value = primitive.forward(*arrays, **attributes)
        except Exception as error:
            guards.explain(error, primitive, inputs)
            raise
        if type(value) is not _ndarray:
            value = np.asarray(value)
        dtype = value.dtype
        for array in arrays:
            if type(array) is _ndarray and array.dtype is not dtype:
                if array.dtype.kind in "fc":
                    same = guards.with_one_dtype(primitive, inputs, dtype)
                    if same is not inputs:
                        return self._apply(primitive, same, attributes)
                else:
                    inputs = guards.kept_beside_gradients(inputs) if connected else inputs
        if (
            connected
            and RECORDING.get()
            and dtype.kind in "fc"  # the derivative of integers and booleans is 0
            and (primitive.all_differentiable or guards.has_rule(primitive, inputs))
        ):
            result = new_tensor(value, True, primitive, inputs, attributes, CALL.get(), calling_site())
        else:
            result = new_tensor(value)
        if dtype is _FLOAT64 and not primitive.changes_dtype and guards.is_weak(inputs):
            result.weak_dtype = True
        return result

    def _apply_in_program(
        self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any], capture: Capture
    ) -> Tensor:
        """Do what `_apply` does while a function is compiled: outside arrays become tracers."""
        inputs, arrays, attributes = guards.lifted_operands(primitive, inputs, attributes, capture)
        try:
            value = primitive(*arrays, **attributes)
        except Exception as error:
            guards.explain(error, primitive, inputs)
            raise
        same = guards.with_one_dtype(primitive, inputs, value.dtype)
        if same is not inputs:
            return self._apply_in_program(primitive, same, attributes, capture)
        if RECORDING.get() and value.dtype.kind in "fc" and guards.has_rule(primitive, inputs):
            result = new_tensor(value, True, primitive, inputs, attributes, CALL.get(), calling_site())
        else:
            result = new_tensor(value)
        result.weak_dtype = value.dtype == _FLOAT64 and not primitive.changes_dtype and guards.is_weak(inputs)
        return result

    def _mark_changed(self) -> None:
        """Note that the array was written into: graphs that have read it are stale."""
        self.serial = next_serial()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return numpy_protocol.call(function, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return numpy_protocol.call(function, args, kwargs)


def new_tensor(
    value: Any,
    requires_grad: bool = False,
    primitive: Primitive | None = None,
    inputs: tuple[Any, ...] = (),
    attributes: dict[str, Any] | None = None,
    call: Call | None = None,
    site: Site | None = None,
    weak_dtype: bool = False,
) -> Tensor:
    """Return a Tensor around an array, without the checks of ``Tensor(...)``: every op ends here."""
    result = _new(Tensor)
    result._data = value
    result._requires_grad = requires_grad
    result.primitive = primitive
    result.inputs = inputs
    result.attributes = {} if attributes is None else attributes
    result._call = call
    result._site = site
    result.bypassed = result._grad = result.name = None
    result.retains_grad = False
    result.weak_dtype = weak_dtype
    result.serial = next_serial()
    return result
