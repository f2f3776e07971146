"""What the build runs for the pages: a playback, two pages to play with, and the articles' experiments."""

from pathlib import Path
from typing import Any

from tinygrad_mnist import nn
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.experiments import EXPERIMENTS, ExperimentOptions
from tinygrad_mnist.graph import draw
from tinygrad_mnist.play import moons, play
from tinygrad_mnist.report import Table

INTRODUCTION = """The project comes from five articles about networks written from scratch in R. This page
shows the short form of each, run when the site was built; ``tinygrad-mnist reproduce NAME`` runs one in
full, three of them to every printed digit. The record goes beyond the articles."""

ARTICLES = "rouze", "chapter-1", "chapter-6", "hot-dogs", "iris", "two-layer", "record"


def write_pages(folder: Path) -> None:
    """Write the pages that other pages embed."""
    play(nn.perceptron("64-32-10", rng=0), load_digits(), folder / "play-digits.html")
    play(nn.perceptron("2-8-2", nn.Tanh, rng=0), moons(), folder / "play-moons.html")
    images, labels = next(iter(load_digits().train.loader(1, shuffle=True, seed=0)))
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16, rng=0), nn.ReLU(), nn.Linear(16, 10, rng=1))
    loss = nn.CrossEntropyLoss()(model(images), labels)
    draw(loss, folder / "step.html", backward=True, images=images, labels=labels)


def write_articles(path: Path, folder: Path) -> None:
    """Run the short form of each experiment, and write a page of their figures and pictures."""
    lines = ["The five articles", "=================", "", INTRODUCTION, ""]
    for name in ARTICLES:
        experiment = EXPERIMENTS[name]
        place = folder / name
        place.mkdir(parents=True)
        result = experiment.run(ExperimentOptions(place, quick=True))
        if not result.holds:
            raise RuntimeError(f"a figure of {name} is off")
        lines += [
            name,
            "-" * len(name),
            "",
            _plain(experiment.article) + ".",
            "",
            f"{_plain(experiment.network)}.",
            "",
        ]
        lines += _table(result.table())
        for section in result.sections:
            lines += [f".. rubric:: {_plain(section.title)}", ""]
            lines += [*map(_plain, section.text.splitlines()), ""]
            if section.picture is not None:
                lines += _block("raw:: html", section.picture.to_html())
            if section.table is not None:
                lines += _table(section.table)
            if section.preformatted is not None:
                lines += _block("code-block:: text", section.preformatted)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _plain(text: str) -> str:
    """Return text in which no sign is markup."""
    escaped = "".join(f"\\{sign}" if sign in "\\*`|_" else sign for sign in text)
    return f"\\{escaped}" if escaped == "-" else escaped


def _block(directive: str, text: str) -> list[str]:
    return [f".. {directive}", "", *(f"   {line}" for line in text.splitlines()), ""]


def _table(table: Table) -> list[str]:
    rows: list[Any] = [table.columns, *table.rows]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [
            f"   {'* -' if place == 0 else '  -'} {_plain(str(cell))}" for place, cell in enumerate(row)
        ]
    return [*lines, ""]
