"""Build the site: `python examples/site/build.py`, then open build/site/html/index.html.

Every page is made anew from the lessons, the docstrings and the pages of this folder. A warning is an error.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from lessons import lessons, to_gallery
from live import write_articles, write_pages
from reference import owners, write_reference
from speed import pictures
from sphinx.cmd.build import main as sphinx

from tinygrad_mnist.report.drawing import style_sheet

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "site"

DOCUMENTS = {
    "CHANGELOG.md": "changelog.md",
    "examples/speed.md": "speed.md",
    "examples/differences_from_pytorch.md": "differences_from_pytorch.md",
}
NAME = re.compile(r"(?<![`}\w])`(?P<name>\w+)`(?!`)")
LESSON = re.compile(r"\((?:lesson:|(?:examples/)?\d\d_)(?P<name>\w+?)(?:\.py)?\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(pictures/(?P<name>[^)]+)\)")

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


def write_documents(source: Path) -> None:
    """Copy the documents of the repository, draw their pictures, and link to the lessons by their names."""
    for document, name in DOCUMENTS.items():
        shutil.copy(ROOT / document, source / name)
    drawn = pictures()
    places = {
        path.stem[3:]: f"/lessons/{name}/{path.stem}.rst"
        for name in GALLERIES
        for path in lessons(name == "beginners")
    }
    names = {place.rpartition(".")[2] for place in owners().values()}
    for page in source.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if page.name not in DOCUMENTS.values():  # there a name may be another library's
            text = NAME.sub(
                lambda match: f"{{py:obj}}{match[0]}" if match["name"] in names else match[0], text
            )
        text = PICTURE.sub(lambda match: drawn[match["name"]].to_html(), text)
        text = LESSON.sub(lambda match: f"({places[match['name']]})", text)
        text = text.replace("\n\n```\n", "\n```\n")  # the blank line that ends a doctest
        page.write_text(text, encoding="utf-8")


def write_wheel(folder: Path) -> None:
    """Build the wheel that a lesson's page installs into Pyodide, and note its name for the script."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(pip, check=True)
    (wheel,) = folder.glob("*.whl")
    (folder / "name.txt").write_text(wheel.name + "\n", encoding="utf-8")


def main() -> int:
    """Write the sources, and call Sphinx."""
    shutil.rmtree(BUILD, ignore_errors=True)
    source = BUILD / "source"
    shutil.copytree(HERE, source, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(HERE / "conf.py", source)
    write_documents(source)
    (source / "static" / "drawing.css").write_text(style_sheet(), encoding="utf-8")
    (BUILD / "extra").mkdir()
    write_pages(BUILD / "extra")
    write_articles(source / "articles.rst", BUILD / "articles")
    write_wheel(BUILD / "extra" / "wheel")
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
