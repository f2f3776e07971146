from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


class TextRecorder(RendererAgg):
    """Renderer that records the texts drawn, without hidden tick labels."""

    def draw_text(self, *args: Any, mtext: Text | None = None, **kwargs: Any) -> None:
        assert mtext is not None, "a text of several lines cannot be told from its parts"
        self.texts.append(mtext)


def find_texts(figure: Figure) -> list[Text]:
    recorder = TextRecorder(*figure.canvas.get_width_height(), figure.dpi)
    recorder.texts = []
    figure.draw(recorder)
    return [text for text in recorder.texts if text.get_text().strip()]


@pytest.fixture
def texts_of():
    return find_texts


@pytest.fixture
def words_of():
    return lambda figure: [text.get_text() for text in find_texts(figure)]


@pytest.fixture
def assert_readable():
    """Assert that every text lies within the figure and that no two texts overlap."""

    def check(figure: Figure) -> None:
        texts = find_texts(figure)
        boxes = np.array([text.get_window_extent().extents for text in texts])
        lows, highs = boxes[:, :2], boxes[:, 2:]
        cut = ((lows < figure.bbox.min) | (highs > figure.bbox.max)).any(axis=1)
        assert not cut.any(), f"cut off: {[texts[i].get_text() for i in np.flatnonzero(cut)]}"
        meet = ((lows[:, None] < highs) & (lows < highs[:, None])).all(axis=2)
        pairs = [(texts[i].get_text(), texts[j].get_text()) for i, j in np.argwhere(np.triu(meet, 1))]
        assert not pairs, f"overlapping: {pairs[:6]}"

    return check
