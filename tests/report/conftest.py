from xml.etree import ElementTree

import numpy as np
import pytest

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def parsed():
    """Return the root of the file of a drawing."""
    return lambda drawing: ElementTree.fromstring(drawing.to_svg())


@pytest.fixture
def words_of(parsed):
    """Return the texts of a drawing, title and key included."""
    return lambda drawing: [text.text for text in parsed(drawing).iter(f"{SVG}text")]


@pytest.fixture
def marks_of(parsed):
    """Return the elements of one tag in the groups of a colour, panel by panel, as dicts of attributes."""

    def find(drawing, colour, tag):
        groups = [group for group in parsed(drawing).iter(f"{SVG}g") if group.get("class") == colour]
        return [mark.attrib for group in groups for mark in group.iter(SVG + tag)]

    return find


@pytest.fixture
def points_of(marks_of):
    """Return the corners of the lines of a colour, (corners, 2) each."""

    def find(drawing, colour):
        lines = [path["d"] for path in marks_of(drawing, colour, "path") if path.get("fill") == "none"]
        return [np.array([pair.split(",") for pair in line[1:].split("L")], float) for line in lines]

    return find
