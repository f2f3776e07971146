"""The pictures of `examples/speed.md`, drawn from its tables.

The build of the site draws them anew. `python examples/site/speed.py` writes those that a reader of the
Markdown files sees: run it after a measurement.
"""

from collections.abc import Iterator
from pathlib import Path

from tinygrad_mnist.benchmark import Timing
from tinygrad_mnist.benchmark.scaling import Point, ScalingResults, networks
from tinygrad_mnist.benchmark.scaling_report import scaling_picture
from tinygrad_mnist.report import marks
from tinygrad_mnist.report.drawing import Drawing, Panel

EXAMPLES = Path(__file__).parents[1]
SPEED = EXAMPLES / "speed.md"

OURS, OTHERS = ("eager", "replay", "native"), ("PyTorch", "JAX jit", "by hand, in place")
NETWORKS = "784-30-10", "784-128-10", "784-512-10", "iris 4-5-3"
WIDTH, ROW, NAMES, NUMBERS = 350.0, 24.0, 118.0, 72.0

Rows = dict[str, list[str]]  # the cells of a table by their row's name; "" is the header


def tables() -> dict[str, Rows]:
    """Return the tables of the page by the line above each."""
    found: dict[str, Rows] = {}
    title = ""
    for line in SPEED.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            title = line or title
        elif not line.startswith("| ---"):
            name, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
            found.setdefault(title.rstrip(":"), {})[name] = cells
    return found


def pictures() -> dict[str, Drawing]:
    """Draw the tables of the page, by the names of the files."""
    found = tables()
    steps = next(rows for title, rows in found.items() if title.startswith("A training step in µs"))
    axes = {axis: list(_points(found[axis[0].upper() + axis[1:]])) for axis in networks()}
    return {"speed.svg": _bars(steps), "scaling.svg": scaling_picture(ScalingResults({}, 1, axes, []))}


def write_pictures(folder: Path) -> None:
    """Write each picture into a folder."""
    for name, picture in pictures().items():
        picture.save(folder / name)


def _number(cell: str) -> float:
    """Return the number that a cell begins with: `1,307 (1.44 · 2.26)` gives 1307."""
    return float(cell.partition(" ")[0].replace(",", ""))


def _points(rows: Rows) -> Iterator[Point]:
    """Yield the networks of an axis: seconds of a step, and bytes."""
    for place, size in enumerate(rows[""]):
        seconds = {
            name.removesuffix(", µs"): [_number(cells[place]) * 1e-6]
            for name, cells in rows.items()
            if name.endswith(", µs")
        }
        peaks = {
            name.removeprefix("memory: ").removesuffix(", kB"): round(_number(cells[place]) * 1000)
            for name, cells in rows.items()
            if name.startswith("memory: ")
        }
        yield Point(int(_number(size)), Timing("", seconds), peaks)


def _bars(steps: Rows) -> Drawing:
    """Draw the times of a step as bars, one panel for each network."""
    panels = []
    for place, network in enumerate(steps[""]):
        if network.startswith(NETWORKS):
            times = {name: _number(steps[name][place]) for name in (*OURS, *OTHERS)}
            panels.append(_panel(network, dict(sorted(times.items(), key=lambda item: item[1]))))
    finding = f"Microseconds of a training step on {len(panels)} networks by {', '.join((*OTHERS, *OURS))}"
    title = "A training step in µs: forward, backward, update; float32, 1 thread"
    return Drawing(finding, panels, title, (("blue", "this package"), ("orange", "others")))


def _panel(network: str, times: dict[str, float]) -> Panel:
    """One network: the quickest first."""
    longest = max(times.values())
    parts = [marks.text(0, 14, network, class_="strong")]
    for number, (name, time) in enumerate(times.items()):
        top = 26 + ROW * number
        length = (WIDTH - NAMES - NUMBERS) * time / longest
        bar = marks.rectangle(NAMES, top, length, ROW - 6)
        parts += [
            marks.text(NAMES - 8, top + 13, name, text_anchor="end"),
            marks.group("blue" if name in OURS else "orange", [bar]),
            marks.text(NAMES + length + 6, top + 13, f"{time:,.0f}" if time >= 100 else f"{time:.1f}"),
        ]
    return Panel(WIDTH, 26 + ROW * len(times), parts)


if __name__ == "__main__":
    write_pictures(EXAMPLES / "pictures")
