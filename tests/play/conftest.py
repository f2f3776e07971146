"""Pages to play with, opened in a browser."""

import numpy as np
import pytest

from tests.play.browsing import wait_for
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.play import play


@pytest.fixture(scope="session")
def reader():
    """A small network that has learned the 8 x 8 digits for a moment."""
    model, digits = nn.perceptron("64-12-10", nn.Tanh, rng=0), load_digits()
    loss, optimizer = nn.CrossEntropyLoss(), optim.SGD(list(model.parameters()), lr=0.1, momentum=0.9)
    for batch in np.random.default_rng(0).integers(0, len(digits.train), (60, 32)):
        optimizer.zero_grad()
        loss(model(digits.train.images[batch].reshape(32, 64)), digits.train.labels[batch]).backward()
        optimizer.step()
    return model


@pytest.fixture(scope="session")
def digits_page(reader, tmp_path_factory):
    """The page of the small network."""
    path = tmp_path_factory.mktemp("play") / "digits.html"
    play(reader, load_digits(), path)
    return path


@pytest.fixture
def opened(browser):
    """Open a page; at the end nothing may have gone wrong or to the network."""
    complaints, contexts = [], []

    def open_page(path, address="", **settings):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | settings))
        tab = contexts[-1].new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(dialog.message))
        tab.on(
            "request",
            lambda request: request.url.startswith(("file:", "blob:")) or complaints.append(request.url),
        )
        tab.goto(f"{path.as_uri()}{address}")
        wait_for(tab, "typeof page === 'object' && page.seen")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
