"""Dry run: the trace of a call of a function, which changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.tensor import new_tensor
from tinygrad_mnist.program.capture import capturing
from tinygrad_mnist.program.signature import (
    accepted,
    argument_names,
    flat,
    is_array,
    is_weak,
    plain_array,
    require_plain_containers,
    require_unchanged,
)
from tinygrad_mnist.program.trace import Call, Trace, traced


def dry_run(
    function: Callable[..., Any], arguments: Any, keywords: Any, *, whole: Collection[str] = ()
) -> Trace:
    """Return the trace of a call.

    Parameters
    ----------
    whole
        The ops that are noted as one call each, rather than as the NumPy calls in their forward.

    Raises
    ------
    CaptureError
        If the function cannot be captured.
    """
    require_plain_containers((arguments, keywords), "an argument")
    names = argument_names(function, arguments, keywords)
    structure, leaves = flat(arguments, keywords)
    with capturing(whole) as capture:
        capture.generators.meet_those_of(function)
        stand_ins = [
            new_tensor(capture.argument(plain_array(x)), weak_dtype=is_weak(x)) if is_array(x) else x
            for x in map(accepted, leaves)
        ]
        filled, filled_keywords = trees.refill((arguments, keywords), stand_ins)
        output = function(*filled, **filled_keywords)
        capture.require_unchanged()
        require_unchanged((filled, filled_keywords), (arguments, keywords), stand_ins)
        require_plain_containers(output, "the result")
        return traced(capture, Call(title(function), structure, leaves, names), stand_ins, output)


def title(function: Callable[..., Any]) -> str:
    """Return the name of a function, or of the class of a module."""
    return getattr(function, "__name__", type(function).__name__)
