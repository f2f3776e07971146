"""Build the site: `python examples/site/build.py`, then open build/site/html/index.html.

Every page is made anew from the lessons, the docstrings and the pages of this folder. A warning is an error.
"""

import os
import shutil
import sys
from pathlib import Path

from lessons import lessons, to_gallery
from live import write_articles, write_pages
from reference import write_reference
from sphinx.cmd.build import main as sphinx

from tinygrad_mnist.report.drawing import style_sheet

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "site"

GALLERIES = {
    "beginners": (
        "For beginners",
        "From the chain rule to a network that reads digits. Each lesson needs those before it.",
    ),
    "curious": ("For the curious", "Programs, machine code, other data, the last digit: in any order."),
}


def write_lessons(folder: Path) -> None:
    """Write the scripts of both galleries."""
    for name, (heading, text) in GALLERIES.items():
        place = folder / name
        place.mkdir(parents=True)
        underline = "=" * len(heading)
        (place / "GALLERY_HEADER.rst").write_text(f"{heading}\n{underline}\n\n{text}\n", encoding="utf-8")
        for path in lessons(name == "beginners"):
            (place / path.name).write_text(to_gallery(path), encoding="utf-8")


def main() -> int:
    """Write the sources, and call Sphinx."""
    os.environ["TINYGRAD_MNIST_SITE"] = str(HERE)
    shutil.rmtree(BUILD, ignore_errors=True)
    source = BUILD / "source"
    shutil.copytree(HERE, source, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(HERE / "conf.py", source)
    (source / "static" / "drawing.css").write_text(style_sheet(), encoding="utf-8")
    (BUILD / "extra").mkdir()
    write_pages(BUILD / "extra")
    write_articles(source / "articles.rst", BUILD / "articles")
    write_lessons(BUILD / "lessons")
    write_reference(source / "reference")

    return sphinx(
        [
            *sys.argv[1:],
            "-q",
            "-W",
            "--keep-going",
            "-d",
            str(BUILD / "doctrees"),
            str(source),
            str(BUILD / "html"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
