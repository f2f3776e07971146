"""The text of the page: its data, its programs and its own scripts and styles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.pages import document, json_for
from tinygrad_mnist.play import programs
from tinygrad_mnist.play.examples import PlayData, chosen_test, packed
from tinygrad_mnist.play.mistakes import mistakes_for
from tinygrad_mnist.play.network import Network
from tinygrad_mnist.typing import Array

MOST_BYTES = 3_000_000
FEWEST_TRAIN = 300  # with fewer there is little to learn
MOST_TRAIN_OF_MAPS = 1_000  # an epoch through convolutions takes seconds
_PAGE = Path(__file__).with_name("page")
_SCRIPTS = (
    *("network", "core", "paint", "framing"),  # what the page knows, and how it is drawn
    *("pad", "plane", "maps", "picture"),  # what is in the middle
    *("see", "blame"),  # the tabs
    *("fields", "charts", "worker", "learning", "weights", "learn"),
    *("nudge", "check", "safetensors", "address", "take"),
    *("tasks", "start"),
)
_STYLES = ("page", "parts")
_POLICY = "worker-src blob:; img-src data: blob:"


def page_of(title: str, network: Network, data: PlayData, training: dict[str, Any]) -> str:
    """Return the page of a network, with as many examples to train on as it can use and hold.

    Parameters
    ----------
    training
        The numbers with which the page starts to train: lr, momentum, batch.

    Raises
    ------
    DataError
        If the page is too large even with few examples.
    """
    mistakes = mistakes_for(network)
    captured = programs.captured(network, training["batch"], training["lr"], mistakes)
    outputs = network.outputs(data.inputs(data.test))
    rows, start = chosen_test(data, outputs)
    script = programs.script(captured)
    facts = {
        "title": title,
        "kind": data.kind,
        "shape": data.shape,
        "bounds": data.bounds(),
        "classes": data.class_names,
        "layers": network.described(),
        "parameters": _arrays(network, network.layers.named_parameters()),
        "buffers": _arrays(network, network.layers.named_buffers()),
        "test": data.test.take(rows).encoded(),
        "pixelMax": data.pixel_max,
        "framing": None if data.framing is None else data.framing.to_dict(),
        "loss": network.loss,
        "training": training,
        "programs": programs.described(captured, network),
        "mistakes": [
            {
                "id": each.id,
                "title": each.title,
                "text": each.text,
                "programs": [f"blame:{each.id}", f"step:{each.id}"],
            }
            for each in mistakes
        ],
        "start": {"example": start},
        "read": _read(outputs.argmax(axis=1), data.test.y, rows),
        "formulas": network.formulas(),
        "python": captured["step"].derivation,
    }

    def page_with(train: int) -> str:
        data_text = json_for(facts | {"train": data.train.few(train).encoded()})
        return document(
            _PAGE,
            title=title,
            styles=_STYLES,
            scripts=_SCRIPTS,
            start="start();\n",
            parts={"data": data_text},
            programs=script,
            also=_POLICY,
        )

    most = max(MOST_TRAIN_OF_MAPS, training["batch"]) if network.has_maps else len(data.train)
    return _fitting(page_with, min(most, len(data.train)), training["batch"], network)


def _arrays(network: Network, tensors: Iterable[tuple[str, Tensor]]) -> list[dict[str, Any]]:
    return [
        {
            "name": network.names[name],
            "shape": tensor.shape,
            "dtype": dtype.name,
            "fresh": network.fresh(name),
            "values": packed(tensor.data.astype(dtype.newbyteorder("<"))),
        }
        for name, tensor in tensors
        for dtype in [network.dtype if tensor.dtype.kind == "f" else tensor.dtype]
    ]


def _read(answers: Array, labels: Array, rows: Array) -> dict[str, Any]:
    """Return the share of test examples that are read correctly, their number, and the answers to some."""
    share = float(np.mean(answers == labels))
    return {"share": share, "count": len(labels), "answers": answers[rows].tolist()}


def _fitting(page_with: Callable[[int], str], count: int, batch: int, network: Network) -> str:
    """Return a page with as many examples to train on as it can hold."""
    page, train = page_with(count), count
    if len(page.encode()) <= MOST_BYTES:
        return page
    fewest = min(max(FEWEST_TRAIN, batch), count)
    smallest = len(page_with(fewest).encode())
    if smallest > MOST_BYTES:
        weights = sum(parameter.size for parameter in network.layers.parameters())
        raise DataError(
            f"model is {network} with {weights:,} weights: expected a page of at most {MOST_BYTES:,} bytes, "
            f"and with {fewest} examples it has {smallest:,}; take smaller hidden layers"
        )
    while (
        size := len(page.encode())
    ) > MOST_BYTES:  # once or twice: examples are about as long as each other
        train = fewest + int((train - fewest) * (MOST_BYTES - smallest) / (size - smallest) * 0.99)
        page = page_with(train)
    return page
