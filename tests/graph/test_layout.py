"""The layout of the page, which its own scripts compute: run in Node on the networks of this folder."""

import itertools
import json
import random
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.graph.graphs import network_graph, scalar_graph
from tests.graph.networks import losses
from tinygrad_mnist import Tensor, ops, scope
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph import html as page
from tinygrad_mnist.graph.page_data import page_data

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
SCRIPTS = ("scene", "layout", "layers", "place", "picture", "norms", "images")
WRITER = Path(__file__).with_name("layout.js")
NAMES = (
    "scalar",
    "perceptron",
    "attention",
    "residual",
    "tied",
    "autoencoder",
    "lenet",
    "recurrent",
    "deep",
    "early",
)
LAYOUTS = [*itertools.product(NAMES, (False, True)), ("long", False), ("chain", False)]
LAYOUTS += [(seed, None) for seed in range(8)]


@pytest.fixture(scope="module")
def graphs():
    """Return the graphs by name."""
    found = {name: Graph(loss, backward=True) for name, loss in losses().items()}
    return found | {
        "scalar": scalar_graph(),
        "perceptron": network_graph(),
        "chain": chain_graph(2000),
        "early": early_result(),
    }


def chain_graph(count):
    x = Tensor(np.linspace(0, 1, 20), requires_grad=True, name="x")
    y = x
    for i in range(count):
        y = ops.tanh(y) if i % 2 else y * 1.01
    return Graph(y.sum(), backward=True)


def early_result():
    """A module whose first op is read outside, beside its last."""
    x = Tensor(np.ones(20), requires_grad=True, name="x")
    with scope("module"):
        first = ops.tanh(x)
        last = ops.exp(ops.tanh(first * 2.0)) * first
    return Graph((first * last).sum(), backward=True)


def laid_out(graph, *, every=False, chosen=None):
    """Lay out a graph as at the start, with every group open, or with those that `chosen` says."""
    scripts = "".join((page._PAGE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    data = page_data(graph)
    groups = range(len(data["groups"]))
    opened = [group for group in groups if every or (chosen and chosen(group))] if every or chosen else None
    question = json.dumps({"scripts": scripts, "data": data, "open": opened})
    answer = subprocess.run(
        ["node", WRITER], input=question, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def layout_of(graphs):
    """Return the layout of a graph by name, at the start or all open; a number is a random graph."""

    def layout(name, every):
        if isinstance(name, int):
            choice = random.Random(name)
            return laid_out(random_graph(choice), chosen=lambda _: choice.random() < 0.7)
        return laid_out(graphs[name], every=every)

    return cache(layout)


def random_graph(choice):
    """Scalars that are read again and again, in modules inside modules."""
    pool = [Tensor(0.5, requires_grad=True, name=f"p{i}") for i in range(choice.randint(1, 6))]

    def write(depth):
        for _ in range(choice.randint(1, 5)):
            if depth < 3 and choice.random() < 0.45:
                with scope(f"m{choice.randint(0, 3)}"):
                    write(depth + 1)
            else:
                near, far = choice.choice(pool[-6:]), choice.choice(pool)
                pool.append(choice.choice([ops.add(near, far), ops.multiply(near, far), ops.tanh(near)]))

    while len(pool) < 12:
        write(0)
    return Graph(sum(pool[-3:], Tensor(0.0)), backward=True)


def boxes(layout):
    for unit in layout["units"]:
        yield unit["id"], unit["box"]
        if unit["back"]:
            yield f"∂{unit['id']}", unit["back"]


def overlap(one, other):
    apart = (one[i] + one[i + 2] <= other[i] or other[i] + other[i + 2] <= one[i] for i in (0, 1))
    return not any(apart)


def within(inner, outer):
    return all(outer[i] <= inner[i] and inner[i] + inner[i + 2] <= outer[i] + outer[i + 2] for i in (0, 1))


def overlapping(places):
    return [pair for pair in itertools.combinations(places, 2) if overlap(*map(places.get, pair))]


def curve(points):
    """Places along an edge as it is drawn: straight down, or a curve that starts and ends vertically."""
    for (x, y), (x_end, y_end) in itertools.pairwise(points):
        middle = (y + y_end) / 2
        for t in (0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0):
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            yield np.dot(weights, (x, x, x_end, x_end)), np.dot(weights, (y, middle, middle, y_end))


@pytest.mark.parametrize(("name", "every"), LAYOUTS)
def test_no_two_boxes_overlap(name, every, layout_of):
    layout = layout_of(name, every)
    assert not overlapping(dict(boxes(layout)))


@pytest.mark.parametrize(("name", "every"), LAYOUTS)
def test_frame_holds_all_that_is_inside(name, every, layout_of):
    layout = layout_of(name, every)
    places = dict(boxes(layout)) | {frame["id"]: frame["box"] for frame in layout["frames"]}
    for frame in layout["frames"]:
        assert all(within(places[inner], frame["box"]) for inner in frame["inside"])
        assert not overlapping({inner: places[inner] for inner in frame["inside"]})


@pytest.mark.parametrize(("name", "every"), LAYOUTS)
def test_edges_go_down_from_box_to_box(name, every, layout_of):
    layout = layout_of(name, every)
    places = dict(boxes(layout))
    for edge in layout["edges"]:
        for points in filter(None, (edge["points"], edge["back"])):
            assert all(y <= below for (_, y), (_, below) in itertools.pairwise(points))
        (x, y), (left, top, width, height) = edge["points"][0], places[edge["from"]]
        assert left < x < left + width
        assert y == pytest.approx(top + height)
        (x, y), (left, top, width, _) = edge["points"][-1], places[edge["to"]]
        assert left < x < left + width
        assert y == pytest.approx(top)


@pytest.mark.parametrize(("name", "every"), LAYOUTS)
def test_edges_cross_no_box(name, every, layout_of):
    layout = layout_of(name, every)
    for edge in layout["edges"]:
        for points in filter(None, (edge["points"], edge["back"])):
            for x, y in curve(points):
                crossed = [
                    key for key, (left, top, w, h) in boxes(layout)
                    if left < x < left + w and top + 0.1 < y < top + h - 0.1
                ]  # fmt: skip
                assert not crossed, (edge["from"], edge["to"])


@pytest.mark.parametrize(("name", "every"), LAYOUTS)
def test_inputs_arrive_in_their_order(name, every, layout_of):
    arrivals = {}
    for edge in layout_of(name, every)["edges"]:
        arrivals.setdefault(edge["to"], []).append((edge["position"], edge["points"][-1][0]))
    for places in arrivals.values():
        across = [x for _, x in sorted(places)]
        assert across == sorted(across)


def test_leaves_stand_in_the_order_of_inputs(layout_of, graphs):
    layout, graph = layout_of("perceptron", True), graphs["perceptron"]
    left = {graph.nodes[unit["node"]].name: unit["box"][0] for unit in layout["units"]}
    assert left["x"] < left["0.weight"] < left["0.bias"]
    assert left["2.weight"] < left["2.bias"]


def test_leaf_stands_right_above_its_first_reader(layout_of, graphs):
    top = {
        graphs["scalar"].nodes[unit["node"]].name: unit["box"][1]
        for unit in layout_of("scalar", True)["units"]
    }
    assert top["a"] == top["b"] < top["multiply_1"] <= top["c"] < top["add_2"]


@pytest.mark.parametrize(
    ("name", "most"), [("attention", 0), ("residual", 0), ("lenet", 0), ("recurrent", 150)]
)
def test_edges_cross_as_little_as_they_have_to(name, most, layout_of):
    assert layout_of(name, True)["crossings"] <= most


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("scalar", "early")])
def test_main_path_is_straight(name, layout_of):
    layout = layout_of(name, True)
    into = {edge["to"]: edge for edge in layout["edges"] if edge["main"]}
    unit, across = layout["units"][-1]["id"], []
    while unit in into:
        across.append({round(x, 6) for x, _ in into[unit]["points"]})
        unit = into[unit]["from"]
    assert len(across) > 3
    assert len(set.union(*across)) == 1


@pytest.mark.parametrize("every", [False, True])
def test_chain_is_one_straight_line(every):
    layout = laid_out(chain_graph(150), every=every)
    assert len({round(x, 6) for edge in layout["edges"] for x, _ in edge["points"]}) == 1


def test_calls_of_a_cell_go_down_in_time_order(layout_of):
    layout = layout_of("recurrent", True)
    tops = [frame["box"][1] for frame in layout["frames"] if len(frame["inside"]) == 4]
    assert len(tops) == 10
    assert tops == sorted(set(tops))


def test_first_picture_has_few_boxes(layout_of):
    for name in (*NAMES, "long", "chain"):
        assert len(layout_of(name, False)["units"]) <= 70, name


def test_number_read_twice_arrives_twice():
    x = Tensor(3.0, requires_grad=True, name="x")
    layout = laid_out(Graph(x * x, backward=True))
    assert [(edge["position"], len(edge["back"])) for edge in layout["edges"]] == [(0, 3), (1, 3)]


def test_same_data_give_the_same_layout(layout_of, graphs):
    assert laid_out(graphs["attention"]) == layout_of("attention", False)
