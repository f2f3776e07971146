"""The frame of every page with scripts."""

import json

import pytest

from tinygrad_mnist.pages import document, json_for


@pytest.fixture
def folder(tmp_path):
    texts = {
        "page.html": "$policy|$title|$style|$data|$programs|$script",
        "a.js": "1 < 2;\n",
        "a.css": "p {}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_document_fills_each_place_once_and_names_are_text(folder):
    text = document(
        folder, title="<b>$data", styles=["a"], scripts=["a"], start="start();\n",
        parts={"data": json_for("$title")}, programs="$style",
    )  # fmt: skip
    policy, title, style, data, programs, script = text.split("|")[:1] + text.split("|", 5)[1:]
    assert (title, data, programs) == ("&lt;b&gt;$data", '"$title"', "$style")
    assert policy.count("'sha256-") == 3
    assert style.endswith("p {}\n")
    assert style.startswith("/*")
    assert script.startswith('"use strict"')
    assert script.endswith("1 < 2;\nstart();\n")


@pytest.mark.parametrize("text", ["</script>", "<!--", "\u2028", "&amp;", "é", "\x00"])
def test_json_cannot_end_its_element_and_is_the_same_data(text):
    found = json_for({text: [text]})
    assert not set("<>&") & set(found)
    assert found.isascii()
    assert json.loads(found) == {text: [text]}
