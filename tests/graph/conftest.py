"""A page of a graph in a browser."""

import pytest

from tinygrad_mnist.graph import to_html


@pytest.fixture
def opened(browser, tmp_path):
    """Open a graph's page; at the end nothing may have gone wrong or to the network."""
    complaints, contexts = [], []

    def open_page(graph, text=None, **settings):
        contexts.append(browser.new_context(**{"viewport": {"width": 1000, "height": 700}} | settings))
        tab = contexts[-1].new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(dialog.message))
        tab.on("request", lambda request: request.url.startswith("file:") or complaints.append(request.url))
        path = tmp_path / "graph.html"
        path.write_text(text or to_html(graph), encoding="utf-8")
        tab.goto(path.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
