"""The report of a training: in a terminal, in a notebook, and silence elsewhere."""

import io
import re
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest
from rich.console import Console

from tests.training.callbacks import Calls
from tests.training.jobs import Job
from tinygrad_mnist import nn, optim
from tinygrad_mnist.doctor import Doctor
from tinygrad_mnist.training import EarlyStopping, Epoch, History, Progress, fit
from tinygrad_mnist.training.chance import near_chance
from tinygrad_mnist.training.history_view import history_html

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 5)).astype(np.float32)
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)  # learned in an epoch or two


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def learned(output=None, lr=0.3, targets=CLASSES, loss=None, outputs=3, epochs=3, **options):
    """Train a small network, with standard output redirected to `output`."""
    model = nn.Sequential(nn.Linear(5, 16, rng=0), nn.Tanh(), nn.Linear(16, outputs, rng=1))
    optimizer = optim.SGD(model.parameters(), lr=lr)
    with redirect_stdout(output or sys.stdout):
        parts = model, loss or nn.CrossEntropyLoss(), optimizer
        return fit(*parts, (X, targets), epochs=epochs, **options)


def test_terminal_shows_a_line_per_epoch_and_a_bar(terminal):
    learned(terminal)
    text = terminal.getvalue()
    assert [f"epoch   {n}/3  loss " in text for n in (1, 2, 3)] == [True] * 3
    assert "examples/s" in text
    assert "\x1b[?25h" in text  # the cursor is shown again
    assert "close to chance" not in text


def test_cursor_is_shown_again_after_a_second_signal(terminal):
    def interrupt(training):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learned(terminal, callbacks=[Calls(after_step=interrupt)])
    assert "\x1b[?25h" in terminal.getvalue()


def test_terminal_shows_why_a_training_stopped(terminal):
    learned(terminal, epochs=9, callbacks=[EarlyStopping(patience=1, min_delta=1e9)])
    assert "stopped: no loss below" in terminal.getvalue()


@pytest.mark.parametrize("options", [{"progress": False}, {"callbacks": [Progress(lambda line: None)]}])
def test_terminal_stays_silent_on_request(terminal, options):
    learned(terminal, **options)
    assert terminal.getvalue() == ""


def test_output_into_a_file_stays_silent(capsys):
    learned(lr=0.0)
    assert capsys.readouterr().out == ""


def test_report_changes_no_bit(terminal):
    reported, silent = Job(), Job()
    with redirect_stdout(terminal):
        history = reported.fit()
    assert "epoch   3/3" in terminal.getvalue()
    assert reported.end(history) == silent.end(silent.fit(progress=False))


def test_progress_other_than_a_boolean_is_refused():
    with pytest.raises(TypeError, match="progress is 'bar': expected True or False"):
        learned(progress="bar")


EVEN = np.arange(400) % 3
RARE = (np.arange(400) % 50 == 0).astype(int)
AT_CHANCE = {
    "labels": {"targets": EVEN},
    "rare class": {"targets": RARE},
    "binary": {"targets": EVEN[:, None] == 0.0, "loss": nn.BCEWithLogitsLoss(), "outputs": 1},
    "rows": {"targets": np.eye(3, dtype=np.float32)[EVEN], "loss": nn.CrossEntropyLoss()},
}  # fmt: skip


@pytest.mark.parametrize("options", AT_CHANCE.values(), ids=AT_CHANCE)
def test_training_at_chance_is_reported_with_the_doctor(terminal, options):
    learned(terminal, lr=0.0, **options)
    text = " ".join(terminal.getvalue().split())
    assert "close to chance: " in text
    assert "the network has learned next to nothing; add doctor.Doctor(print) to the callbacks" in text


def test_training_at_chance_points_to_the_findings_it_has(terminal):
    learned(terminal, lr=0.0, targets=EVEN, callbacks=[Doctor()])
    text = " ".join(terminal.getvalue().split())
    assert "learned next to nothing; see history.findings for advice" in text


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"targets": (CLASSES[:, None] > 0).astype(np.float32), "loss": nn.BCEWithLogitsLoss(), "outputs": 1},
        {"targets": X[:, :3], "loss": nn.MSELoss(), "lr": 0.0},  # no classes: nobody can tell
        {"targets": RARE | (X[:, 2] > 2), "outputs": 2},  # as accurate as chance, with a lower loss
    ],
    ids=["labels", "binary", "numbers", "rare class with a lower loss"],
)
def test_training_that_learned_does_not_mention_chance(terminal, options):
    learned(terminal, **{"epochs": 20, **options})
    assert "close to chance" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("accuracy", "chance", "examples", "near"),
    [
        (0.1, 0.1, 10_000, True),
        (0.18, 0.1, 10_000, True),
        (0.2, 0.1, 10_000, False),
        (0.7, 0.5, 20, True),
        (0.7, 0.5, 2000, False),
        (0.05, 0.1, 100, True),
    ],
)
def test_near_chance_is_a_tenth_of_the_way_or_noise(accuracy, chance, examples, near):
    assert near_chance(accuracy, chance, examples) is near


# History

EPOCHS = [Epoch(n, 0.1, 2.0 / n, 0.5, 1.5 / n, 0.25 * n, 100, 0.5) for n in (1, 2, 3)]


def test_history_prints_as_a_table():
    text = str(History(EPOCHS))
    assert all(word in text for word in ("validation accuracy", "0.6667", "75.00%", "seconds"))
    page = History(EPOCHS)._repr_html_()
    assert page.count("<tr>") == 4
    assert re.search("<td[^>]*>75.00%</td>", page)
    shown = io.StringIO()
    Console(file=shown, width=100).print(History(EPOCHS))
    assert "validation loss" in shown.getvalue()


def test_history_leaves_out_columns_that_were_not_measured():
    plain = [Epoch(1, 0.1, 2.0, None, None, None, 100)]
    assert "validation" not in str(History(plain))
    assert "accuracy" not in History(plain)._repr_html_()


def test_history_plots_loss_and_accuracy():
    drawing = History(EPOCHS).plot()
    assert [panel.marks[0].count(word) for panel, word in zip(drawing.panels, ("Loss", "Accuracy"))] == [1, 1]
    assert drawing.to_html() in drawing._repr_html_()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_page_of_a_training_is_well_formed(count):
    from xml.etree import ElementTree

    page = history_html(EPOCHS[:count], "a <title>", "a note & more", 2)
    root = ElementTree.fromstring(f"<div>{page.replace('<tr><th>', '<tr><th>')}</div>")
    assert len(root.findall(".//svg")) == (2 if count else 0)
    assert len(root.findall(".//tr")) == (min(count, 2) + 1 if count else 0)


def test_page_draws_what_is_finite():
    wild = [Epoch(1, 0.1, float("inf"), 0.5, None, None, 10), *EPOCHS[1:]]
    assert "nan" not in history_html(wild, "").replace("inf", "")


# A notebook, executed

CELLS = """
import numpy as np
from tinygrad_mnist import nn, optim
from tinygrad_mnist.training import fit
model = nn.Sequential(nn.Linear(4, 3, rng=0))
optimizer = optim.SGD(model.parameters(), lr=0.0)
rng = np.random.default_rng(0)
data = rng.normal(size=(60, 4)), np.arange(60) % 3
history = fit(model, nn.CrossEntropyLoss(), optimizer, data, data, epochs=4)
---
history
---
history.plot()
---
history = fit(model, nn.CrossEntropyLoss(), optimizer, data, data, epochs=4, progress=False)
---
nn.summary(model)
---
print(history)
"""


def test_notebook_shows_a_live_page_and_the_history():
    pytest.importorskip("ipykernel")
    nbclient = pytest.importorskip("nbclient")
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell(cell) for cell in CELLS.split("---")])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (page,), (table,), (picture,), silent, (summary,), (printed,) = (cell.outputs for cell in notebook.cells)
    assert page.data["text/html"].count("<svg") == 2  # one output, which was updated
    assert page.data["text/html"].count("<tr>") == 5
    assert "close to chance" in page.data["text/html"]
    assert "epoch 4 of 4" in page.data["text/plain"]
    assert "<table>" in table.data["text/html"]
    assert {"text/html", "image/svg+xml"} <= picture.data.keys()
    assert silent == []
    assert "<table>" in summary.data["text/html"]
    assert "┃ parameters ┃" in summary.data["text/plain"]
    assert "validation loss" in printed.text
