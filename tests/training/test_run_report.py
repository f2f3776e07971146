"""The page of a run shows the measured numbers."""

import html
import re

import numpy as np
import pytest
from PIL import Image

from tests.training.conftest import Training
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.doctor import TrainingFinding
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.report import plots
from tinygrad_mnist.training import History, evaluate, predict, run_report


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
    for name in ("learning_curves", "confusion_matrix", "misread_images", "first_layer_weights"):
        monkeypatch.setattr(plots, name, lambda *given, name=name: drawn.setdefault(name, given))
    monkeypatch.setattr(plots, "save", lambda given, path: Image.new("L", (4, 3)).save(path))

    def no_graphviz(*arguments):
        raise GraphvizMissingError("no Graphviz here")

    monkeypatch.setattr(run_report, "draw", no_graphviz)

    def write(**changes):
        given = {"history": history, "test": test, **changes}
        path = run_report.write_run_report(tmp_path, job.recipe, job.model, job.digits, **given)
        page = re.sub(r"<style>.*?</style>", "", path.read_text(), flags=re.DOTALL)
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))), drawn

    return write


def test_report_numbers_equal_the_test_result(trained, written):
    job, _, test = trained
    text, drawn = written()
    assert f"test accuracy {test.accuracy:.2%}" in text
    assert f"test loss {test.loss:.4f}" in text
    assert f"parameters {job.model.num_parameters():,}" in text
    assert "epochs 1 " in text
    assert "interrupted" not in text
    assert "doctor" not in text
    outputs, labels = predict(job.model, job.digits.test.loader(100))
    wrong = outputs.argmax(axis=1) != labels
    assert f"{wrong.sum()} test images are misread" in text
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


def test_the_page_lists_all_settings_layers_and_data(trained, written):
    job, _, _ = trained
    text, _ = written()
    for name, value in job.recipe.to_dict().items():
        assert f"{name.replace('_', ' ')} {value}" in text
    assert f"data digits: {job.digits.origin}" in text
    assert f"splits {job.digits!r}" in text
    for line in ("1 Linear(64, 32) weight (32, 64), bias (32,)", "2 Sigmoid()", "4 Sigmoid()"):
        assert line in text
    titles = (
        "Learning curves",
        "Confusion matrix",
        "Misread images",
        "First layer",
        "Computation graph",
        "Settings",
    )
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_graph_is_text_without_graphviz(written):
    text, _ = written()
    assert "no Graphviz here" in text
    assert "images [16 × 64] data" in text


def test_interruption_and_findings_are_shown(trained, written):
    _, history, _ = trained
    finding = TrainingFinding("a", "Something is wrong.", "1 of 2", "because", "mend it", "Linear[0]")
    text, _ = written(history=History(history.epochs, True, [finding, finding]))
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    assert "epochs 1 (interrupted)" in text
    assert "What the doctor found" in text
    assert (
        "finding 1 Something is wrong. where Linear[0] measured 1 of 2 why because what to do mend it" in text
    )
    assert "finding 2 Something is wrong." in text
    healthy, _ = written(history=History(history.epochs, False, []))
    assert "The doctor found nothing that keeps this network from learning." in healthy
