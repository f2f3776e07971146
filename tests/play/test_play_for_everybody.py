"""The page for everybody: with a screen reader, on a phone, enlarged, in light and in dark."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tests.play.browsing import wait_for
from tinygrad_mnist import nn
from tinygrad_mnist.play import moons, play

pytestmark = pytest.mark.long
UNREADABLE = Path(__file__).parents[1].joinpath("unreadable.js").read_text(encoding="utf-8")
TABS = ("see", "blame", "learn", "check", "take")
EVIL = "</script><script>document.title = 'taken'</script><img src=x onerror=alert(1)>\u2028<!--"


def show(tab, name):
    """Show a tab of the panel with all that opens in it."""
    tab.click(f"#tab-{name}")
    wait_for(tab, f"page.tab === '{name}'")
    tab.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    if name == "blame":
        for _ in range(4):
            tab.evaluate("BLAME.go(page.moment + 1)")
            wait_for(tab, "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_any_tab(scheme, opened, digits_page, tmp_path):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    moons_page = play(nn.perceptron("2-4-2", nn.Tanh, rng=0), moons()).save(tmp_path / "moons.html")
    light, dark = [(digits_page, 390), (digits_page, 1280)], [(digits_page, 320), (moons_page, 390)]
    for path, width in light if scheme == "light" else dark:
        tab = opened(path, color_scheme=scheme, viewport={"width": width, "height": 900})
        tab.evaluate(f"{axe}; undefined")  # not a script of the page: its policy refuses those
        for name in TABS:
            show(tab, name)
            found = tab.evaluate(
                "axe.run().then(({passes, violations}) => [passes.length,"
                " violations.map((v) => [v.id, v.nodes[0].html, v.nodes[0].failureSummary])])"
            )
            assert found[0] > 20
            assert found[1] == [], (width, name)


@pytest.mark.parametrize("width", [320, 390, 736, 1280, 2560, 3840])
def test_nothing_is_cut_off_at_the_side(width, opened, digits_page):
    tab = opened(digits_page, viewport={"width": width, "height": 800})
    for name in TABS:
        show(tab, name)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
        wide = tab.evaluate(
            "[...document.querySelectorAll('#panel *, #stage *')].filter((each) => !each.closest('svg')"
            " && each.getClientRects().length && each.getBoundingClientRect().right > innerWidth + 1)"
            ".map((each) => each.outerHTML)"
        )
        assert [html for html in wide if 'role="tab"' not in html] == [], name  # tabs scroll by themselves


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_names_of_classes_are_whole(width, opened, tmp_path):
    page = play(nn.perceptron("2-4-2", nn.Tanh, rng=0), moons()).save(tmp_path / "moons.html")
    tab = opened(page, viewport={"width": width, "height": 800})
    cut = "[...document.querySelectorAll('.row .name')].map((one) => one.scrollWidth > one.clientWidth + 1)"
    assert tab.evaluate(cut) == [False, False]


@pytest.mark.parametrize("width", [390, 736])
def test_no_line_crosses_the_input_on_a_narrow_page(width, opened, digits_page):
    tab = opened(digits_page, viewport={"width": width, "height": 1200})
    tops = "[...document.querySelectorAll('#edges path')].map((each) => each.getBoundingClientRect().top)"
    bottom = tab.evaluate("document.querySelector('.card.input').getBoundingClientRect().bottom")
    assert min(tab.evaluate(tops)) > bottom


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_every_tab(scheme, opened, digits_page):
    tab = opened(digits_page, color_scheme=scheme)
    for name in TABS:
        show(tab, name)
        assert tab.evaluate(UNREADABLE) == [], name


def test_names_with_markup_are_text(opened, tmp_path):
    points, labels = moons().train
    model = nn.perceptron("2-4-2", nn.Tanh, rng=0)
    page = play(model, (np.asarray(points), np.asarray(labels)), class_names=[EVIL, "b"], title=EVIL)
    tab = opened(page.save(tmp_path / "evil.html"))
    assert tab.evaluate("document.querySelector('h1').textContent") == EVIL
    for name in TABS:
        show(tab, name)
        assert tab.locator("img").count() == 0


def test_page_runs_in_a_frame_of_a_notebook(opened, tmp_path):
    page = play(nn.perceptron("2-4-2", nn.Tanh, rng=0), moons())
    path = tmp_path / "notebook.html"
    path.write_text(
        f"<!DOCTYPE html><script>var page = {{seen: true, frame: 0}}</script>{page._repr_html_()}", "utf-8"
    )
    frame = opened(path).frame_locator("iframe")
    frame.locator("#tab-learn").click()
    frame.locator("#step-ten").click()
    trained = frame.locator("text=/^10, epoch/")
    trained.wait_for(timeout=60_000)
    assert trained.count() == 1
