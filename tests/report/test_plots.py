"""Contents of the drawings, checked in the text of their files; their look is tested in a browser."""

import re
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.report.conftest import SVG
from tests.report.figures import FIGURES, HISTORY, draw_v, fall, random_misread
from tinygrad_mnist.report import plots
from tinygrad_mnist.report.plots.step_sizes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH


def pixels_of(image):
    """Return the pixels of an ``<image>``, 0 to 255."""
    import base64

    data = base64.b64decode(image["href"].partition("base64,")[2])
    return np.asarray(Image.open(BytesIO(data)))


@pytest.mark.parametrize("name", FIGURES)
def test_file_is_an_image_with_numbers_only(name, parsed):
    root = parsed(FIGURES[name]())
    assert root.get("role") == "img"
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in {
            *("svg", "title", "style", "g", "text", "rect", "path", "circle", "mask", "image")
        }
        for key, value in element.attrib.items():
            if key not in {"href", "id", "mask", "class"}:
                assert not re.search(r"nan|inf", value), (element.tag, key, value)


@pytest.mark.parametrize("name", FIGURES)
def test_alternative_text_is_a_sentence(name, parsed):
    drawing = FIGURES[name]()
    assert re.fullmatch(r"[A-Z\d].{10,}\.", drawing.finding), drawing.finding
    assert parsed(drawing).find(f"{SVG}title").text == drawing.finding


@pytest.mark.parametrize("name", ["curves", "confusion, 2 classes", "misread, one", "weights, one", "v"])
def test_second_run_saves_the_same_bytes(name, tmp_path):
    for file in ("first.svg", "second.svg"):
        FIGURES[name]().save(tmp_path / file)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_file_that_is_not_svg_is_refused(tmp_path):
    message = r"path is '.*curves.png': expected a name that ends in .svg; write 'curves.svg'"
    with pytest.raises(ValueError, match=message):
        FIGURES["curves"]().save(tmp_path / "curves.png")


def test_drawing_imports_no_other_library():
    code = (
        "import sys, tinygrad_mnist.report.plots, tinygrad_mnist.training; from tests.report import figures;"
        "figures.FIGURES['curves']().to_html(); figures.FIGURES['confusion, 10 classes']().to_html();"
        "assert not {'matplotlib', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(["", *sys.path])})


def test_hostile_names_stay_text(parsed):
    hostile = "<script>&\"'\u202e"
    drawing = plots.confusion_matrix([[1, 2], [3, 4]], [hostile, "b"], examples=hostile)
    assert not list(parsed(drawing).iter(f"{SVG}script"))
    assert "<script" not in drawing.to_html()
    assert "\u202e" not in drawing.to_html()


# Learning curves


def test_curves_name_their_last_and_best_values(words_of, points_of):
    drawing = plots.learning_curves(HISTORY)
    words = words_of(drawing)
    assert {"training 0.0833", "validation 0.085", "training 96.00 %", "validation 92.20 %"} <= set(words)
    assert "Accuracy, best 93.00 % at epoch 4" in words
    loss, accuracy = points_of(drawing, "orange")
    assert len(loss) == len(accuracy) == len(HISTORY)
    assert (np.diff(loss[:, 0]) > 0).all()
    falls = np.diff(loss[:, 1]) / np.diff([row["train_loss"] for row in HISTORY])
    np.testing.assert_allclose(falls, falls[0], atol=1)  # one scale, downwards
    assert falls[0] < 0


def test_finding_says_how_far_the_curves_go():
    assert plots.learning_curves(HISTORY).finding == (
        "In 6 epochs the training loss falls from 0.5 to 0.0833, the validation loss falls from 0.51 to "
        "0.085, the training "
        "accuracy rises from 91.00 % to 96.00 %, the validation accuracy rises from 91.20 % to "
        "92.20 %; the best validation accuracy is 93.00 %, at epoch 4."
    )
    assert plots.learning_curves([{"epoch": 1, "train_loss": 2.0}]).finding == (
        "In 1 epoch the training loss is 2."
    )


def test_infinite_value_is_not_drawn_but_named_at_the_end(words_of, marks_of):
    history = [
        {"epoch": 1, "train_loss": 0.5, "validation_loss": 0.6},
        {"epoch": 2, "train_loss": float("nan"), "validation_loss": None},
        {"epoch": 3, "train_loss": float("inf")},
    ]
    drawing = plots.learning_curves(history)
    assert {"training inf", "validation 0.6"} <= set(words_of(drawing))
    assert len(marks_of(drawing, "blue", "circle")) == 2  # a point, and the one of the key
    assert [len(panel.marks) for panel in plots.learning_curves(history[2:]).panels] == [4]


HEIGHTS = st.none() | st.floats() | st.floats(0, 1)


@given(st.lists(st.tuples(HEIGHTS, HEIGHTS, st.none() | st.floats(0, 1)), max_size=5), st.floats(0, 1))
def test_any_history_is_drawn_within_its_panels(rows, chance):
    keys = ("train_loss", "validation_loss", "validation_accuracy")
    history = [{"epoch": epoch, **dict(zip(keys, row))} for epoch, row in enumerate(rows, 1)]
    for panel in plots.learning_curves(history, chance).panels:
        text = panel.to_svg()
        assert not re.search(r'="[^"]*(nan|inf)', text)
        for path in re.findall(r'd="M([^"]*)"', text):
            x, y = np.array([pair.split(",") for pair in path.split("L")], float).T
            assert ((x >= 0) & (x <= panel.width)).all()
            assert ((y >= 0) & (y <= panel.height)).all()


def test_long_curve_keeps_its_peaks(points_of):
    history = [{"epoch": e, "train_loss": 1.0 + (e == 7777)} for e in range(1, 20_001)]
    (points,) = points_of(plots.learning_curves(history), "orange")
    assert len(points) <= 722
    assert np.ptp(points[:, 1]) > 50


def test_loss_that_falls_far_is_on_an_axis_that_says_so(words_of, points_of):
    far, near = plots.learning_curves(fall(100, 1e-3)), plots.learning_curves(fall(100, 0.1))
    assert "Loss, logarithmic" in words_of(far)
    assert "Loss" in words_of(near)
    heights = points_of(far, "orange")[0][:, 1]
    np.testing.assert_allclose(np.diff(heights), np.diff(heights).mean(), atol=0.02)
    words = words_of(FIGURES["v"]())
    assert {"relative error, logarithmic", "step h, logarithmic"} <= set(words)


def heights_of(drawing, points_of, colour="blue"):
    """Return the share of the panel's height that a curve takes."""
    (points,) = points_of(drawing, colour)
    return np.ptp(points[:, 1]) / drawing.panels[0].height


@pytest.mark.parametrize(
    ("level", "noise"), [(0.1, 0.003), (0.5, 0.01), (0.98, 0.001), (0.999, 0.0005), (1.0, 0)]
)
def test_noise_does_not_fill_the_axis(level, noise, points_of):
    def curve(quantity, values):
        return [{"epoch": e, f"validation_{quantity}": value} for e, value in enumerate(values, 1)]

    accuracies = level - noise * (np.arange(8) % 2)
    assert heights_of(plots.learning_curves(curve("accuracy", accuracies)), points_of) < 0.1
    losses = 2.3026 * (1 - noise * (np.arange(8) % 2))
    assert heights_of(plots.learning_curves(curve("loss", losses)), points_of) < 0.1


def test_progress_fills_the_axis(points_of):
    drawing = plots.learning_curves([{"epoch": e, "validation_accuracy": 0.9 + 0.02 * e} for e in range(5)])
    assert heights_of(drawing, points_of) > 0.5


def test_chance_is_a_line_only_where_the_axis_has_it(words_of, points_of):
    near = [{"epoch": e, "validation_accuracy": 0.1 * e} for e in range(1, 5)]
    far = [{"epoch": e, "validation_accuracy": 0.97 + 0.001 * e} for e in range(1, 5)]
    assert "chance 10.00 %" in words_of(plots.learning_curves(near, chance=0.1))
    assert "chance 10.00 %" not in words_of(plots.learning_curves(far, chance=0.1))
    with_chance, without = (plots.learning_curves(far, chance=chance) for chance in (0.1, None))
    assert with_chance == without


def test_quantity_that_was_not_recorded_has_no_panel():
    assert len(plots.learning_curves([{"epoch": 1, "train_loss": 1.0}]).panels) == 1
    assert plots.learning_curves([]).title == "No epoch was recorded."


# Confusions


def test_confusion_matrix_shows_counts_recall_and_precision(parsed, words_of):
    counts = np.array([[50, 3, 0], [4, 40, 9], [0, 0, 0]])
    drawing = plots.confusion_matrix(counts, examples="test images")
    texts = list(parsed(drawing).iter(f"{SVG}text"))
    margins = {
        kind: [text.text for text in texts if text.get("class") == kind] for kind in ("recall", "precision")
    }
    assert margins["recall"] == [f"{100 * 50 / 53:.1f}", f"{100 * 40 / 53:.1f}", "–"]
    assert margins["precision"] == [f"{100 * 50 / 54:.1f}", f"{100 * 40 / 43:.1f}", "0.0"]
    words = words_of(drawing)
    start = words.index("50")
    assert words[start : start + 9] == [str(count) for count in counts.ravel()]
    assert f"Accuracy {100 * 90 / 106:.2f} %: 16 wrong of 106 test images" in words


def test_finding_names_the_most_frequent_confusion():
    counts = np.array([[50, 3, 0], [4, 40, 9], [0, 0, 0]])
    assert plots.confusion_matrix(counts, ["a", "b", "c"], "test images").finding == (
        "Accuracy 84.91 %: 16 wrong of 106 test images; most often b is read as c, 9 times; the lowest "
        "recall has b, 75.5 %."
    )


def test_almost_100_percent_is_not_rounded_up(words_of):
    words = words_of(plots.confusion_matrix([[99_999, 1], [0, 7]]))
    assert words.count("100") == 2  # recall of the second, precision of the first


def test_rows_of_the_confusion_matrix_are_true_classes(parsed):
    texts = {
        text.text: text for text in parsed(plots.confusion_matrix([[90, 33], [22, 91]])).iter(f"{SVG}text")
    }
    x, y = ({word: float(texts[word].get(axis)) for word in ("90", "33", "22")} for axis in "xy")
    assert x["33"] > x["22"] == x["90"]
    assert y["22"] > y["33"] == y["90"]


def test_errors_have_another_colour_scale_than_the_diagonal(marks_of):
    counts = [[90000, 3, 0], [0, 90000, 1], [0, 0, 90000]]
    errors = marks_of(plots.confusion_matrix(counts), "error", "rect")
    shades = [float(error["fill-opacity"]) for error in errors]
    assert len(shades) == 2  # neither the diagonal nor what never happened
    assert 0.1 < shades[1] < shades[0] - 0.2


@pytest.mark.parametrize("counts", [np.zeros((2, 3), int), np.zeros(4, int), np.zeros((0, 0), int)])
def test_confusion_matrix_that_is_not_square_is_refused(counts):
    with pytest.raises(ValueError, match="square"):
        plots.confusion_matrix(counts)


def test_classes_are_called_by_their_names(words_of):
    words = words_of(plots.confusion_matrix([[9, 1], [0, 5]], ["three", "seven"]))
    assert words.count("three") == words.count("seven") == 2  # a row and a column each
    words = words_of(plots.misread_images(np.ones((1, 2, 2)), [0], [[0.25, 0.75]], ["three", "seven"]))
    assert words[words.index("three") : words.index("three") + 3] == ["three", "→ seven", "75.0 %"]


@pytest.mark.parametrize("classes", [31, 62, 256])
def test_many_classes_show_the_largest_confusions(words_of, classes):
    counts = np.eye(classes, dtype=int) * 96
    counts[4, 7], counts[30, 2] = 4, 24
    words = words_of(plots.confusion_matrix(counts, [f"<{k}>" for k in range(classes)]))
    first, second = words.index("<30> read as <2>"), words.index("<4> read as <7>")
    assert first < second
    assert {"24, 20.0 %", "4, 4.0 %"} <= set(words)
    assert len(words) < 20


def test_confusion_counts_have_a_row_per_true_class():
    counts = plots.confusion_counts([0, 0, 2, 2], [1, 1, 0, 2], 3)
    assert counts.tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 1]]


# Images


def test_misread_images_name_both_classes_in_order(words_of):
    probabilities = np.array([[0.002, 0.998, 0], [0.3, 0.1, 0.6], [1e-6, 0, 1 - 1e-6]])
    words = words_of(plots.misread_images(np.eye(3)[:, None] * np.ones((2, 1)), [0, 1, 0], probabilities))
    assert [word for word in words if "→" in word] == ["0 → 1, 99.8 %", "1 → 2, 60.0 %", "0 → 2, >99.9 %"]


def test_probability_bars_mark_the_two_classes(marks_of):
    drawing = plots.misread_images(np.ones((1, 2, 2)), [2], [[0.1, 0.6, 0.3]])
    (other,), (predicted,), (true,) = (
        marks_of(drawing, colour, "rect") for colour in ("other", "orange", "blue")
    )
    heights = [float(bar["height"]) for bar in (other, predicted, true)]
    tops = [float(bar["y"]) for bar in (other, predicted, true)]
    assert heights[0] / 0.1 == pytest.approx((tops[0] - tops[1]) / 0.5, abs=0.5)  # one scale
    assert min(heights[1:]) > 2.4  # marked below the line too, where the share is nearly 0
    lefts = [float(bar["x"]) for bar in (other, predicted, true)]
    assert np.diff(lefts).min() > float(other["width"])
    assert drawing.key == (("blue", "true class"), ("orange", "predicted class"))


def test_image_of_a_digit_is_an_image_of_its_pixels(parsed):
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28))
    images[:, 0, 0] = 255
    drawing = plots.misread_images(images, *random_misread(30, 10)[1:])
    shown = [pixels_of(image.attrib) for image in parsed(drawing).iter(f"{SVG}image")]
    np.testing.assert_array_equal(shown, images[: plots.MOST_MISREAD])


def test_no_misread_image_is_said(words_of):
    assert words_of(plots.misread_images(*random_misread(0, 10))) == ["No image is misread"]


def test_weights_are_shown_in_order_on_a_symmetric_scale(parsed, words_of, marks_of):
    weight = np.arange(12 * 6, dtype=float).reshape(12, 6) - 10
    drawing = plots.first_layer_weights(weight, (2, 3), limit=10)
    assert len(drawing.panels) == 10
    below, above = (
        [pixels_of(image) for image in marks_of(drawing, c, "image")] for c in ("vermilion", "blue")
    )
    signed = np.array(above, float) - np.array(below)
    np.testing.assert_allclose(signed.reshape(10, 6), 255 * weight[:10] / weight[9].max(), atol=1.5)
    assert {"10 of 12 units", "−49 and below", "+49 and above"} <= set(words_of(drawing))


def test_units_that_are_classes_have_their_names(words_of):
    words = words_of(plots.first_layer_weights(np.ones((2, 4)), (2, 2), ["three", "seven"]))
    assert words[0] == "2 classes"
    assert words.index("three") < words.index("seven")


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (
            np.add.outer(np.arange(2.0), np.arange(25.0)),
            "neighbouring pixels have like weights, as in strokes",
        ),
        (np.random.default_rng(0).normal(size=(9, 25)), "neighbouring pixels differ, as in noise"),
        (np.tile([1.0, -1.0], (2, 18)), "neighbouring pixels differ, as in noise"),
        (np.ones((2, 25)), "all are alike"),
    ],
    ids=["smooth", "noise", "stripes", "equal"],
)
def test_finding_tells_strokes_from_noise(weight, words):
    shape = (5, 5) if weight.shape[1] == 25 else (6, 6)
    assert plots.first_layer_weights(weight, shape).finding.endswith(f": {words}.")


def test_one_outlier_does_not_fade_the_weights(words_of):
    weight = np.full((10, 784), 0.1)
    weight[3, 5] = 1000
    assert "+0.1 and above" in words_of(plots.first_layer_weights(weight, (28, 28)))


# The V


def test_fitted_slopes_stand_next_to_the_v(words_of):
    words = words_of(FIGURES["v"]())
    slopes = [word for word in words if word.startswith("slope")]
    assert [text.split()[1] for text in slopes] == ["+1.00", "+2.00", "+4.00", "+2.00"]
    assert ["and" in text for text in slopes] == [True, True, True, False]


@pytest.mark.parametrize("name", [name for name in FIGURES if name.startswith("v")])
def test_v_lies_within_its_axes(name, points_of, marks_of):
    drawing = FIGURES[name]()
    for colour in ("orange", "blue", "green", "ink"):
        for ring in marks_of(drawing, colour, "circle"):
            assert 0 < float(ring["cy"]) < drawing.panels[0].height
        for line in (points for points in points_of(drawing, colour) if len(points) == 2):
            assert (line >= (LEFT - 1, TOP - 1)).all()
            assert (line <= (WIDTH - RIGHT + 1, HEIGHT - BOTTOM + 1)).all()


def test_error_of_0_stands_below_the_axis(words_of):
    assert "exact" in words_of(FIGURES["v, no error at all"]())


def test_method_that_was_not_measured_is_not_named(words_of):
    assert "complex step" not in words_of(FIGURES["v, no complex step"]())


def test_finding_of_the_v_names_each_best_step():
    finding = draw_v(np.exp, 1.0).finding
    assert "central best 2·10⁻¹¹ at h = " in finding or "central best 1·10⁻¹¹ at h = " in finding, finding


def test_lines_leave_out_what_a_logarithm_cannot_show():
    drawing = plots.lines({"a": [1.0, 0.0, np.nan, 10.0]}, "A curve", "step", "loss", log=True)
    assert "".join(drawing.panels[0].marks).count("<circle") == 2


def test_lines_of_more_curves_than_colours_are_refused():
    with pytest.raises(ValueError, match="curves has 5 entries: expected 1 to 4; draw two pictures"):
        plots.lines({name: [1, 2] for name in "abcde"}, "Five", "x", "y")
