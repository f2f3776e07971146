"""Modules find, save, load and show their parts."""

import copy
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.errors import CheckpointError


class Zoo(nn.Module):
    """Every way to hold a part: attribute, list, dict, nested, shared."""

    def __init__(self):
        self.zeta = nn.Parameter([1.0])
        self.towers = [nn.Linear(2, 2, bias=False), {"b": nn.Linear(2, 1), "a": nn.Parameter([2.0])}]
        self.inner = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Dropout(0.5)))
        self.again = self.towers[0]
        self.tied = self.zeta
        self.alpha = nn.Parameter([3.0, 4.0])
        self.note = "no part"
        self.constant = Tensor([5.0])


NAMES = ["zeta", "towers.1.a", "alpha", "towers.0.weight", "towers.1.b.weight", "towers.1.b.bias"]
NAMES += ["inner.0.weight", "inner.0.bias"]


def perceptron():
    return nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10))


def test_parameters_are_found_once_in_order_of_definition():
    zoo = Zoo()
    assert [name for name, _ in zoo.named_parameters()] == NAMES
    assert len(list(zoo.parameters())) == len(NAMES)
    assert zoo.num_parameters() == 1 + 1 + 2 + 4 + 2 + 1 + 1 + 1


def test_names_do_not_depend_on_the_hash_seed():
    code = "from tests.nn.test_module import Zoo; print(*Zoo().state_dict())"
    for seed in "1", "2":
        result = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert result.stdout.split() == NAMES


def test_saved_state_is_restored_in_another_model():
    one, other = Zoo(), Zoo()
    state = one.state_dict()
    other.load_state_dict(state)
    for name, values in other.state_dict().items():
        np.testing.assert_array_equal(values, state[name])
    state["alpha"][:] = 9
    assert one.alpha.data.tolist() == other.alpha.data.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": None}, "missing: alpha; unknown: none"),
        ({"beta": np.ones(1)}, "missing: none; unknown: beta"),
        ({"alpha": np.ones(3)}, r"alpha has shape \(3,\) .* \(2,\) here"),
        ({"alpha": np.array([1, np.nan])}, "alpha holds NaN or infinity"),
    ],
)
def test_unfitting_state_is_refused_and_changes_nothing(change, message):
    zoo = Zoo()
    before = zoo.state_dict()
    state = {name: values + 1 for name, values in before.items()} | change
    with pytest.raises(CheckpointError, match=message):
        zoo.load_state_dict({name: values for name, values in state.items() if values is not None})
    for name, values in zoo.state_dict().items():
        np.testing.assert_array_equal(values, before[name])


def test_train_and_eval_reach_every_module_below():
    zoo = Zoo()
    assert zoo.eval() is zoo
    assert not any(module.training for module in zoo.modules())
    assert len(list(zoo.modules())) == 7
    zoo.train()
    assert all(module.training for module in zoo.modules())


def test_zero_grad_clears_all_gradients():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model(np.ones((1, 2), np.float32)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_results_have_scopes_and_parameters_have_names():
    class Net(nn.Module):
        def __init__(self):
            self.body = nn.Sequential(nn.Linear(2, 2), nn.Tanh())

        def forward(self, x):
            return self.body(x) * 2

    output = Net()(np.ones((1, 2), np.float32))
    tanh = output.inputs[0]
    linear = tanh.inputs[0]
    scopes = [value.scope for value in (output, tanh, linear)]
    assert scopes == ["Net", "Net/Sequential[body]/Tanh[1]", "Net/Sequential[body]/Linear[0]"]
    assert [p.name for p in linear.inputs[1:]] == ["body.0.weight", "body.0.bias"]


def test_parameter_owns_its_array():
    array = np.zeros(2)
    nn.Parameter(array).data += 1
    assert array.tolist() == [0, 0]


def test_parameter_and_buffer_copy_what_is_assigned():
    given = np.ones((2, 3), np.float32)
    layer, norm = nn.Linear(3, 2), nn.BatchNorm1d(3)
    layer.weight.data = given
    norm.running_mean.data = given[0]
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    (layer(norm(np.array([[1, 2, 3], [3, 2, 2]], np.float32))) ** 2).sum().backward()
    optimizer.step()
    assert np.array_equal(given, np.ones((2, 3)))
    assert not np.array_equal(layer.weight.data, given)


def test_model_repr_shows_its_layers():
    assert repr(nn.Sequential(nn.Linear(2, 1, bias=False), nn.Sequential(nn.Dropout(0.1), nn.Softmax()))) == (
        "Sequential(\n  (0): Linear(2, 1, bias=False)\n  (1): Sequential(\n"
        "    (0): Dropout(p=0.1)\n    (1): Softmax(dim=-1)\n  )\n)"
    )


def test_summary_counts_23860_parameters_for_784_30_10():
    summary = nn.summary(perceptron())
    assert summary.total == 23_860 == sum(row.parameters for row in summary.rows)
    assert [row.name for row in summary.rows] == ["0", "1", "2"]
    for text in ("Linear(784, 30)", "weight (10, 30), bias (10,)", "23,550", "23,860"):
        assert text in str(summary)
    assert "23,860" in perceptron()._repr_html_()


def test_summary_is_a_table_with_a_total():
    model = nn.Sequential(nn.Linear(2, 600, bias=False), nn.Tanh(), nn.Dropout(0.25))
    text = "\n".join(line.rstrip() for line in str(nn.summary(model)).splitlines())
    assert [line.split("│")[1:-1] for line in text.splitlines() if "│" in line] == [
        [" 0    ", " Linear(2, 600, bias=False) ", " weight (600, 2) ", "      1,200 "],
        [" 1    ", " Tanh()                     ", "                 ", "            "],
        [" 2    ", " Dropout(p=0.25)            ", "                 ", "            "],
        ["      ", "                            ", "                 ", "      1,200 "],
    ]
    page = model._repr_html_()
    cells = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", page)]
    assert page.startswith("<p><b>Sequential</b></p>")
    assert cells == [
        ["name", "layer", "shapes", "parameters"],
        ["0", "Linear(2, 600, bias=False)", "weight (600, 2)", "1,200"],
        ["1", "Tanh()", "", ""],
        ["2", "Dropout(p=0.25)", "", ""],
        ["", "", "", "1,200"],
    ]


def test_summary_names_each_nested_layer_once():
    assert [row.name for row in nn.summary(nn.Linear(1, 1)).rows] == ["-"]
    zoo = Zoo()
    zoo.own = nn.Sequential()
    assert [row.name for row in nn.summary(zoo).rows] == [
        "-", "towers.0", "towers.1.b", "inner.0", "inner.1.0", "own",
    ]  # fmt: skip


def test_state_is_copied_both_ways_and_takes_the_models_dtype():
    model = nn.Linear(2, 1, dtype=np.float32)
    state = {"weight": np.array([[1.5, 2.5]]), "bias": np.array([0.5])}
    model.load_state_dict(state)
    assert model.weight.dtype == np.float32
    state["weight"][:] = 9
    model.state_dict()["bias"][:] = 9
    assert (model.weight.data.tolist(), model.bias.data.tolist()) == ([[1.5, 2.5]], [0.5])


def test_mode_of_one_module_stays_with_it():
    model = nn.Sequential(nn.Tanh(), nn.Dropout())
    model[1].eval()
    assert [module.training for module in model.modules()] == [True, True, False]
    assert model.train(False) is model
    assert [module.training for module in model.modules()] == [False] * 3


def test_each_of_several_gradients_is_cleared():
    model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    for parameter in model.parameters():
        parameter.grad = np.ones(parameter.shape, np.float32)
    model.zero_grad()
    assert [parameter.grad for parameter in model.parameters()] == [None] * 4


def test_sequential_behaves_as_a_sequence():
    first, second, third = nn.Tanh(), nn.ReLU(), nn.Sigmoid()
    model = nn.Sequential(first, second, third)
    assert (list(model), len(model), model[0], model[-1]) == ([first, second, third], 3, first, third)
    assert len(nn.Sequential()) == 0
    with pytest.raises(IndexError):
        model[3]


def test_html_is_escaped():
    class Hostile(nn.Module):
        def extra_repr(self):
            return "<script>"

    html = type("<script>", (nn.Sequential,), {})(Hostile())._repr_html_()
    assert html.count("&lt;script&gt;") == 2
    zoo = Zoo()
    zoo.towers.append({"<script>": nn.Tanh()})
    assert "&lt;script&gt;" in zoo._repr_html_()
    assert "<script>" not in html


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copied_model_computes_the_same_and_learns_separately(copied):
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    x = np.ones((4, 3), np.float32)
    model(x)
    twin = copied(model)
    np.testing.assert_array_equal(twin(x).data, model(x).data)
    (model(x) + 2 * twin(x)).sum().backward()
    np.testing.assert_allclose(twin[0].weight.grad, 2 * model[0].weight.grad)
