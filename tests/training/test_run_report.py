"""The page of a run shows the measured numbers."""

import html
import re
from dataclasses import asdict

import numpy as np
import pytest

from tests.training.conftest import Training
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.doctor import TrainingFinding
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.report import plots
from tinygrad_mnist.training import History, Recipe, evaluate, predict, run_report
from tinygrad_mnist.training.settings_in_words import NAMES, recipe_rows, settings_rows

DRAWN = ("learning_curves", "confusion_matrix", "misread_images", "first_layer_weights")


def recorded(drawn, name, draw):
    """Return the function with its arguments recorded."""
    return lambda *given, **named: (drawn.setdefault(name, given), draw(*given, **named))[1]


@pytest.fixture(scope="module")
def trained():
    job = Training(load_digits(), loss="quadratic", activation="sigmoid", lr=1.0)
    history = job.fit(epochs=1)
    return job, history, evaluate(job.model, job.loss, job.digits.test.loader(100))


@pytest.fixture
def written(trained, tmp_path, monkeypatch):
    """Return the text of the page, and the drawn data: the pictures are tested elsewhere."""
    job, history, test = trained
    drawn = {}
    for name in DRAWN:
        monkeypatch.setattr(plots, name, recorded(drawn, name, getattr(plots, name)))

    def no_graphviz(*arguments):
        raise GraphvizMissingError("no Graphviz here")

    monkeypatch.setattr(run_report, "draw", no_graphviz)

    def write(**changes):
        given = {"history": history, "test": test, **changes}
        path = run_report.write_run_report(tmp_path, job.recipe, job.model, job.digits, **given)
        page = re.sub(r"<style>.*?</style>", "", path.read_text(), flags=re.DOTALL)
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))), drawn, page

    return write


def test_report_numbers_equal_the_test_result(trained, written):
    job, _, test = trained
    text, drawn, _ = written()
    assert f"test accuracy {100 * test.accuracy:.2f} %" in text
    assert f"test loss {test.loss:.4f}" in text
    assert f"parameters {job.model.num_parameters():,}" in text
    assert "epochs 1 " in text
    assert "interrupted" not in text
    assert "doctor" not in text
    outputs, labels = predict(job.model, job.digits.test.loader(100))
    wrong = outputs.argmax(axis=1) != labels
    assert f"{wrong.sum()} of {len(wrong)} test images are misread" in text
    counts, *_ = drawn["confusion_matrix"]
    assert np.trace(counts) == (~wrong).sum()
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(labels, minlength=10))
    images, true, probabilities, *_ = drawn["misread_images"]
    confidence = probabilities.max(axis=1)
    assert 0 < len(images) == len(true) <= wrong.sum()
    assert (np.diff(confidence) <= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (probabilities.argmax(axis=1) != true).all()
    weight, shape, *_ = drawn["first_layer_weights"]
    assert (weight.shape, shape) == ((32, 64), (8, 8))


def test_page_lists_all_settings_layers_and_data(trained, written):
    job, _, _ = trained
    text, _, page = written()
    for name, value in settings_rows(job.recipe, job.digits):
        assert f"{name} {value}" in text
    assert (
        "data digits: 1,237 training, 200 validation, 360 test images image size 8 × 8 pixels files" in text
    )
    for line in ("Linear(64, 32) weight 32 × 64, bias 32 2,080", "Sigmoid() – –"):
        assert line in text
    assert "<title>Perceptron 64→32→10 on digits</title>" in page
    assert not re.search(r"\(\d+,\)|Dataset\(|None|True|False", text)
    titles = (
        "Learning curves",
        "Confusion matrix",
        "Misread images",
        "First layer",
        "Computation graph",
        "Settings",
        "Layers",
    )
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_graph_is_text_without_graphviz(written):
    text, *_ = written()
    assert "no Graphviz here" in text
    assert "images [16 × 64] data" in text


def test_interruption_and_findings_are_shown(trained, written):
    _, history, _ = trained
    finding = TrainingFinding("a", "Something is wrong.", "1 of 2", "because", "mend it", "Linear[0]")
    text, *_ = written(history=History(history.epochs, True, [finding, finding]))
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    assert "epochs 1 (interrupted)" in text
    assert "What the doctor found" in text
    assert (
        "finding 1 Something is wrong. where Linear[0] measured 1 of 2 why because what to do mend it" in text
    )
    assert "finding 2 Something is wrong." in text
    healthy, *_ = written(history=History(history.epochs, False, []))
    assert "The doctor found nothing that keeps this network from learning." in healthy


def test_every_setting_that_differs_is_in_words():
    recipe = Recipe(
        hidden=(300, 1000),
        dropout=0.25,
        weight_decay=1e-4,
        decay_biases=False,
        early_stopping=3,
        clip_norm=1.5,
        ema_decay=0.99,
        micro_batches=4,
        augment="distortions(rotation=15)",
        optimizer="adam(betas=(0.9, 0.99), amsgrad=True)",
        schedule="sequential(schedulers=[warm-up(total_iters=3), cosine], milestones=[3])",
    )
    rows = dict(recipe_rows(recipe))
    assert rows["hidden layers"] == "300 and 1,000 units"
    assert rows["dropped hidden units"] == "25 %"
    assert rows["weight decay of biases"] == "no"
    assert rows["micro-batches per batch"] == "4"
    assert rows["changes of the training images"] == "distortions (rotation 15)"
    assert rows["early stopping"] == "after 3 epochs without a lower validation loss"
    assert rows["optimizer"] == "adam (betas 0.9 and 0.99; amsgrad yes)"
    assert rows["schedule"] == "sequential (schedulers warm-up (total iters 3) and cosine; milestones 3)"
    assert {"momentum", "clip_value"} == {  # Adam has none, and None was given
        name for name in asdict(recipe) if NAMES.get(name, name.replace("_", " ")) not in rows
    }
    plain = dict(recipe_rows(Recipe(hidden=())))
    assert plain["hidden layers"] == plain["weight decay"] == plain["dropped hidden units"] == "none"
    assert "weight decay of biases" not in plain


def test_pictures_have_a_title_and_a_sentence(tmp_path, monkeypatch, digits):
    """For many classes numbers replace the matrix."""
    drawn = {}
    for name in DRAWN:
        monkeypatch.setattr(plots, name, recorded(drawn, name, getattr(plots, name)))

    def confusion(classes):
        labels = np.arange(classes)
        return run_report._confusion(tmp_path, np.eye(classes)[::-1], labels, tuple(map(str, labels)))

    def first_layer(*hidden):
        return run_report._first_layer(tmp_path, Recipe(hidden=hidden).build_model((8, 8), 10), digits)

    most = plots.MOST_CLASSES
    labels = digits.test.labels[:6]
    wrong = np.full((6, 10), 0.01)
    wrong[np.arange(6), (labels + 1) % 10] = np.linspace(0.3, 0.8, 6)
    sections = [
        run_report._curves(tmp_path, History([]), digits),
        confusion(most),
        confusion(most + 1),
        run_report._misread(tmp_path, digits, wrong, labels),
        first_layer(4),
        first_layer(),
        *run_report._distorted(tmp_path, Recipe(augment="distortions"), digits),
    ]
    assert [(s.title, s.text) for s in sections] == [
        (
            "Learning curves",
            "Training numbers are gathered during the epoch, while the weights still change; validation "
            "numbers are measured after it, on images that were not trained on.",
        ),
        ("Confusion matrix", "Test images by true class (rows) and predicted class."),
        ("Confusions", "Test images of one class that are read as another, by number."),
        ("Misread images", "6 of 6 test images are misread; the most confident first."),
        (
            "First layer",
            "The weights of each unit of the first layer, as an image: the pattern that it responds to.",
        ),
        (
            "First layer",
            "The weights of each class, as an image: ink on vermilion speaks for it, on blue against it.",
        ),
        (
            "Distorted training images",
            "Each time that the network gets a training image, it is distorted in another way.",
        ),
    ]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("curves.svg", "confusion.svg", "misread.svg", "first_layer.svg", "distorted.svg")
    }
    assert all(f">{name}</text>" in sections[-2].picture.to_html() for name in digits.class_names)
    assert "</text>" not in sections[-3].picture.to_html()
    images, true, probabilities, names = drawn["misread_images"]
    np.testing.assert_array_equal(true, labels[::-1])
    np.testing.assert_array_equal(images, digits.test.raw_images[:6][::-1])
    np.testing.assert_array_equal(probabilities, wrong[::-1])
    assert names == digits.class_names
