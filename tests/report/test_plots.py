import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.checking import v_curve
from tinygrad_mnist.report import plots
from tinygrad_mnist.report.plots.misread import STRIP_HEIGHT

HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 0.5 / epoch,
        "validation_loss": 0.51 / epoch,
        "train_accuracy": 0.9 + 0.01 * epoch,
        "validation_accuracy": 0.93 - 0.002 * (epoch - 4) ** 2,
    }
    for epoch in range(1, 7)
]


def fall(epochs, end):
    return [
        {"epoch": e, "train_loss": 2.3 * end ** (e / epochs), "validation_loss": 2.3}
        for e in range(1, epochs + 1)
    ]


def random_counts(classes, digits):
    return np.random.default_rng(classes).integers(10 ** (digits - 1), 10**digits, (classes, classes))


def random_misread(n, classes):
    generator = np.random.default_rng(n)
    images = generator.random((n, 28, 28))
    probabilities = generator.dirichlet(np.ones(classes), n)
    return images, np.zeros(n, int), probabilities


def draw_v(function, value, **options):
    return plots.v_curve(v_curve(function, value, **options))


FIGURES = {
    "curves": lambda: plots.learning_curves(HISTORY),
    "curves, one epoch": lambda: plots.learning_curves(HISTORY[:1]),
    "curves, equal ends": lambda: plots.learning_curves(
        [{"epoch": e, **dict.fromkeys(list(HISTORY[0])[1:], 1.0)} for e in (1, 2)]
    ),
    "curves, loss falls far": lambda: plots.learning_curves(fall(100, 1e-3)),
    "curves, loss falls to almost nothing": lambda: plots.learning_curves(fall(1000, 1e-12)),
    "curves, loss explodes": lambda: plots.learning_curves(fall(30, 1e30)),
    "curves, empty": lambda: plots.learning_curves([]),
    "confusion, 1 class": lambda: plots.confusion_matrix([[7]]),
    "confusion, 2 classes": lambda: plots.confusion_matrix(random_counts(2, 5)),
    "confusion, 10 classes": lambda: plots.confusion_matrix(random_counts(10, 5)),
    "confusion, 26 classes": lambda: plots.confusion_matrix(random_counts(26, 5)),
    "confusion, 7 digits": lambda: plots.confusion_matrix(random_counts(10, 7)),
    "confusion, perfect": lambda: plots.confusion_matrix(100 * np.eye(26, dtype=int)),
    "confusion, no data": lambda: plots.confusion_matrix(np.zeros((3, 3), int)),
    "misread, none": lambda: plots.misread_images(*random_misread(0, 10)),
    "misread, one": lambda: plots.misread_images(*random_misread(1, 10)),
    "misread, many": lambda: plots.misread_images(*random_misread(30, 10)),
    "misread, certain": lambda: plots.misread_images(
        np.ones((7, 8, 8)), np.full(7, 24), np.tile(np.eye(26)[25] * 0.99999, (7, 1))
    ),
    "weights, one": lambda: plots.first_layer_weights(np.zeros((1, 784)), (28, 28)),
    "weights, many": lambda: plots.first_layer_weights(np.full((300, 784), -1.234e-7), (28, 28)),
    "weights, wide": lambda: plots.first_layer_weights(np.full((10, 64), -12345.0), (4, 16)),
    "v": lambda: draw_v(np.exp, 1.0),
    "v, two methods exact": lambda: draw_v(lambda x: x * x, 1.5),
    "v, no error at all": lambda: draw_v(lambda x: 0 * x + 1, 1.5),
    "v, a corner": lambda: draw_v(ops.relu, 0.0),
    "v, not defined at long steps": lambda: draw_v(np.log, 0.1),
    "v, flat": lambda: draw_v(ops.sigmoid, 30.0),
    "v, steep": lambda: draw_v(lambda x: np.exp(x * x), -20.0),
    "v, no complex step": lambda: draw_v(lambda x: ops.astype(x, np.float64) ** 3, 2.0),
    "v, one step": lambda: draw_v(np.exp, 1.0, steps=[1e-3]),
    "v, a long name": lambda: draw_v(
        lambda x: ops.sum(ops.exp(x)),
        Tensor(np.full((1, 1, 1), -1 / 3e9), name="decoder.blocks.11.attention.weight"),
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_texts_are_neither_cut_off_nor_overlapping(name, assert_readable):
    assert_readable(FIGURES[name]())


def light(colour):
    """Return the relative luminance of WCAG 2.2."""
    shares = np.asarray(colour)
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize(
    "name", ["curves", "confusion, 10 classes", "confusion, perfect", "misread, many", "weights, many", "v"]
)
def test_texts_stand_out_from_their_ground(name, texts_of):
    figure = FIGURES[name]()
    words = [text for text in texts_of(figure) if any(map(str.isalnum, text.get_text()))]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent().extents.astype(int) for text in words]
    for text in words:
        text.set_visible(False)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[::-1, :, :3] / 255
    assert words
    for text, (left, bottom, right, top) in zip(words, boxes):
        ground = np.median(picture[bottom : top + 1, left : right + 1].reshape(-1, 3), axis=0)
        low, high = sorted((light(to_rgb(text.get_color())), light(ground)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, text.get_text()


@pytest.mark.parametrize("name", ["curves", "confusion, 2 classes", "misread, one", "weights, one", "v"])
def test_second_run_saves_the_same_bytes(name, tmp_path):
    for file in ("first.png", "second.png"):
        plots.save(FIGURES[name](), tmp_path / file)
    content = (tmp_path / "first.png").read_bytes()
    assert content == (tmp_path / "second.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"tEXt" not in content  # no program version, no time


def test_drawing_keeps_the_global_settings():
    with matplotlib.rc_context({"axes.linewidth": 3.25}):
        before = dict(matplotlib.rcParams)
        FIGURES["curves"]()
        assert dict(matplotlib.rcParams) == before


def test_package_imports_no_matplotlib_and_plots_no_pyplot():
    code = (
        "import sys, tinygrad_mnist.report; assert 'matplotlib' not in sys.modules;"
        "import tinygrad_mnist.report.plots; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_curves_name_their_last_and_best_values(words_of):
    figure = plots.learning_curves(HISTORY)
    loss, accuracy = figure.axes
    drawn = [line.get_ydata().tolist() for line in (*loss.lines, *accuracy.lines[:2])]
    keys = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")
    assert drawn == [[row[key] for row in HISTORY] for key in keys]
    words = words_of(figure)
    assert {"train 0.0833", "validation 0.085", "train 96.00 %", "validation 92.20 %"} <= set(words)
    assert "Accuracy (best validation: 93.00 % at epoch 4)" in words


def test_curve_labels_stand_at_the_ends_of_their_lines(texts_of):
    first = {"epoch": 1, "train_loss": 0.02, "validation_loss": 0.02, "train_accuracy": 0.1}
    history = [first, {**first, "epoch": 2, "train_loss": 0.01, "train_accuracy": 0.2}]
    figure = plots.learning_curves(history)
    boxes = {text.get_text(): text.get_window_extent() for text in texts_of(figure)}
    for axes, label, value in (
        (0, "train 0.01", 0.01),
        (0, "validation 0.02", 0.02),
        (1, "train 20.00 %", 0.2),
    ):
        _, height = figure.axes[axes].transData.transform((2, value))
        assert (boxes[label].y0 + boxes[label].y1) / 2 == pytest.approx(height, abs=2)


def test_infinite_value_is_not_drawn_but_named_at_the_end(words_of):
    history = [
        {"epoch": 1, "train_loss": 0.5, "validation_loss": 0.6},
        {"epoch": 2, "train_loss": float("nan"), "validation_loss": None},
        {"epoch": 3, "train_loss": float("inf")},
    ]
    figure = plots.learning_curves(history)
    assert [line.get_xydata().tolist() for line in figure.axes[0].lines] == [[[1, 0.5]], [[1, 0.6]]]
    words = words_of(figure)
    assert {"train inf", "validation 0.6", "not recorded"} <= set(words)


def test_confusion_matrix_shows_counts_recall_and_precision(texts_of):
    counts = np.array([[50, 3, 0], [4, 40, 9], [0, 0, 0]])
    texts = texts_of(plots.confusion_matrix(counts))
    words = [text.get_text() for text in texts]
    names, cells = np.split([word for word in words if word.isdigit()], [6])
    assert names.tolist() == ["0", "1", "2"] * 2
    assert cells.tolist() == [str(count) for count in counts.ravel()]
    margins = {
        gid: [text.get_text() for text in texts if text.get_gid() == gid] for gid in ("recall", "precision")
    }
    assert margins["recall"] == [f"{100 * 50 / 53:.1f}", f"{100 * 40 / 53:.1f}", "–"]
    assert margins["precision"] == [f"{100 * 50 / 54:.1f}", f"{100 * 40 / 43:.1f}", "0.0"]
    assert f"Accuracy {100 * 90 / 106:.2f} %" in words
    assert "16 wrong of 106" in words


def test_rows_of_the_confusion_matrix_are_true_classes(texts_of):
    texts = {text.get_text(): text for text in texts_of(plots.confusion_matrix([[90, 33], [22, 91]]))}
    column, row = texts["33"].get_position()
    assert (row, column) == (0, 1)


def test_errors_have_another_colour_scale_than_the_diagonal():
    (image,) = plots.confusion_matrix([[90000, 3, 0], [0, 90000, 1], [0, 0, 90000]]).axes[0].images
    colors = np.asarray(image.get_array())
    assert np.ptp(colors[0, 0]) < 0.05  # the diagonal is grey, however large
    assert np.ptp(colors[0, 1]) > 0.5  # the most frequent error is vivid
    assert 0.01 < np.ptp(colors[1, 2]) < np.ptp(colors[0, 1])
    assert colors[0, 2] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("counts", [np.zeros((2, 3), int), np.zeros(4, int), np.zeros((0, 0), int)])
def test_confusion_matrix_that_is_not_square_is_refused(counts):
    with pytest.raises(ValueError, match="square"):
        plots.confusion_matrix(counts)


def test_misread_images_name_both_classes_in_order(words_of):
    probabilities = np.array([[0.002, 0.998, 0], [0.3, 0.1, 0.6], [1e-6, 0, 1 - 1e-6]])
    words = words_of(plots.misread_images(np.eye(3)[:, None] * np.ones((2, 1)), [0, 1, 0], probabilities))
    titles = [word for word in words if word.startswith("true ") and word != "true class"]
    assert titles == ["true 0 → 1, 99.8 %", "true 1 → 2, 60.0 %", "true 0 → 2, >99.9 %"]


def test_probability_bars_mark_the_two_classes():
    (axes,) = plots.misread_images(np.ones((1, 2, 2)), [2], [[0.1, 0.6, 0.3]]).axes
    frame, *bars = axes.patches
    assert [-bar.get_height() / STRIP_HEIGHT for bar in bars] == pytest.approx([0.1, 0.6, 0.3])
    assert all(bar.get_y() > frame.get_y() + frame.get_height() + STRIP_HEIGHT for bar in bars)  # room for 1
    assert np.diff([bar.get_x() for bar in bars]).min() > bars[0].get_width()
    other, predicted, true = (bar.get_facecolor() for bar in bars)
    assert len({other, predicted, true}) == 3
    lightness = [sum(color[:3]) for color in (true, predicted, other)]
    assert lightness == sorted(lightness)  # they differ without colour too
    assert min(np.diff(lightness)) > 0.15


def test_more_than_24_misread_images_are_cut():
    images, labels, probabilities = random_misread(30, 10)
    (axes,) = plots.misread_images(images, labels, probabilities).axes
    assert [image.get_array().tolist() for image in axes.images] == images[:24].tolist()


def test_no_misread_image_is_a_picture_too(words_of):
    assert words_of(plots.misread_images(*random_misread(0, 10))) == ["no image is misread"]


def test_weights_are_tiled_in_order_on_a_symmetric_scale(words_of):
    weight = np.arange(12 * 6, dtype=float).reshape(12, 6) - 10
    figure = plots.first_layer_weights(weight, (2, 3), limit=10)
    (image,) = figure.axes[0].images
    mosaic = np.ma.filled(image.get_array(), np.nan)
    seen = mosaic[~np.isnan(mosaic).all(axis=1)][:, ~np.isnan(mosaic).all(axis=0)]
    assert seen.shape == (2, 10 * 3)  # ten units, side by side
    assert seen[:, 9 * 3 :].ravel().tolist() == weight[9].tolist()
    low, high = image.get_clim()
    assert low == -high
    assert image.cmap(image.norm(0.0))[:3] == pytest.approx((1, 1, 1), abs=0.01)
    assert "10 of 12 units" in words_of(figure)


def test_one_outlier_does_not_fade_the_weights():
    weight = np.full((10, 784), 0.1)
    weight[3, 5] = 1000
    (image,) = plots.first_layer_weights(weight, (28, 28)).axes[0].images
    assert image.get_clim()[1] == pytest.approx(0.1)


# The V


def test_fitted_slopes_stand_next_to_the_v(words_of):
    words = words_of(FIGURES["v"]())
    slopes = [word for word in words if word.startswith("slope")]
    assert [text.split()[1] for text in slopes] == ["+1.00", "+2.00", "+4.00", "+2.00"]
    assert ["and" in text for text in slopes] == [True, True, True, False]


def test_error_of_0_stands_below_the_axis(words_of):
    figure = FIGURES["v, no error at all"]()
    assert "exact" in words_of(figure)
    axes = figure.axes[0]
    for line in axes.lines:
        heights = np.asarray(line.get_ydata())
        assert ((heights > axes.get_ylim()[0]) & (heights < axes.get_ylim()[1])).all()


def test_method_that_was_not_measured_is_not_named(words_of):
    assert "complex step" not in words_of(FIGURES["v, no complex step"]())


def test_classes_are_called_by_their_names(words_of):
    words = words_of(plots.confusion_matrix([[9, 1], [0, 5]], ["three", "seven"]))
    assert words.count("three") == words.count("seven") == 2  # a row and a column each
    words = words_of(plots.misread_images(np.ones((1, 2, 2)), [0], [[0.25, 0.75]], ["three", "seven"]))
    assert "true three → seven, 75.0 %" in words


@pytest.mark.parametrize("classes", [31, 62, 256])
def test_many_classes_show_the_largest_confusions(words_of, classes):
    counts = np.eye(classes, dtype=int) * 96
    counts[4, 7], counts[30, 2] = 4, 24
    words = words_of(plots.confusion_matrix(counts, [f"<{k}>" for k in range(classes)]))
    first, second = words.index("<30> read as <2>"), words.index("<4> read as <7>")
    assert first < second
    assert {"24  (20.0 % of <30>)", "4  (4.0 % of <4>)", f"28 wrong of {counts.sum():,}"} <= set(words)


def test_confusion_matrix_takes_bounded_memory(tmp_path):
    code = (
        "import resource, sys, numpy as np; from tinygrad_mnist.report import plots\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "for classes in (10, 26, 30, 62, 256):\n"
        "    counts = np.random.default_rng(0).integers(0, 900, (classes, classes))\n"
        f"    plots.save(plots.confusion_matrix(counts), {str(tmp_path / 'a.png')!r})\n"
        "    print(classes, peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _, kilobytes = np.loadtxt(done.stdout.splitlines(), dtype=int).T
    assert len(kilobytes) == 5
    assert kilobytes.max() < 200 * 1024, done.stdout


def test_confusion_counts_have_a_row_per_true_class():
    counts = plots.confusion_counts([0, 0, 2, 2], [1, 1, 0, 2], 3)
    assert counts.tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 1]]
