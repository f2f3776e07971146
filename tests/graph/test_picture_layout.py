"""Graphviz's layout of eight networks: where their nodes end up."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.graph.networks import losses
from tests.snapshots import assert_as_kept
from tinygrad_mnist.graph import Graph, to_dot
from tinygrad_mnist.graph.folding import fold_repeats, readable

pytestmark = [
    pytest.mark.skipif(
        shutil.which("dot") is None, reason="Graphviz is not installed (apt install graphviz)"
    ),
    pytest.mark.filterwarnings("ignore:.*too many to read"),
]
SNAPSHOTS = Path(__file__).parent / "snapshots" / "networks"
NETWORKS = ("attention", "residual", "tied", "autoencoder", "lenet", "recurrent", "deep", "long")


@pytest.fixture(scope="module")
def graphs():
    return {name: Graph(loss, backward=True) for name, loss in losses().items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_drawn_as_kept(graphs, name):
    text = to_dot(readable(graphs[name]))
    text = re.sub(r'= [^"\\]*', "= …", text)  # numbers, their widths and colours differ between machines
    text = re.sub(r'penwidth=\S+ color="#\w+"|width=0\.\d+ color="#\w+"|legend\d \[label="[^"]*"', "…", text)
    assert_as_kept(SNAPSHOTS / f"{name}.dot", text)


def places(graph):
    """The centre of each node by its name in the DOT, in inches from the lower left corner."""
    lines = subprocess.run(
        ["dot", "-Tplain"], input=to_dot(graph).encode(), capture_output=True, check=True
    ).stdout.decode()
    words = [line.split() for line in lines.splitlines() if line.startswith("node ")]
    return {word[1]: (float(word[2]), float(word[3])) for word in words}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_node_is_below_what_it_is_computed_from(graphs, name):
    graph = readable(graphs[name])
    at = places(graph)
    for edge in graph.edges:
        source, target = graph.positions[edge.source], graph.positions[edge.target]
        start = at.get(f"n{source}r{target}", at[f"n{source}"])
        assert start[1] > at[f"n{target}"][1], (edge.source, edge.target)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_of_an_op_is_at_its_right(graphs, name):
    graph = readable(graphs[name])
    at = places(graph)
    for k, node in enumerate(graph.nodes):
        if node.op is not None and f"g{k}" in at:
            assert at[f"g{k}"][1] == pytest.approx(at[f"n{k}"][1], abs=0.02)
            assert at[f"g{k}"][0] > at[f"n{k}"][0], node.name


@pytest.mark.parametrize("name", ["residual", "autoencoder", "lenet", "recurrent", "deep"])
def test_the_path_of_the_data_runs_straight_down(graphs, name):
    graph = readable(graphs[name])
    at = places(graph)
    last = graph.nodes[-1]
    column = []
    while last.op is not None:  # up along the longest way, which for these is the last computed input
        column.append(at[f"n{graph.positions[last.name]}"][0])
        computed = [x for x in last.inputs if x in graph.by_name and graph.by_name[x].op is not None]
        if not computed:
            break
        last = graph.by_name[max(computed, key=graph.positions.__getitem__)]
    column.pop()  # to the first op two ways may be equally long
    assert max(column) - min(column) < 0.1


def test_the_calls_of_a_cell_stand_in_the_order_of_time(graphs):
    graph = graphs["recurrent"].collapsed(2)
    at = places(graph)
    heights = [at[f"n{k}"][1] for k, node in enumerate(graph.nodes) if node.title.startswith("Cell")]
    assert len(heights) == 10
    assert heights == sorted(heights, reverse=True)


def test_a_weight_that_ten_calls_read_has_no_fan_of_arrows(graphs):
    text = to_dot(graphs["recurrent"])
    weight = graphs["recurrent"].positions["cell.from_x.weight"]
    assert sum(line.strip().startswith(f"n{weight} -> ") for line in text.splitlines()) == 1
    assert text.count('[label="cell.from_x.weight"') == 9
    assert text.count('[label="+ ∂ cell.from_x.weight"') == 9


def test_calls_that_repeat_fold_into_one_box(graphs):
    folded = fold_repeats(graphs["recurrent"].collapsed(2))
    assert [node.title for node in folded.nodes] == [
        "h", "x[0…9]", "Cell[cell] × 10", "target", "CrossEntropyLoss",
    ]  # fmt: skip
    cells = folded.by_name["Unrolled/Cell[cell] × 10"]
    assert cells.inputs == ("x[0…9]", "h")
    assert cells.parameters == 4 * 3 + 4 + 4 * 4 + 4
    assert cells.gradient == graphs["recurrent"].by_name["tanh_40"].gradient


@pytest.mark.parametrize(("name", "most"), [("deep", 63), ("long", 41)])
def test_a_large_network_is_folded(graphs, name, most):
    assert len(readable(graphs[name]).nodes) <= most
