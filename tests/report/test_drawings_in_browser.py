"""Drawings and the page of a run in a real browser: on a phone, on wide screens, light, dark and in print."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.report.figures import FIGURES
from tinygrad_mnist.report import Section, write_report
from tinygrad_mnist.training import Recipe
from tinygrad_mnist.training.job import run_training

pytestmark = pytest.mark.long

WIDTHS = (390, 1280, 2560)
SCHEMES = ("light", "dark")
PRINTED = {"width": 680, "height": 1000}  # an A4 page of CSS pixels within margins of 15 mm
PROBLEMS = Path(__file__).with_name("drawings.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory, digits):
    """Return the paths of pages by name: all kinds of drawings, and a run with and without hidden layer."""
    folder = tmp_path_factory.mktemp("pages")
    sections = [Section(name, picture=draw()) for name, draw in FIGURES.items()]
    write_report(folder / "kinds.html", "All kinds", [], sections)
    runs = {"run": Recipe(hidden=(16,), epochs=2), "linear run": Recipe(hidden=(), epochs=2)}
    reports = {name: run_training(recipe, digits, folder / name).report for name, recipe in runs.items()}
    return {"kinds": folder / "kinds.html", **reports}


@pytest.fixture
def opened(browser, pages):
    """Open a page in a scheme and a width."""
    contexts = []

    def open_page(name, width, scheme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        tab = contexts[-1].new_page()
        tab.goto(pages[name].as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["kinds", "run", "linear run"])
def test_texts_of_drawings_are_readable(name, width, scheme, opened):
    tab = opened(name, width, scheme)
    assert tab.evaluate("() => document.querySelectorAll('.drawing text').length") > 100
    assert tab.evaluate(PROBLEMS) == []


@pytest.mark.parametrize("name", ["run", "linear run"])
def test_phone_shows_the_plots_of_a_run_without_scrolling(name, opened):
    tab = opened(name, 390)
    wide = "box => box.scrollWidth > box.clientWidth + 1"
    assert tab.evaluate(f"() => [...document.querySelectorAll('.drawing')].filter({wide}).length") == 0
    graph = tab.query_selector(".scrolled img").bounding_box()
    assert graph["x"] + graph["width"] <= 390
    lefts, tops = np.array(
        tab.evaluate(
            "() => [...document.querySelector('.drawing').querySelectorAll('svg')]"
            ".map(panel => panel.getBoundingClientRect()).map(box => [box.left, box.top])"
        )
    ).T
    assert len(lefts) == 2  # loss and accuracy, stacked
    assert lefts[0] == lefts[1]
    assert tops[0] < tops[1]


def test_wide_drawing_scrolls_in_its_box_and_can_be_reached_by_keys(opened):
    tab = opened("kinds", 390)
    scrolled = (
        "[...document.querySelectorAll('.drawing')].filter(box => box.scrollWidth > box.clientWidth + 1)"
    )
    assert tab.evaluate(f"() => {scrolled}.length") > 0
    assert tab.evaluate(f"() => {scrolled}.every(box => box.tabIndex === 0)")
    assert tab.evaluate("() => document.documentElement.scrollWidth") == 390


def lightness(picture):
    """Return the mean lightness of a picture, from 0 to 1, and that of its corner."""
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("L")) / 255
    return pixels.mean(), pixels[0, 0]


@pytest.mark.parametrize("name", ["run", "linear run"])
def test_pictures_are_dark_on_a_dark_page(name, opened):
    for scheme, low, high in (("light", 0.7, 1.0), ("dark", 0.0, 0.35)):
        figures = opened(name, 1280, scheme).query_selector_all("figure")
        assert len(figures) == 5
        for figure in figures:
            mean, _ = lightness(figure.screenshot())
            assert low <= mean <= high, (scheme, figure.inner_html()[:200])


def test_file_of_a_drawing_is_dark_where_its_reader_likes_it(browser, tmp_path):
    FIGURES["curves"]().save(tmp_path / "curves.svg")
    for scheme, low, high in (("light", 0.7, 1.0), ("dark", 0.0, 0.35)):
        context = browser.new_context(color_scheme=scheme)
        tab = context.new_page()
        tab.goto((tmp_path / "curves.svg").as_uri())
        mean, _ = lightness(tab.screenshot())
        context.close()
        assert low <= mean <= high, scheme


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["kinds", "run", "linear run"])
def test_print_keeps_a_heading_with_its_figure(name, scheme, opened):
    """Each block that stays together fits on a page, is black on white, and is not cut at its right."""
    tab = opened(name, PRINTED["width"], scheme)
    tab.emulate_media(media="print")
    parts = tab.evaluate(
        "() => [...document.querySelectorAll('.together')].map(part => ["
        "getComputedStyle(part).breakInside, part.getBoundingClientRect().height, part.scrollWidth,"
        "Boolean(part.querySelector('h2'))])"
    )
    assert parts
    for breaks, height, width, has_heading in parts:
        assert breaks == "avoid"
        assert height <= PRINTED["height"]
        assert width <= PRINTED["width"]
        assert has_heading
    mean, corner = lightness(tab.screenshot())
    assert mean > 0.7
    assert corner == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_settings_are_lines_of_words(width, opened):
    tab = opened("run", width)
    row = tab.query_selector("tr:has(th:text-is('data'))")
    assert row.inner_text().split("\t")[1].strip() == (
        "digits: 1,237 training, 200 validation, 360 test images"
    )
    assert width < 1000 or row.bounding_box()["height"] < 50
