"""Compile functions: capture once per signature, repeat afterwards."""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, get_args, overload

import numpy as np

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.tensor import Tensor, new_tensor
from tinygrad_mnist.errors import CaptureError, MissingExtraError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.program.dry_run import dry_run, title
from tinygrad_mnist.program.equality import alike, same_bits
from tinygrad_mnist.program.guards import MISS
from tinygrad_mnist.program.program import Binding, Program
from tinygrad_mnist.program.signature import (
    as_tensors,
    flat,
    is_weak,
    plain_array,
)

Backend = Literal["numpy", "native", "eager"]
"""Engines of `compile` and `fit`: a program of NumPy calls, machine code, or op by op.

Examples
--------
>>> from typing import get_args
>>> get_args(Backend)
('numpy', 'native', 'eager')
"""
_INSIDE = ContextVar("inside", default=False)  # a function of which there is a program runs itself
_MOST_PROGRAMS = 32  # per function; older ones are dropped


@dataclass
class _Known:
    """A program that was captured, bound to arrays; `is_checked` after it was compared with the function."""

    program: Program
    binding: Binding
    is_checked: bool = False


class Compiled:
    """Function that runs as a captured program; `compile` returns it.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.program import compile
    >>> @compile
    ... def double(x):
    ...     return x * 2
    >>> results = [double(np.ones(3)) for _ in range(2)]
    >>> results[1]
    Tensor([2., 2., 2.], shape=(3,), dtype=float64)
    """

    def __init__(self, function: Callable[..., Any], *, backend: Backend = "numpy") -> None:
        require_backend(backend)
        functools.update_wrapper(self, function, updated=())  # attributes of a model stay with the model
        self.function = function
        self.backend: Backend = backend
        self._programs: list[_Known] = []  # the one used last comes last
        self._entries: dict[Any, list[Callable[..., Any]]] = {}  # of checked programs, by structure
        self._lock = threading.RLock()  # a program has one memory; a function may call itself

    @property
    def program(self) -> Program:
        """The last program that was captured or repeated."""
        self._require_programs()
        if not self._programs:
            raise CaptureError(f"{self._name} has not been called yet: there is no program to look at")
        return self._programs[-1].program

    def trace(self, *arguments: Any, **keywords: Any) -> Program:
        """Return the program of a call by a dry run, which changes nothing.

        Raises
        ------
        CaptureError
            If the function cannot be captured.
        """
        self._require_programs()
        with self._lock:
            return self._traced(arguments, keywords)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Repeat the program for these arguments, or capture one."""
        if CAPTURE.get() or _INSIDE.get():  # inside another captured function: part of its program
            return self.function(*arguments, **keywords)
        with self._lock:
            if not keywords:  # faster, for arguments that are leaves themselves
                for enter in self._entries.get(len(arguments), ()):
                    answer = enter(*arguments)
                    if answer is not MISS:
                        return answer
            structure, leaves = flat(arguments, keywords)
            for enter in self._entries.get(structure, ()):
                answer = enter(*leaves)
                if answer is not MISS:
                    return answer
            return self._call(arguments, keywords, structure, leaves)

    def check(self, *arguments: Any, **keywords: Any) -> Any:
        """Run the function and its program side by side and compare them bit for bit.

        Outputs, parameters, gradients and all other changes are compared. Native code is compared with the
        program on NumPy, up to rounding. Afterwards the state is that of one call, whose result is returned.

        Raises
        ------
        CaptureError
            If they differ: the function does something that a program does not repeat.
        """
        self._require_programs()
        structure, leaves = flat(arguments, keywords)
        with self._lock:
            known = self._find(structure, leaves)
            program = known.program if known else self._traced(arguments, keywords)
            if program.trace.single_use:
                raise CaptureError(
                    f"{self._name} is captured anew at this call ({program.trace.single_use}): call it once, "
                    "then check"
                )
            if self.backend == "native":
                self._compare_backends(program, leaves)
            return self._compare(program.bind(), arguments, keywords, leaves)

    @property
    def _name(self) -> str:
        return title(self.function)

    def _call(self, arguments: Any, keywords: Any, structure: Any, leaves: Sequence[Any]) -> Any:
        """Call where no entry is ready: capture, check, or bind again to exchanged arrays."""
        if self.backend == "eager":
            given, given_keywords = as_tensors(arguments, keywords, leaves)[1]
            return self.function(*given, **given_keywords)
        known = self._find(structure, leaves)
        if known is None:
            program = self._traced(arguments, keywords)
            answer = self._run_itself(program, arguments, keywords, leaves)
            program.trace.clear_gradients()
            if not program.trace.single_use:
                self._programs.append(_Known(program, program.bind()))
                del self._programs[:-_MOST_PROGRAMS]
            return answer
        self._programs.remove(known)
        self._programs.append(known)
        known.binding = known.program.bind(self.backend)  # before anything is changed: it may be refused
        if known.is_checked:
            answer = known.binding.enter(*leaves)
        else:
            answer = self._compare(known.program.bind(), arguments, keywords, leaves)
            known.is_checked = True
        self._entries = {}
        for kept in reversed(self._programs):
            if kept.is_checked:
                entries = self._entries.setdefault(kept.program.trace.call.structure, [])
                entries.append(kept.binding.enter)
        return answer

    def _find(self, structure: Any, leaves: Sequence[Any]) -> _Known | None:
        for known in self._programs:
            if known.program.trace.call.structure == structure and known.binding.holds(*leaves):
                return known
        return None

    def _traced(self, arguments: Any, keywords: Any) -> Program:
        return Program.of(dry_run(self.function, arguments, keywords))

    def _run_itself(self, program: Program, arguments: Any, keywords: Any, leaves: Sequence[Any]) -> Any:
        """Call the function itself and return the results as its program would: copies without a graph."""
        given, (filled, filled_keywords) = as_tensors(arguments, keywords, leaves)
        token = _INSIDE.set(True)
        try:
            output = self.function(*filled, **filled_keywords)
        finally:
            _INSIDE.reset(token)
        same = {id(x): leaf for x, leaf in zip(given, leaves) if isinstance(x, Tensor)}
        same |= {id(thing): thing for thing in program.trace.things}

        def answer(leaf: Any) -> Any:
            if isinstance(leaf, Tensor | np.ndarray) and id(leaf) not in same:
                copy = plain_array(leaf).copy("K")
                is_array = isinstance(leaf, np.ndarray)
                same[id(leaf)] = copy if is_array else new_tensor(copy, weak_dtype=is_weak(leaf))
            return same.get(id(leaf), leaf)

        return trees.replace(output, answer)

    def _compare(self, binding: Binding, arguments: Any, keywords: Any, leaves: Sequence[Any]) -> Any:
        """Run both from the same state, the program last; raise an error if they differ.

        The program is bound to NumPy, which gives the same bits as the function.
        """
        put_back = binding.snapshot()
        found = self._run_itself(binding.program, arguments, keywords, leaves)
        expected = [_copy(x) for x in trees.leaves(found)]
        touched = {name: _copy(array) for name, array in binding.touched().items()}
        put_back()
        answer = binding.enter(*leaves)
        different = [name for name, x in binding.touched().items() if not same_bits(x, touched.get(name))]
        for i, (x, other) in enumerate(zip(trees.leaves(answer), expected)):
            if not same_bits(plain_array(x), other):
                different.append(f"output {i}")
        if different:
            put_back()
            raise CaptureError(
                f"the program of {self._name} does not give what the function gives; different: "
                f"{', '.join(different)}. Something in it is not repeated by a program: a value that Python "
                "code changes or computes from arrays, an array made outside of ops, or random numbers from "
                "elsewhere than nn.Dropout"
            )
        return answer

    def _compare_backends(self, program: Program, leaves: Sequence[Any]) -> None:
        """Run a step on both backends and restore everything; raise an error if they differ."""
        results = []
        for binding in (program.bind("numpy"), program.bind("native")):
            put_back = binding.snapshot()
            answer = trees.leaves(binding.enter(*leaves))
            results.append({f"output {i}": _copy(x) for i, x in enumerate(answer)})
            results[-1] |= {name: _copy(array) for name, array in binding.touched().items()}
            put_back()
        by_numpy, native = results
        different = [name for name, x in by_numpy.items() if not alike(native.get(name), x)]
        if different:
            raise CaptureError(
                f"the native code of {self._name} does not give what NumPy gives, up to rounding; different: "
                f"{', '.join(different)}; write backend='numpy'"
            )

    def _require_programs(self) -> None:
        if self.backend == "eager":
            raise CaptureError(
                f"{self._name} has backend='eager', which makes no program: write backend='numpy'"
            )


@overload
def compile(function: Callable[..., Any], *, backend: Backend = "numpy") -> Compiled: ...
@overload
def compile(
    function: None = None, *, backend: Backend = "numpy"
) -> Callable[[Callable[..., Any]], Compiled]: ...
@hinted
def compile(function: Callable[..., Any] | None = None, *, backend: Backend = "numpy") -> Any:
    """Capture a function as a program of NumPy calls, and repeat that at later calls.

    Parameters
    ----------
    function
        Takes arrays, Tensors, numbers, and lists, tuples and dicts of them; may run forward, ``backward()``
        and ``optimizer.step()``, or forward alone.  Inside, arrays among the arguments are Tensors.
    backend : {"numpy", "native", "eager"}, default "numpy"
        "numpy": repeat the NumPy calls; results are the function's to the last bit.  "native": machine code
        that numba compiles (extra "native"): several times the speed for small networks, results within a
        few rounding errors.  It takes seconds, at the second call; a later process finds the code in the
        user's cache folder, or in the folder NUMBA_CACHE_DIR.  "eager": run the function itself at each call,
        and capture nothing; results keep their graph.

    Returns
    -------
    Compiled
        Called like the function.  A program holds for one signature: shapes, dtypes and memory layouts of
        arrays, values of all other arguments, and what the function reads of modules, optimizers and tensors
        besides their arrays (attributes, lists of parameters, frozen parameters, `no_grad`).  The first call
        for a signature records the NumPy calls in a dry run, which changes no Tensor, module, optimizer or
        generator, and then runs the function, so that a counter or a list of Python's counts that call
        twice.  The second runs both and compares them bit for bit.  Later calls run the program.  Results
        are new Tensors without a graph; masks and gradients are arrays.  A gradient that the function's own
        ``optimizer.step()`` has used is not kept: return it to see it.

    Raises
    ------
    CaptureError
        If Python code looks at a value in between (a branch, ``float(loss)``), if an attribute of a module
        is left changed, if random numbers are drawn elsewhere than in ``nn.Dropout``, if an argument or a
        result cannot be guarded or made anew, if the second call shows that something is not repeated, or if
        nothing in the function has a native form.  A failed capture has changed nothing.  Some differences
        arise only later: a side effect elsewhere, a variable of Python that is set again, an attribute set
        in ``vars(module)``.  ``compiled.check(*arguments)`` compares again.
    MissingExtraError
        If numba is not installed and `backend` is "native".

    Examples
    --------
    >>> from tinygrad_mnist import nn, optim
    >>> model = nn.Linear(3, 1)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> @compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = nn.MSELoss()(model(x), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x, y = np.ones((2, 3), np.float32), np.zeros((2, 1), np.float32)
    >>> losses = [step(x, y).item() for _ in range(20)]
    >>> losses[-1] < 1e-3
    True
    >>> step.program
    <program of step: ... instructions, ... bytes for results (... without reuse)>
    """
    if function is None:  # used as @compile(backend="native")
        return functools.partial(Compiled, backend=backend)
    return Compiled(function, backend=backend)


def require_backend(backend: Any) -> None:
    """Refuse unknown backends, and native code without numba.

    Raises
    ------
    ValueError
        If it is another word.
    MissingExtraError
        If it is "native", and numba is not installed.
    """
    require_choice("backend", backend, get_args(Backend))
    if backend == "native" and importlib.util.find_spec("numba") is None:
        raise MissingExtraError("backend='native' needs numba: pip install -e '.[native]'")


def _copy(x: Any) -> Any:
    x = plain_array(x)
    return x.copy() if isinstance(x, np.ndarray) else x
