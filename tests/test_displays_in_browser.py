"""Displays of a notebook and the pages of a run in a real browser: light and dark, narrow and wide."""

from pathlib import Path

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.checking import check_gradients, diagnose, v_curve, wrong_rules
from tinygrad_mnist.doctor import diagnose_training
from tinygrad_mnist.graph import Graph, to_text
from tinygrad_mnist.graph.html import to_html
from tinygrad_mnist.training import Epoch, History, Recipe
from tinygrad_mnist.training.history_view import history_html
from tinygrad_mnist.training.job import run_training

pytestmark = pytest.mark.long

# The rules of JupyterLab and nbconvert for the texts, tables and pictures of outputs.
NOTEBOOK = """<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body {{ margin: 12px; font: 14px sans-serif; background: {paper}; color: {ink} }}
.output {{ overflow: visible }} img, svg {{ max-width: 100% }}
table {{ border-collapse: collapse; font-size: 12px }}
th, td {{ text-align: right; vertical-align: middle; padding: 0.5em; white-space: normal; max-width: none }}
</style><body><div class="output">{output}</div></body>"""
COLOURS = {"light": {"paper": "#fff", "ink": "#212121"}, "dark": {"paper": "#111", "ink": "#fff"}}
WIDTHS = (390, 1280, 2560)

UNREADABLE = Path(__file__).with_name("unreadable.js").read_text(encoding="utf-8")
DRAWINGS = (Path(__file__).parent / "report" / "drawings.js").read_text(encoding="utf-8")
EPOCHS = [Epoch(n, 0.1, 2.0 / n, 0.5, 1.5 / n, 0.25 * n, 100, 0.5) for n in (1, 2, 3)]


def classifier():
    rng = np.random.default_rng(0)
    return nn.Sequential(nn.Linear(64, 16, rng=rng), nn.ReLU(), nn.Linear(16, 10, rng=rng))


@pytest.fixture(scope="module")
def displays(digits):
    """Return the HTML of each rich display by its name."""
    model, loss = classifier(), nn.CrossEntropyLoss()
    batch = digits.train.images[:8].reshape(8, 64), digits.train.labels[:8]
    with wrong_rules.missing_transpose:
        broken, diagnosis = (
            check_gradients(model, loss, batch, sample=20),
            diagnose(loss(model(batch[0]), batch[1])),
        )
    sick = diagnose_training(model, loss, batch, optim.SGD(model.parameters(), lr=300.0))
    history = History(EPOCHS)
    return {
        "a model": model._repr_html_(),
        "a summary": nn.summary(model)._repr_html_(),
        "a check": check_gradients(model, loss, batch, sample=20)._repr_html_(),
        "a check that fails": broken._repr_html_(),
        "a diagnosis": diagnosis._repr_html_(),
        "the doctor's diagnosis": sick._repr_html_(),
        "a V": v_curve(np.exp, Tensor(1.0, name="x"))._repr_html_(),
        "a live page": history_html(
            EPOCHS, "epoch 3 of 3", "stopped: a reason that is a sentence and rather long"
        ),
        "a history": history._repr_html_(),
        "its plot": history.plot()._repr_html_(),
        "a graph": Graph(loss(model(batch[0]), batch[1]))._repr_html_(),
        "a graph both ways": Graph(loss(model(batch[0]), batch[1]), backward=True)._repr_html_(),
    }


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page in a scheme and a width."""
    contexts = []

    def open_page(text, scheme, width):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        tab = contexts[-1].new_page()
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        tab.goto(path.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", COLOURS)
def test_displays_of_a_notebook_are_readable_at_any_width(scheme, displays, opened):
    output = "</div><div class='output'>".join(displays.values())
    for width in WIDTHS:
        tab = opened(NOTEBOOK.format(**COLOURS[scheme], output=output), scheme, width)
        assert tab.evaluate(DRAWINGS) == [], width
        assert len(tab.frames) > 1
        for frame in tab.frames:
            assert frame.evaluate(UNREADABLE) == [], (width, frame.url)


def test_verdict_of_a_check_is_in_sight_on_a_phone(displays, opened):
    tab = opened(NOTEBOOK.format(**COLOURS["dark"], output=displays["a check that fails"]), "dark", 390)
    verdicts = [cell for cell in tab.query_selector_all("td b") if "correct" in cell.inner_text()]
    assert verdicts
    for cell in verdicts:
        box = cell.bounding_box()
        assert box["x"] + box["width"] <= 390


def test_words_of_a_table_stand_at_the_left(displays, opened):
    """A notebook's own rule puts all cells to the right, sentences too."""
    tables = [displays[name] for name in ("a summary", "a check", "a diagnosis", "the doctor's diagnosis")]
    tab = opened(NOTEBOOK.format(**COLOURS["light"], output="".join(tables)), "light", 1280)
    cells = "[...document.querySelectorAll('td')].filter(cell => /^[a-zA-Z]{3}/.test(cell.innerText))"
    aligned = tab.evaluate(f"() => {cells}.map(cell => getComputedStyle(cell).textAlign)")
    assert len(aligned) > len(tables)
    assert set(aligned) == {"left"}


@pytest.fixture(scope="module")
def pages(digits, tmp_path_factory):
    """Return the text of the page of a run and of a graph."""
    recipe = Recipe(
        hidden=(8,), batch_size=64, epochs=1, optimizer="adam(betas=(0.9, 0.99), amsgrad=True)", lr=0.01
    )
    report = run_training(recipe, digits, tmp_path_factory.mktemp("pages") / "run").report
    model, loss = classifier(), nn.CrossEntropyLoss()
    graph = Graph(loss(model(digits.train.images[:8].reshape(8, 64)), digits.train.labels[:8]), backward=True)
    return {"report": report.read_text(encoding="utf-8"), "graph": to_html(graph)}


def test_tables_have_a_name_and_scroll_by_the_keyboard(displays, pages, opened):
    texts = [NOTEBOOK.format(**COLOURS["light"], output="".join(displays.values())), pages["report"]]
    for text in texts:
        tab = opened(text, "light", 390)
        boxes = tab.evaluate(
            "[...document.querySelectorAll('table')].map(({parentElement: box}) => [box.tabIndex,"
            " getComputedStyle(box).overflowX, box.role, Boolean(box.ariaLabel)])"
        )
        assert len(boxes) > 1
        assert boxes == [[0, "auto", "group", True]] * len(boxes)


@pytest.mark.parametrize("scheme", COLOURS)
@pytest.mark.parametrize("name", ["report", "graph"])
def test_page_is_readable_at_any_width(name, scheme, pages, opened):
    for width in WIDTHS:
        tab = opened(pages[name], scheme, width)
        assert tab.evaluate(UNREADABLE) == [], width


def test_display_without_html_is_the_same_text(digits):
    """A terminal and a plain console show what `print` shows."""
    model, loss = classifier(), nn.CrossEntropyLoss()
    batch = digits.train.images[:8].reshape(8, 64), digits.train.labels[:8]
    for shown in (nn.summary(model), check_gradients(model, loss, batch, sample=5), v_curve(np.exp, 1.0)):
        assert repr(shown) == str(shown)
        assert "│" in repr(shown)
    graph = Graph(loss(model(batch[0]), batch[1]))
    assert repr(graph) == to_text(graph)
