"""`manual_seed` sets what is random where no `rng` is given."""

import copy
import gc
import threading

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.program import compile

X = np.ones((4, 50), np.float32)
KINDS = {
    "Linear": lambda: nn.Linear(3, 2).weight.data,
    "initializer": lambda: nn.init.normal()((3, 2), None),
    "Dropout": lambda: np.asarray(nn.Dropout()(X)),
    "two layers": lambda: np.concatenate([nn.Linear(3, 2).weight.data for _ in range(2)]),
}


@pytest.fixture(autouse=True)
def fresh_afterwards(monkeypatch):
    monkeypatch.setattr("tinygrad_mnist.seeding._seed", None)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_same_seed_gives_the_same_numbers(make):
    found = []
    for seed in (0, 0, 1, None):
        if seed is not None:
            tm.manual_seed(seed)
        found.append(make())
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert not np.array_equal(found[2], found[3])  # goes on where it was


def test_layers_made_after_a_seed_differ_from_each_other():
    tm.manual_seed(0)
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    assert not np.array_equal(first.weight.data, second.weight.data)


@pytest.mark.parametrize("backend", ["plain", "numpy", "native"])
def test_existing_dropout_restarts_its_masks(backend):
    if backend == "native":
        pytest.importorskip("numba")
    layers = [nn.Dropout(), nn.Dropout()]

    def masks(x):
        return layers[0](x) + 2 * layers[1](x)

    call = masks if backend == "plain" else compile(masks, backend=backend)
    call(Tensor(X)), call(Tensor(X))
    found = []
    for _ in range(2):
        tm.manual_seed(5)
        found.append([np.array(call(Tensor(X)).data) for _ in range(3)])
        nn.Dropout(), gc.collect()  # what is made or dropped in between changes nothing
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(found[0][0], found[0][1])
    assert set(np.unique(found[0])) == {0.0, 2.0, 4.0, 6.0}  # the two layers draw apart from each other


def test_layer_with_its_own_seed_is_not_affected():
    ours, theirs = nn.Dropout(rng=3), nn.Dropout(rng=3)
    tm.manual_seed(0)
    np.testing.assert_array_equal(ours(X), theirs(X))
    generator = np.random.default_rng(3)
    layer = nn.Dropout(rng=generator)
    before = generator.bit_generator.state
    tm.manual_seed(1)
    assert layer.rng is generator
    assert generator.bit_generator.state == before


def test_copied_dropout_keeps_its_position():
    layer = nn.Dropout()
    layer(X)
    twin = copy.deepcopy(layer)
    np.testing.assert_array_equal(layer(X), twin(X))


def test_threads_may_draw_and_seed_at_once():
    def work():
        for seed in range(30):
            tm.manual_seed(seed)
            assert np.asarray(nn.Dropout()(X)).shape == X.shape

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_seed_other_than_a_whole_number_is_refused(seed):
    with pytest.raises((TypeError, ValueError), match=r"seed is .*: expected a whole number >= 0"):
        tm.manual_seed(seed)
