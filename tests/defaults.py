"""List the defaults other than None of all parameters and fields, as in defaults.txt.

``python -m tests.defaults`` writes the file again after an intended change: read the diff.
"""

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import tinygrad_mnist
from tinygrad_mnist.autodiff.primitive import Primitive

FILE = Path(__file__).with_suffix(".txt")


def modules():
    for found in pkgutil.walk_packages(tinygrad_mnist.__path__, "tinygrad_mnist."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def callables():
    """Yield (name, callable) of each public function, class and method, where it is defined."""
    for module in modules():
        for name, value in vars(module).items():
            value = value.forward if isinstance(value, Primitive) else value
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            place = f"{module.__name__.partition('.')[2]}.{name}"
            if callable(value) and not isinstance(value, enum.EnumType):
                yield place, value
            if inspect.isclass(value):
                methods = inspect.getmembers(value, inspect.isroutine)
                yield from (
                    (f"{place}.{method}", function)
                    for method, function in methods
                    if not method.startswith("_") and method in vars(value)
                )


def described(value):
    """Return the defaults as `` a=1 b=2``, and " frozen" for a frozen dataclass."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    texts = [f" {p.name}={_shown(p.default)}" for p in parameters if p.default not in (p.empty, None)]
    text = "".join(text for text in texts if not text.endswith("<factory>"))
    frozen = dataclasses.is_dataclass(value) and inspect.isclass(value) and value.__dataclass_params__.frozen
    return text + " frozen" * frozen


def _shown(default):
    name = getattr(default, "__qualname__", None)
    return name or re.sub(r" at 0x\w+", "", repr(default)).replace("\n", " ")


def listed():
    """Return one line per callable with a default."""
    lines = {f"{name}:{text}" for name, value in callables() if (text := described(value))}
    return "\n".join(sorted(lines)) + "\n"


if __name__ == "__main__":
    FILE.write_text(listed(), encoding="utf-8")
