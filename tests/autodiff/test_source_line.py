"""The place of an op: the first line outside the package, the reader's own."""

import subprocess
import sys
import sysconfig

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.checking import check_gradients, wrong_rules
from tinygrad_mnist.errors import DivergenceError
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.nn import functional
from tinygrad_mnist.training import fit

X = np.array([[0.3, 0.7], [0.2, 0.9]])


def leaf():
    return Tensor(X, requires_grad=True)


class Own(nn.Module):
    def forward(self, x):
        return ops.sin(x)  # here


class Extended(nn.Sigmoid):
    def forward(self, x):
        return super().forward(x)  # here


def second_derivative():
    x = leaf()
    (g,) = tm.autograd.grad((x**3).sum(), [x], create_graph=True)  # here
    return g


def second_derivative_by_transform():
    return ops.sum(tm.grad(lambda w: (w**3).sum())(leaf()) ** 2)  # here


def linear_and_loss():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Sequential(nn.Tanh()))
    return nn.CrossEntropyLoss()(model(X.astype(np.float32)), np.array([0, 1]))  # here


def recurrent():
    return nn.LSTM(2, 3, rng=0)(X[None].astype(np.float32))[0]  # here


WAYS = {
    "an op": lambda: ops.exp(leaf()),  # here
    "an operator": lambda: leaf() * 2.0,  # here
    "a reflected operator": lambda: 2.0 - leaf(),  # here
    "a comparison of NumPy": lambda: np.maximum(leaf(), 0.5),  # here
    "a method": lambda: leaf().sum(axis=0),  # here
    "a function of NumPy": lambda: np.tanh(leaf()),  # here
    "a composition of ops": lambda: np.linalg.norm(leaf()),  # here
    "a functional": lambda: functional.mse_loss(leaf(), X),  # here
    "another functional": lambda: functional.gelu(leaf()),  # here
    "a module": lambda: nn.GELU()(leaf()),  # here
    "nested modules and a loss": linear_and_loss,
    "a recurrent layer": recurrent,
    "a module of one's own": lambda: nn.Sequential(Own())(leaf()),
    "a module that extends a layer": lambda: Extended()(leaf()),
    "a second derivative": second_derivative,
    "a second derivative by a transform": second_derivative_by_transform,
    "a map": lambda: sum(map(ops.sum, [leaf(), leaf()])),  # here
}


@pytest.mark.parametrize("way", WAYS)
def test_place_of_each_op_is_the_line_that_led_to_it(way):
    nodes = [node for node in Graph(WAYS[way]()).nodes if node.kind == "op"]
    assert nodes
    for node in nodes:
        assert node.line.startswith("test_source_line.py:"), node
        assert node.line.endswith("# here"), node


def test_place_of_a_compiled_op_is_the_line_of_the_function():
    lines = []

    weight = leaf()

    @tm.compile
    def step(x):
        y = ops.sum(weight * x)  # here
        lines.append(y._origin())
        return y

    step(X)
    assert lines
    assert all(line.endswith("# here") for line in lines)


def network():
    return nn.Sequential(nn.Linear(2, 3, rng=0), nn.Sigmoid(), nn.Linear(3, 2, rng=1))


def places_of(report):
    return [finding.where for finding in report.findings]


def test_place_of_a_checked_network_is_the_line_of_the_check():
    batch = X.astype(np.float32), np.array([0, 1])
    with wrong_rules.sigmoid_of_the_output:
        report = check_gradients(network(), nn.CrossEntropyLoss(), batch)  # here
    assert report.findings
    assert all(place.endswith("# here") for place in places_of(report))


def test_place_in_a_function_is_its_own_line_when_it_is_checked():
    def f(x):
        return ops.sum(ops.sigmoid(x))  # here

    with wrong_rules.sigmoid_of_the_output:
        report = check_gradients(f, X)
    assert [place.endswith("# here") for place in places_of(report)] == [True]


@pytest.mark.parametrize("options", [{}, {"backend": "eager"}, {"detect_anomaly": True}])
def test_place_in_a_training_is_the_line_that_started_it(options):
    model = nn.Linear(2, 1, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=1e30)
    data = np.ones((64, 2), np.float32), np.ones((64, 1), np.float32)
    with pytest.raises(DivergenceError) as caught:
        fit(model, nn.MSELoss(), optimizer, data, epochs=3, progress=False, **options)  # here
    (finding,) = (f for f in caught.value.findings if f.name == "first-nan")
    assert finding.where.endswith("# here"), finding.where


def test_place_is_the_readers_line_behind_installed_code_that_calls_the_package():
    """A tool such as a grid search stands between the reader and the training."""
    path = sysconfig.get_path("purelib") + "/a_tool.py"
    tool = {"check": check_gradients}
    exec(compile("def run(*arguments): return check(*arguments)", path, "exec"), tool)
    batch = X.astype(np.float32), np.array([0, 1])
    with wrong_rules.sigmoid_of_the_output:
        report = tool["run"](network(), nn.CrossEntropyLoss(), batch)  # here
    assert [place.endswith("# here") for place in places_of(report)] == [True]


def test_place_in_installed_code_that_runs_ops_is_its_own_line():
    path = sysconfig.get_path("purelib") + "/a_library.py"
    library = {"ops": ops}
    exec(compile("def run(x): return ops.sin(x)", path, "exec"), library)
    assert "a_library.py:1" in library["run"](leaf())._origin()


def test_place_in_a_command_is_the_line_of_the_layer():
    command = ["-m", "tinygrad_mnist", "gradcheck", "--break", "sigmoid-of-the-output", "--dataset", "digits"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "activations.py:" in done.stdout
    assert "runpy" not in done.stdout
