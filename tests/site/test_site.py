"""The site that `python examples/site/build.py` has built: read by everybody, without a network."""

import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site" / "html"
if not SITE.exists():
    pytest.skip("there is no site: python examples/site/build.py", allow_module_level=True)

LESSON = sorted((SITE / "lessons/beginners").glob("*by_hand.html"))[0].relative_to(SITE).as_posix()
GALLERY = "lessons/beginners/index.html"
PAGES = [
    "index.html",
    LESSON,
    "reference/checking.html",
    "reference/report.plots.html",
    "search.html?q=check_gradients",
    GALLERY,
]
# Links to other hosts are those of the README, and the theme's own.
OTHER_HOSTS = re.compile(
    r"https://github\.com/pradyunsg/furo|https://pradyunsg\.me|https://www\.sphinx-doc\.org"
)


@pytest.fixture
def opened(browser):
    """Open a page of the site; at the end nothing may have gone wrong or to another host."""
    complaints, tabs = [], {}
    local = "file:", "data:", "blob:", "about:"

    def open_page(page, width=1280, scheme="light"):
        if (width, scheme) not in tabs:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab = tabs[width, scheme] = context.new_page()
            tab.on("console", lambda message: complaints.append((tab.url, message.text)))
            tab.on("pageerror", lambda error: complaints.append((tab.url, str(error))))
            tab.on("request", lambda sent: sent.url.startswith(local) or complaints.append(sent.url))
        name, _, query = page.partition("?")
        tabs[width, scheme].goto(f"{(SITE / name).as_uri()}?{query}")
        return tabs[width, scheme]

    yield open_page
    for tab in tabs.values():
        tab.context.close()
    assert complaints == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_no_violation(scheme, width, opened):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    for page in PAGES:
        tab = opened(page, width, scheme)
        tab.evaluate(f"{axe}; undefined")
        found = tab.evaluate(
            "axe.run({iframes: false, preload: false}).then(({passes, violations}) => [passes.length,"
            " violations.map((v) => [v.id, v.nodes[0].html, v.nodes[0].failureSummary])])"
        )
        assert found[0] > 10
        assert found[1] == [], page


def test_articles_show_what_their_experiments_print():
    page = (SITE / "articles.html").read_text(encoding="utf-8")
    assert page.count("gradient entries tested") == 2  # the article's step, on raw and on scaled pixels


def test_no_page_scrolls_sideways(opened):
    wide = (
        "speed.html",
        "articles.html",
        "changelog.html",
        "differences_from_pytorch.html",
        "reference/nn.html",
    )
    for width in (390, 1280):
        for page in (*PAGES, *wide, "explanations/oracles.html", "play.html"):
            tab = opened(page, width)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, page


def test_reference_shows_the_picture_of_each_example_that_is_a_drawing():
    pages = [page.read_text(encoding="utf-8") for page in (SITE / "reference").glob("*.html")]
    assert sum(page.count('class="gp"') for page in pages) > 300
    assert any('class="drawing"' in page for page in pages)
    for page in pages:
        assert page.count('class="drawing"') == len(re.findall(r'<span class="go">Drawing\(', page))


def test_reference_says_nothing_of_builtin_types():
    for page in (SITE / "reference").glob("*.html"):
        assert not re.search(r"int\(\[x\]\)|Built-in immutable", page.read_text(encoding="utf-8")), page.name


def test_names_of_the_reference_stay_on_one_line_of_a_phone(opened):
    tab = opened("reference/errors.html", 390)
    names = tab.locator("table.autosummary td:first-child").all()
    assert max(name.bounding_box()["height"] for name in names) < 40


def test_headings_of_the_reference_are_names_not_links():
    page = (SITE / "reference" / "nn.utils.html").read_text(encoding="utf-8")
    assert re.findall(r"<h2>([^<]*)<", page) == ["clip_grad_norm_", "clip_grad_value_"]


def test_constants_tell_of_themselves(opened):
    words = opened("reference/benchmark.html").locator("body").inner_text()
    assert words.count("Learning rate of all contestants.") == 2
    assert "LR = 0.1" in words


def test_cards_of_the_gallery_show_the_lessons(opened):
    """Each card has a picture that the build has drawn, which has an extent."""
    pictures = opened(GALLERY).locator(".sphx-glr-thumbcontainer img")
    assert pictures.count() >= 16
    for picture in pictures.all():
        assert picture.get_attribute("src").endswith(".svg")
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0


def test_switch_of_the_page_reaches_its_frames(opened):
    """The browser's own scheme, "null", is not forced upon a frame as an emulated one is."""
    tab = opened("play.html", 1280, "null")
    for theme in ("dark", "light"):
        tab.evaluate("theme => { document.body.dataset.theme = theme }", theme)
        for frame in tab.frames[1:]:
            frame.wait_for_function(f"matchMedia('(prefers-color-scheme: {theme})').matches")
    assert len(tab.frames) > 1


def test_every_head_of_a_column_has_words():
    for page in SITE.rglob("*.html"):
        empty = re.search(r"<th[^>]*>(<p></p>)?</th>", page.read_text(encoding="utf-8"))
        assert empty is None, page.name


def test_formulas_have_no_command_that_the_page_cannot_show():
    formulas = 0
    for page in SITE.rglob("*.html"):
        for formula in re.findall(r"<math.*?</math>", page.read_text(encoding="utf-8")):
            assert "\\" not in formula, page.name
            formulas += 1
    assert formulas > 100


def test_a_formula_stays_with_its_sign_and_with_nothing_else():
    kept = [
        text
        for page in SITE.rglob("*.html")
        for text in re.findall(r'<span class="together">(.*?)</span>', page.read_text(encoding="utf-8"))
    ]
    assert len(kept) > 10
    assert {text.count("<math") for text in kept} == {1}


CUT_OFF = """() => [...document.querySelectorAll("article :is(p, li, dd, td, h1, h2, h3)")]
  .filter((text) => text.scrollWidth > text.clientWidth + 2 && !text.querySelector("pre, table, div"))
  .filter((text) => !text.closest(".output_subarea"))
  .filter((text) => text.clientWidth && getComputedStyle(text).overflowX === "visible")
  .map((text) => text.textContent)"""


def test_no_text_is_cut_off_on_a_phone(opened):
    tab = opened("index.html", 390)
    for page in SITE.rglob("*.html"):
        tab.goto(page.as_uri())
        assert tab.evaluate(CUT_OFF) == [], page.name


def test_search_finds_a_function_without_a_server(opened):
    tab = opened("search.html?q=check_gradients")
    first = tab.locator("#search-results li a").first
    assert first.get_attribute("href").endswith("#tinygrad_mnist.checking.check_gradients")


PYODIDE = """
export async function loadPyodide() {
  const installed = [];
  const install = Object.assign(async (names) => installed.push(names), {
    callKwargs: async (address, settings) => installed.push(address, settings),
  });
  return {
    loadPackage: async (names) => installed.push(names),
    pyimport: () => ({ install }),
    runPython: () => async (code, number) => ({
      toJs: () => [`${installed.length} ${installed[1]} ${number} ${code.trim().slice(0, 5)}`, ""],
    }),
  };
}
"""


@pytest.mark.parametrize(
    ("lesson", "packages", "second_cell"),
    [
        (LESSON, "filelock,graphviz", "model"),
        ("lessons/curious/27_your_own_op.html", "filelock,graphviz,hypothesis", "swish"),
        ("lessons/curious/32_a_formula.html", "filelock,graphviz,formulaic,narwhals", "new ="),
    ],
)
def test_a_reader_runs_the_cells_with_those_above(browser, lesson, packages, second_cell):
    """A stand-in for Pyodide answers; nothing is fetched before the button is pressed."""
    context = browser.new_context()
    foreign = []

    def answer(route):
        address = urlsplit(route.request.url)
        if address.hostname == "site.test":
            return route.fulfill(path=SITE / unquote(address.path[1:]))
        foreign.append(address.hostname)
        return route.fulfill(
            body=PYODIDE, content_type="text/javascript", headers={"access-control-allow-origin": "*"}
        )

    context.route("**/*", answer)
    tab = context.new_page()
    tab.goto(f"http://site.test/{lesson}")
    assert foreign == []
    tab.click("text=Run the cells here")
    tab.click("text=Run cell 2")
    tab.wait_for_selector(".ran >> nth=1")
    assert tab.locator(".ran").all_inner_texts() == [
        f"4 {packages} 1 impor",
        f"4 {packages} 2 {second_cell}",
    ]
    assert len(foreign) == 1
    context.close()


class Links(HTMLParser):
    """The names in a page, and the addresses that it points to."""

    def __init__(self, page):
        super().__init__()
        self.names, self.addresses = {""}, set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.names.add(found.get("id"))
        for name in ("href", "src"):
            if found.get(name) is not None and tag != "base":
                self.addresses.add(found[name])


def test_links_resolve_and_lead_to_known_hosts():
    pages = {page: Links(page) for page in SITE.rglob("*.html")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    dead, foreign = set(), set()
    for page, links in pages.items():
        for address in links.addresses:
            split = urlsplit(address)
            if split.scheme in ("http", "https"):
                foreign |= {address} if address not in readme and not OTHER_HOSTS.match(address) else set()
            elif not split.scheme:
                target = (page.parent / unquote(split.path)).resolve() if split.path else page
                name = unquote(split.fragment)
                if not target.exists() or (target in pages and name not in pages[target].names):
                    dead.add((page.relative_to(SITE).as_posix(), address))
    assert dead == set()
    assert foreign == set()
