"""The template of a class's own set."""

from __future__ import annotations

from pathlib import Path

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import write_atomically

_TEMPLATE = Path(__file__).with_name("template")


def write_template(target: Path) -> list[Path]:
    """Write a set of one exercise into a folder; return the files.

    Raises
    ------
    DataError
        If the folder exists and has something in it.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(
            f"DIR is {target}, which has something in it: expected a new folder; write another name"
        )
    written = []
    for source in sorted(path for path in _TEMPLATE.glob("*/*") if path.is_file()):
        path = target / source.relative_to(_TEMPLATE)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, source.read_bytes())
        written.append(path)
    return written
