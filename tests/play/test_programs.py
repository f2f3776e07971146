"""The programs of a page against the network that they were captured from."""

import shutil

import numpy as np
import pytest

from tests.play.networks import flat, in_double
from tests.play.pages import bound, data_in, run_in_node
from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.play import Points, play, programs
from tinygrad_mnist.play.convolutions import convolutions_of, has_convolutions
from tinygrad_mnist.play.mistakes import mistakes_for
from tinygrad_mnist.play.network import network_of

RNG = np.random.default_rng(0)
POINTS = Points(
    "points",
    (RNG.normal(size=(20, 2)).astype(np.float32), RNG.integers(0, 3, 20).astype(np.uint8)),
    (RNG.normal(size=(5, 2)).astype(np.float32), RNG.integers(0, 3, 5).astype(np.uint8)),
    ("a", "b", "c"),
)
LR, MOMENTUM, BATCH = 0.3, 0.5, 4
LEFT_OUT = (nn.Flatten, nn.Identity, nn.Dropout, nn.Softmax)


MODELS = {
    "relu": nn.perceptron("2-5-4-3", nn.ReLU, rng=1),
    "tanh in float64": nn.perceptron("2-5-3", nn.Tanh, rng=1, dtype=np.float64),
    "quadratic": nn.perceptron("2-5-3", nn.Sigmoid, final_activation=nn.Sigmoid, rng=1, dtype=np.float16),
    "no bias": nn.perceptron("2-4-3", nn.Softplus, bias=False, rng=1),
    "no hidden layer": nn.perceptron("2-3", rng=1),
    "nested, with dropout and softmax": nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(2, 5, rng=1), nn.GELU(), nn.Dropout(0.5)),
        nn.Identity(),
        nn.Linear(5, 4, rng=2),
        nn.SiLU(),
        nn.Linear(4, 3, rng=3),
        nn.Softmax(),
    ),
    "other activations": nn.Sequential(
        nn.Linear(2, 5, rng=1), nn.LeakyReLU(), nn.Linear(5, 5, rng=2), nn.ELU(), nn.Linear(5, 3, rng=3)
    ),
}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize("name", MODELS)
def test_programs_in_node_give_what_the_model_gives(name):
    model = MODELS[name]
    html = play(model, POINTS, lr=LR, momentum=MOMENTUM, batch_size=BATCH).html
    layers = [layer for layer in flat(in_double(model)) if not isinstance(layer, LEFT_OUT)]
    examples = [(x.astype(np.float64), y.astype(np.int64)) for x, y in (POINTS.test, POINTS.train)]
    arrays = assert_programs_agree(html, layers, *examples, is_quadratic=name == "quadratic")
    assert list(arrays) == [name for name, _ in model.named_parameters()]


def assert_programs_agree(html, layers, test, train, is_quadratic=False):
    """Assert that the programs of a page give what Python gives; return the arrays after five steps.

    The layers are in float64, and are trained here.
    """
    x, label, batch, labels = test[0][:1], test[1][:1], train[0][:BATCH], train[1][:BATCH]

    def given(examples, classes):
        targets = np.eye(len(data_in(html)["classes"]))[classes] if is_quadratic else classes
        return [examples.ravel().tolist(), targets.ravel().tolist()]

    calls = [["look", given(x, label)[:1], []], ["loss", given(x, label), []], ["blame", given(x, label), []]]
    calls += 5 * [["step", given(batch, labels), [MOMENTUM, LR]]]
    (look, value, blame, *losses), arrays = run_in_node(html, calls)

    loss = nn.QuadraticLoss() if is_quadratic else nn.CrossEntropyLoss()
    given_x = Tensor(x, requires_grad=True)
    values, output = [], given_x
    for layer in layers:
        output = layer(output)
        output.retain_grad()
        values.append(output)
    total = loss(output, label)
    total.backward()
    answer = output if is_quadratic else ops.softmax(output)
    parameters = [parameter for layer in layers for parameter in layer.parameters()]
    close(look, [answer.data, *(each.data for each in values)])
    close([value], [total.data])
    gradients = [each.grad.data for each in (*values, given_x, *parameters)]
    close(blame, [total.data, answer.data, *(each.data for each in values), *gradients])

    optimizer = optim.SGD(parameters, lr=LR, momentum=MOMENTUM)
    model, expected = nn.Sequential(*layers), []
    for _ in range(5):
        optimizer.zero_grad()
        total = loss(model(batch), labels)
        total.backward()
        optimizer.step()
        expected.append(total.data)
    close(losses, expected)
    known = {name: array for name, array in arrays.items() if not name.startswith("v_")}
    close(list(known.values())[: len(parameters)], [parameter.data for parameter in parameters])
    return known


def close(found, expected):
    assert len(found) == len(expected)
    for some, other in zip(found, expected):
        np.testing.assert_allclose(np.ravel(some), np.ravel(other), rtol=1e-11, atol=1e-12)


def readers():
    """Networks on the digits that have each planted mistake."""
    for activation in (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softplus):
        yield nn.perceptron("64-16-10", activation, rng=0)
    yield nn.perceptron("64-10", rng=0)
    yield nn.perceptron("64-16-10", nn.Sigmoid, final_activation=nn.Sigmoid, rng=0)
    layers = nn.Conv2d(1, 6, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 10, rng=1)
    yield nn.Sequential(*layers)


def shown(model):
    """The network of a page."""
    return convolutions_of(model, None, (8, 8)) if has_convolutions(model) else network_of(model, None)


CASES = [
    pytest.param(model, mistake, id=f"{shown(model)} {mistake.id}")
    for model in readers()
    for mistake in mistakes_for(shown(model))
]


@pytest.mark.parametrize(("model", "mistake"), CASES)
def test_mistake_is_caught_by_a_check_and_its_loss_falls(model, mistake, digits):
    network = shown(model)
    captured = programs.captured(network, 16, 0.05, [mistake])
    images, labels = (
        digits.train.images.reshape(-1, 64).astype(np.float64),
        digits.train.labels.astype(np.int64),
    )
    targets = labels if network.takes_logits else np.eye(10)[labels]
    blame, states = bound(captured["blame"])
    wrong, _ = bound(captured[f"blame:{mistake.id}"])
    by_name = {state.name: array for state, array in zip(captured["blame"].states, states)}
    arrays = [by_name[name] for name, _ in network.layers.named_parameters()]
    count, layers = len(arrays), len(network.layers)
    assert len(captured[f"blame:{mistake.id}"].recording.outputs) == 3 + 2 * layers + count
    right_slopes, wrong_slopes = (run(images[:1], targets[:1])[-count:] for run in (blame, wrong))
    caught, at = max(
        (
            (abs(a - b).max(), (i, int(abs(a - b).argmax())))
            for i, (a, b) in enumerate(zip(right_slopes, wrong_slopes))
        ),
    )
    numeric = slope(blame, arrays[at[0]], at[1], (images[:1], targets[:1]))
    assert right_slopes[at[0]].flat[at[1]] == pytest.approx(numeric, rel=1e-5)
    assert caught > 0.05 * abs(numeric)

    step, _ = bound(captured[f"step:{mistake.id}"])
    order = np.random.default_rng(0).permutation(len(images))[: 16 * 70].reshape(-1, 16)
    losses = [float(step(images[rows], targets[rows], 0.9, 0.05)) for _ in range(4) for rows in order]
    assert np.mean(losses[-20:]) < 0.95 * np.mean(losses[:20])


def slope(blame, array, index, given, h=1e-5):
    """(L+ - L-) / 2h of one weight."""
    sides = []
    for sign in (1, -1):
        array.flat[index] += sign * h
        sides.append(float(blame(*given)[0]))
        array.flat[index] -= sign * h
    return (sides[0] - sides[1]) / (2 * h)


def test_every_network_has_three_to_five_mistakes():
    for model in (*readers(), *MODELS.values()):
        names = [mistake.id for mistake in mistakes_for(shown(model))]
        assert 3 <= len(names) <= 5
        assert len(set(names)) == len(names)
