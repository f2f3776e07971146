"""Pages of the reference: one for each room, with every public name."""

import ast
import importlib
import inspect
import pkgutil
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, get_origin

import tinygrad_mnist as tm
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.checking import WrongRule

PACKAGE = "tinygrad_mnist"
INTRODUCTION = "Every public name, by room, with its docstring. The test suite runs each example."

# The rooms of the package in the order in which one meets them, and what each is about.
ROOMS = {
    PACKAGE: "Tensors, and derivatives of functions",
    "ops": "ops, named as in NumPy",
    "autograd": "gradients of computed Tensors",
    "nn": "layers and losses",
    "nn.functional": "layers and losses as functions",
    "nn.init": "initial values",
    "nn.utils": "clipping of gradients",
    "optim": "optimizers and schedules",
    "training": "the loop, callbacks, checkpoints",
    "training.sweeps": "many trainings at once",
    "datasets": "MNIST, digits, pictures, batches",
    "datasets.augment": "images bent and shifted",
    "checking": "gradient checks and diagnosis",
    "checking.strategies": "random inputs for tests",
    "checking.wrong_rules": "classic mistakes to practise on",
    "doctor": "why a network does not learn",
    "graph": "the graph, drawn and played back",
    "program": "captured steps",
    "formats": "files to save, load and export",
    "play": "the page to play with",
    "learn": "exercises",
    "estimator": "scikit-learn's conventions",
    "by_hand": "the perceptron derived by hand",
    "experiments": "the five articles",
    "experiments.drawings": "their pictures",
    "report": "pages and drawings",
    "report.plots": "curves and images",
    "benchmark": "tables of speeds",
    "errors": "errors and warnings",
    "lesson": "lessons that tell themselves",
    "pages": "what pages with scripts share",
    "files": "atomic writes and bounded reads",
    "hints": "advice for names that are missing",
    "cli": "the commands",
}


def room(name: str) -> ModuleType:
    """Return a room by its short name."""
    if name in (PACKAGE, "ops"):
        return tm if name == PACKAGE else tm.ops
    return importlib.import_module(f"tinygrad_mnist.{name}")


def public_names(name: str) -> list[str]:
    """Return the public names of a room that are not rooms themselves."""
    module = room(name)
    return [each for each in module.__all__ if not inspect.ismodule(getattr(module, each))]


def full_name(name: str) -> str:
    """Return a room's name as it is imported."""
    return name if name == PACKAGE else f"{PACKAGE}.{name}"


def owners() -> dict[int, str]:
    """Return the full name under which each public object is described: that of its own room."""
    found: dict[int, str] = {}
    for name in sorted(ROOMS, key=lambda name: name == PACKAGE):
        for each in public_names(name):
            value = getattr(room(name), each)
            if callable(value):  # a constant may be equal to another
                found.setdefault(id(value), f"{full_name(name)}.{each}")
    return found


def write_reference(folder: Path) -> None:
    """Write a page for each room, and the page that lists them."""
    folder.mkdir(parents=True)
    owned = owners()
    if forgotten := _rooms_of_the_package() - set(ROOMS):
        raise LookupError(f"ROOMS lacks {', '.join(sorted(forgotten))}")
    listed = ["Reference", "=========", "", INTRODUCTION, ""]
    listed += [".. toctree::", "   :maxdepth: 1", "   :hidden:", "", *(f"   {name}" for name in ROOMS)]
    listed += ["", ".. list-table::", "   :widths: 35 65", ""]
    for name, topic in ROOMS.items():
        (folder / f"{name}.rst").write_text(_page(name, owned), encoding="utf-8")
        listed += [f"   * - :doc:`{name}`", f"     - {topic}"]
    (folder / "index.rst").write_text("\n".join(listed) + "\n", encoding="utf-8")


def _rooms_of_the_package() -> set[str]:
    """Return the parts of the package that have public names."""
    parts = [each.name for each in pkgutil.iter_modules(tm.__path__) if each.name != "__main__"]
    return {part for part in parts if getattr(room(part), "__all__", None)}


def _page(name: str, owned: dict[int, str]) -> str:
    module, full = room(name), full_name(name)
    places = {each: owned.get(id(getattr(module, each)), f"{full}.{each}") for each in public_names(name)}
    lines = [name, "=" * len(name), "", f".. py:module:: {full}", ""]
    lines += [*inspect.cleandoc(module.__doc__ or "").splitlines(), ""]
    lines += [".. py:currentmodule:: None", ""]  # full names follow
    lines += [".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   ~{place}" for each, place in places.items() if not is_wrong(getattr(module, each))]
    lines += [""]
    for each, place in places.items():
        if place == f"{full}.{each}":
            title = f"{each[:-1]}\\_" if each.endswith("_") else each  # else it would be a link
            lines += [title, "-" * len(title), "", *_entry(place, getattr(module, each)), ""]
    return "\n".join(lines) + "\n"


def docstring(name: str, each: str) -> str:
    """Return the docstring of a public name; that of a constant is the text below its assignment."""
    value = getattr(room(name), each)
    own, of_class = inspect.getdoc(value), inspect.getdoc(type(value))
    is_constant = own == of_class or get_origin(value) is not None
    return text_below(room(name), each) if is_constant else own or ""


def text_below(module: ModuleType, name: str) -> str:
    """Return the text below the assignment of a name, in the module that it is imported from, or nothing."""
    body = ast.parse(inspect.getsource(module)).body
    for line in body:
        if isinstance(line, ast.ImportFrom) and name in [alias.name for alias in line.names]:
            return text_below(importlib.import_module(line.module or ""), name)
    for line, below in pairwise(body):
        if name in _assigned(line) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            return inspect.cleandoc(str(below.value.value))
    return ""


def _assigned(line: ast.stmt) -> list[str]:
    targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def is_wrong(value: Any) -> bool:
    """A wrong rule tells of itself; its docstring is that of its class."""
    return isinstance(value, WrongRule)


def _entry(place: str, value: Any) -> list[str]:
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        return [f".. {kind}:: {place}", "   :members:"]
    if is_wrong(value):
        why = value.why.replace("|", r"\|").replace("*", r"\*")
        module, _, own = place.rpartition(".")
        return [f".. py:data:: {own}", f"   :module: {module}", "", f"   Breaks {value.blames()}. {why}"]
    if isinstance(value, Primitive) or inspect.isroutine(value):
        return [f".. autofunction:: {place}"]
    return [f".. autodata:: {place}", *([] if isinstance(value, int | float | str) else ["   :no-value:"])]
