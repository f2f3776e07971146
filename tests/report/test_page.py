import base64
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from tests.report.figures import FIGURES
from tinygrad_mnist.report import FilePicture, Section, Table, write_report

PHONE = 320  # pixels of CSS: the least that a page must fit into without scrolling in two directions
VOID = {"meta", "img", "br", "link", "hr"}
FINDING = "Most of it is right."
HOSTILE = "<script>alert(1)</script> \"quoted\" & 'single' <img src=x onerror=alert(2)>"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


class Outline(HTMLParser):
    """Check that tags nest; record tags, attributes and text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "picture.png"
    Image.new("RGB", (384, 20), "white").save(path)
    return FilePicture(path, FINDING)


@pytest.fixture
def svg(tmp_path):
    path = tmp_path / "graph.svg"
    path.write_text(SVG, encoding="utf-8")
    return FilePicture(path, FINDING)


@pytest.fixture
def write(tmp_path):
    def write_and_read(title="A run", summary=(), sections=()):
        write_report(tmp_path / "report.html", title, summary, sections)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return write_and_read


def full_sections(png, svg):
    table = Table(["class", "recall"], [["zero", "98.7 %"], ["one", "–"]])
    return [Section("All", "One.\n\nTwo.", png, table, "a < b"), Section("Graph", picture=svg)]


def test_page_parses_and_contains_its_sections(write, png, svg):
    outline = Outline(write("Epochs → 12", [("accuracy", "97.7 %")], full_sections(png, svg)))
    text = "".join(outline.words)
    for part in ("Epochs → 12", "accuracy", "97.7 %", "One.", "Two.", "zero", "98.7 %", "a < b", "Graph"):
        assert part in text
    assert [name for name, _ in outline.tags if name in {"h1", "h2"}] == ["h1", "h2", "h2"]
    assert len(outline.all("p")) == 2
    assert [image["alt"] for image in outline.all("img")] == [FINDING] * 2


def test_pictures_are_inlined_byte_for_byte(write, png, svg):
    sources = [image["src"] for image in Outline(write(sections=full_sections(png, svg))).all("img")]
    kinds = [source.partition(";base64,")[0] for source in sources]
    assert kinds == ["data:image/png", "data:image/svg+xml"]
    contents = [base64.b64decode(source.partition(";base64,")[2]) for source in sources]
    assert contents == [png.path.read_bytes(), svg.path.read_bytes()]


@pytest.mark.parametrize(
    "text",
    [
        '<svg width="300pt" height="9pt"><text font-size="9.00"/><text font-size="14.00"/></svg>',
        '<svg id="a" width="300pt"><text style="font-size: 9px"/><tspan style="font-size: 6px"/></svg>',
    ],
    ids=["Graphviz", "matplotlib"],
)
def test_letters_of_a_picture_stay_readable(write, tmp_path, text):
    """A picture of 300 points with letters of 9 is at least 300 * 11 / 9 pixels wide."""
    (tmp_path / "graph.svg").write_text(text)
    page = write(sections=[Section("A", picture=FilePicture(tmp_path / "graph.svg", FINDING))])
    (image,) = Outline(page).all("img")
    assert image["style"] == "min-width:367px"


@pytest.mark.parametrize("name", FIGURES)
def test_drawing_is_part_of_the_page_with_its_finding(name, write):
    drawing = FIGURES[name]()
    outline = Outline(write(sections=[Section("A", picture=drawing)]))
    assert len(outline.all("svg")) == len(drawing.panels)
    (image,) = (div for div in outline.all("div") if div.get("role") == "img")
    assert image["aria-label"] == drawing.finding
    text = "".join(outline.words)
    assert all(words in text for words in (drawing.title, *(words for _, words in drawing.key)))
    assert [mark["class"] for mark in outline.all("i")] == [colour for colour, _ in drawing.key]
    masks = [mask["id"] for mask in outline.all("mask")]
    used = [shape["mask"] for shape in outline.all("rect") if "mask" in shape]
    assert used == [f"url(#{mask})" for mask in masks]


def test_page_fetches_nothing(write, png, svg):
    drawn = [Section(name, picture=draw()) for name, draw in FIGURES.items()]
    page = write(HOSTILE, [(HOSTILE, HOSTILE)], full_sections(png, svg) + drawn)
    assert "//" not in re.sub(r"base64,[^\"]*", "", page)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page
    references = [
        value
        for _, attributes in Outline(page).tags
        for key, value in attributes.items()
        if key in {"src", "href"}
    ]
    assert all(reference.startswith(("data:image/", "#")) for reference in references)
    assert "default-src 'none'" in page


def test_hostile_text_stays_text(write, png):
    table = Table([HOSTILE] * 2, [[HOSTILE] * 2])
    picture = FilePicture(png.path, HOSTILE)
    sections = [Section(HOSTILE, HOSTILE, picture, table, HOSTILE)] * 4
    outline = Outline(write(HOSTILE, [(HOSTILE, HOSTILE)], sections))
    assert not outline.all("script")
    assert [image["alt"] for image in outline.all("img")] == [HOSTILE] * 4
    assert "".join(outline.words).count(HOSTILE) == 2 + 2 + 4 * 8  # title, summary; sections, their links


def test_missing_parts_leave_no_empty_elements(write):
    outline = Outline(write(sections=[Section("Bare")]))
    tags = {tag for tag, _ in outline.tags}
    assert not tags & {"dl", "nav", "p", "figure", "img", "table", "pre"}
    Outline(write(sections=[]))


def test_long_page_has_links_to_its_sections(write):
    outline = Outline(write(sections=[Section(f"Part {i}") for i in range(4)]))
    targets = [link["href"].removeprefix("#") for link in outline.all("a")]
    assert targets == [section["id"] for section in outline.all("section")]
    assert len(targets) == 4


def test_columns_of_numbers_are_aligned_right(write):
    table = Table(["name", "error", "note"], [["a", 1e-9, "1 of 2"], ["b", "–", "fine"]])
    outline = Outline(write(sections=[Section("T", table=table)]))
    assert [head.get("class") for head in outline.all("th")] == [None, "number", None, None, None]
    assert [cell.get("class") for cell in outline.all("td")] == ["number", None] * 2


def test_empty_table_is_only_its_head(write):
    outline = Outline(write(sections=[Section("T", table=Table(["a", "b"], []))]))
    assert len(outline.all("th")) == 2
    assert not outline.all("td")


def test_picture_of_another_kind_is_refused(write, tmp_path):
    with pytest.raises(ValueError, match=r"PNG or SVG.*photo\.jpg"):
        write(sections=[Section("A", picture=FilePicture(tmp_path / "photo.jpg", FINDING))])


def test_same_report_is_the_same_file(write, png, svg):
    assert write(sections=full_sections(png, svg)) == write(sections=full_sections(png, svg))


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_drawing_that_scrolls_on_a_phone_is_reached_by_the_keyboard(draw):
    drawing = draw()
    is_wide = max((panel.width for panel in drawing.panels), default=0) > PHONE
    assert ('tabindex="0"' in drawing.to_html()) == is_wide
