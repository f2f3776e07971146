"""Points, histograms and recalls."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from tinygrad_mnist.palette import BLUE, ORANGE, VERMILION
from tinygrad_mnist.report.plots.house_style import FAINT, HAIRLINE, MUTED, place_axes, place_text, styled

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

PALE = ListedColormap(["#FBE9C6", "#CFE3F1"])  # of orange and of blue
FOUND = LinearSegmentedColormap.from_list("found", ["#7A2E00", VERMILION, ORANGE, "#FBE9C6", "#FFFFFF"])
PANEL, GAP, EDGE, HEADER = 3.1, 0.5, 0.45, 0.45  # inches
JITTER = 0.34  # of the distance between two digits


@styled
def regions(
    points: Numbers, classes: Numbers, across: Numbers, up: Numbers, panels: Sequence[tuple[str, Numbers]]
) -> Figure:
    """Draw the classes that models give to a grid, behind the points, two panels per row.

    points (n, 2); classes (n,) of 0 and 1; the grid's coordinates across (w,) and up (h,); for each panel a
    title and the class of each grid point (h, w).
    """
    rows = -(-len(panels) // 2)
    size = (2 * (PANEL + GAP) + 0.15, HEADER + rows * (PANEL + GAP))
    figure = Figure(figsize=size)
    for left, color, name in ((EDGE, ORANGE, "not hot dog"), (EDGE + 1.2, BLUE, "hot dog")):
        place_text(figure, left, 0.12, "●", color=color)
        place_text(figure, left + 0.17, 0.12, name, color=MUTED)
    for number, (title, said) in enumerate(panels):
        row, column = divmod(number, 2)
        left, top = EDGE + column * (PANEL + GAP), HEADER + 0.2 + row * (PANEL + GAP)
        axes = place_axes(figure, left, top, PANEL, PANEL)
        axes.pcolormesh(across, up, said, cmap=PALE, vmin=0, vmax=1, shading="nearest", rasterized=True)
        for kind, color in ((0, ORANGE), (1, BLUE)):
            chosen = points[classes == kind]
            axes.plot(chosen[:, 0], chosen[:, 1], "o", color=color, markersize=4, markeredgecolor="white",
                      markeredgewidth=0.5)  # fmt: skip
        axes.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
        axes.set_title(title, pad=6)
        axes.tick_params(length=0)
        axes.spines[:].set(visible=True, color=HAIRLINE)
    return figure


@styled
def hidden_sums(raw: Numbers, scaled: Numbers, flat: float) -> Figure:
    """Draw histograms of the hidden units' sums with raw and with scaled pixels, shaded beyond `flat`."""
    figure = Figure(figsize=(8.2, 2.9))
    for number, (name, sums) in enumerate((("raw pixels, 0 to 255", raw), ("pixels 0 to 1", scaled))):
        axes = place_axes(figure, 0.35 + 4.0 * number, 0.55, 3.6, 1.75)
        beyond = float((np.abs(sums) > flat).mean())
        reach = float(np.abs(sums).max())
        edges = np.linspace(-reach, reach, 81)
        axes.hist(sums, bins=edges.tolist(), color=BLUE)
        axes.set_xlim(-reach, reach)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(length=0)
        axes.set_title(f"{name}: {100 * beyond:.1f} % beyond ±{flat:g}", pad=8)
        axes.set_xlabel("weighted sum of a hidden unit")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace("-", "−")))
        for side in (-1, 1):
            axes.axvspan(side * flat, side * max(reach, flat), color=FAINT, alpha=0.35, linewidth=0, zorder=0)
    return figure


@styled
def jittered(true: Integers, predicted: Integers) -> Figure:
    """Draw a point per image at (true, predicted), moved a little at random; errors in another colour."""
    rng = np.random.default_rng(0)
    x, y = (digits + rng.uniform(-JITTER, JITTER, len(digits)) for digits in (true, predicted))
    figure = Figure(figsize=(6.0, 6.2))
    axes = place_axes(figure, 0.65, 0.5, 5.1, 5.1)
    right = true == predicted
    axes.plot(x[right], y[right], ".", color=BLUE, markersize=2, alpha=0.35, markeredgewidth=0)
    axes.plot(x[~right], y[~right], ".", color=VERMILION, markersize=4.5, alpha=0.8, markeredgewidth=0)
    ticks = range(10)
    axes.set(xlabel="true digit", ylabel="predicted digit", xlim=(-0.6, 9.6), ylim=(-0.6, 9.6))
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    for line in np.arange(-0.5, 10):
        axes.axhline(line, color=HAIRLINE, linewidth=0.8, zorder=0)
        axes.axvline(line, color=HAIRLINE, linewidth=0.8, zorder=0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"{int((~right).sum()):,} of {len(true):,} images misread", pad=8)
    return figure


@styled
def recalls(seeds: Sequence[Numbers]) -> Figure:
    """Draw the share of each digit that is found, per seed (epochs, 10): one row per digit, dark if lost."""
    width, height = 2.35, 2.3
    figure = Figure(figsize=(0.75 + len(seeds) * (width + 0.3) + 0.65, height + 1.05))
    for number, shares in enumerate(seeds):
        axes = place_axes(figure, 0.6 + number * (width + 0.3), 0.45, width, height)
        box = (0.5, len(shares) + 0.5, 9.5, -0.5)
        picture = axes.imshow(shares.T, cmap=FOUND, vmin=0, vmax=1, aspect="auto", extent=box)
        axes.set_title(f"first weights {number + 1}", pad=6)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        axes.set_yticks(range(10) if number == 0 else [])
        axes.tick_params(length=0)
        axes.spines[:].set(visible=True, color=HAIRLINE)
        if number == 0:
            axes.set_ylabel("digit")
    scale = place_axes(figure, 0.5 + len(seeds) * (width + 0.3), 0.45, 0.12, height)
    figure.colorbar(picture, cax=scale, format=PercentFormatter(1, symbol=" %"))
    scale.spines[:].set_visible(False)
    scale.tick_params(length=0)
    return figure
