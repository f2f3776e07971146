"""Atomic writing of files, and bounded reading of files that may come from anywhere."""

from tinygrad_mnist.files.atomic import write_atomically
from tinygrad_mnist.files.file_kinds import require_empty_file, require_file, require_folder
from tinygrad_mnist.files.json import finite_or_text, read_json, read_json_lines
from tinygrad_mnist.files.reading import open_regular, read_bounded
from tinygrad_mnist.files.tensors import load_tensors, save_tensors
from tinygrad_mnist.files.visible import visible, visible_lines

__all__ = [
    "finite_or_text",
    "load_tensors",
    "open_regular",
    "read_bounded",
    "read_json",
    "read_json_lines",
    "require_empty_file",
    "require_file",
    "require_folder",
    "save_tensors",
    "visible",
    "visible_lines",
    "write_atomically",
]


def __dir__() -> list[str]:
    return __all__
