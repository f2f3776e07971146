"""Values without a dtype of their own (Python numbers, lists, integers) take that of what they meet."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.autodiff.cases import CASES, arrays_for
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.errors import DTypeError

F32 = np.float32
PAIRS = [case for case in CASES if len(case.shapes) > 1 or case.broadcast > 1]


@pytest.fixture
def default_dtype():
    before = tm.get_default_dtype()
    yield
    tm.set_default_dtype(before)


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.primitive)
@pytest.mark.parametrize("weak", [0, 1])
def test_op_converts_lists_to_the_dtype_of_the_other_input(case, weak):
    arrays = arrays_for(case, case.shapes or ((2, 3),) * case.broadcast, np.random.default_rng(0), F32)
    lists = [x.tolist() if i == weak else x for i, x in enumerate(arrays)]
    tensors = [Tensor(x, requires_grad=True) for x in lists]
    expected = case.call(*(Tensor(x, requires_grad=True) for x in arrays))
    found = case.call(*tensors)
    assert found.dtype == expected.dtype == F32
    np.testing.assert_array_equal(found.data, expected.data)
    found.sum().backward()
    assert tensors[weak].grad.dtype == np.float64
    assert all(x.grad.dtype == F32 for x in tensors if not x.weak_dtype)


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.primitive)
@pytest.mark.parametrize("kind", [Tensor, np.asarray])
def test_op_takes_either_byte_order(case, kind):
    shapes = case.shapes or ((2, 3),) * case.broadcast
    first, *others = arrays_for(case, shapes, np.random.default_rng(0), F32)
    expected = case.call(Tensor(first), *others)
    found = case.call(Tensor(first.astype(">f4")), *(kind(x.astype(">f4")) for x in others))
    assert found.dtype == F32
    np.testing.assert_array_equal(found.data, expected.data)


@pytest.mark.parametrize("given", [[[1.0, 2.0]], [[1, 2]], np.array([[1, 2]]), [[True, False]]])
@pytest.mark.parametrize("compiled", [False, True])
def test_layer_takes_lists_and_integers_in_its_own_dtype(given, compiled):
    layer = nn.Linear(2, 3, rng=0)
    expected = layer(np.array(given, F32)).data
    call = tm.compile(layer) if compiled else layer
    for _ in range(3):
        found = call(Tensor(given))
        assert found.dtype == F32
        np.testing.assert_array_equal(found.data, expected)


LAYERS = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(2), [[1, 2], [3, 5]]),
    "LayerNorm": (lambda: nn.LayerNorm(2), [[1, 2]]),
    "RNN": (lambda: nn.RNN(2, 3, rng=0), [[[1, 2]]]),
    "LSTM": (lambda: nn.LSTM(2, 3, rng=0), [[[1, 2]]]),
    "Conv2d": (lambda: nn.Conv2d(1, 2, 2, rng=0), [[[[1, 2], [3, 4]]]]),
    "Sequential": (lambda: nn.Sequential(nn.Linear(2, 3, rng=0), nn.GELU(), nn.LayerNorm(3)), [[1, 2]]),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("compiled", [False, True])
def test_every_layer_with_weights_takes_lists_and_integers(name, kind, compiled):
    make, values = LAYERS[name]
    given = Tensor(np.array(values, kind).tolist())
    expected, layer = make()(np.array(values, F32)), make()
    found = (tm.compile(layer) if compiled else layer)(given)
    found, expected = (x[0] if isinstance(x, tuple) else x for x in (found, expected))
    assert found.dtype == F32
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tensor(2.0),
        lambda: Tensor(np.float64(2)),
        lambda: Tensor([]),
        lambda: Tensor(([1.0], [2.0])),
        lambda: Tensor([1, 2]) / 16,
        lambda: Tensor(np.arange(3)).mean(),
        lambda: ops.exp(Tensor([1.0]) * 2 + Tensor([3])),
        lambda: ops.stack([Tensor([1.0]), Tensor([2])]),
        lambda: Tensor([1.0], requires_grad=True)[0],
        lambda: Tensor([1.0]).detach(),
        lambda: Tensor(Tensor([1.0])),
        lambda: copy.deepcopy(Tensor([1.0], requires_grad=True) * 2),
        lambda: pickle.loads(pickle.dumps(Tensor([1.0]))),
        lambda: tm.compile(lambda x: x * 2)(Tensor([1.0])),
    ],
)
def test_unchosen_dtype_yields_to_a_chosen_one(make):
    x = make()
    assert (x.dtype, x.weak_dtype) == (np.float64, True)
    assert (x * np.ones(x.shape, F32)).dtype == F32


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ones(2),
        lambda: Tensor(np.ones(2)),
        lambda: Tensor([np.ones(2)]),
        lambda: Tensor([1.0, 2.0], dtype=np.float64),
        lambda: Tensor([1.0, 2.0]).astype(np.float64),
        lambda: Tensor([1.0, 2.0]) * np.ones(2),
        lambda: Tensor(np.ones(2)) / 3,
        lambda: tm.compile(lambda x: x * 2)(np.ones(2)),
    ],
)
def test_chosen_dtype_is_kept(make):
    with pytest.raises(DTypeError, match=r"would mix dtypes: .*write \.astype\(np\.float32\)"):
        Tensor(np.ones(2, F32)) * make()


def test_two_chosen_dtypes_beside_a_list_are_refused():
    inputs = Tensor([1.0]), Tensor(np.ones(1, F32)), Tensor(np.ones(1))
    with pytest.raises(DTypeError, match="would mix dtypes"):
        ops.concatenate(inputs)


def test_program_for_lists_is_not_used_for_arrays():
    compiled = tm.compile(nn.Linear(2, 3, rng=0))
    for _ in range(3):
        compiled(Tensor([[1.0, 2.0]]))
    with pytest.raises(DTypeError, match="the input is float64"):
        compiled(Tensor(np.array([[1.0, 2.0]])))


def test_parameter_of_python_numbers_learns_with_float32():
    x = np.linspace(-1, 1, 20, dtype=F32)
    slope = Tensor(0.0, requires_grad=True)
    optimizer = tm.optim.SGD([slope], lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        ((slope * x - 3 * x) ** 2).mean().backward()
        optimizer.step()
    assert slope.item() == pytest.approx(3, abs=1e-5)


def test_layers_get_the_default_dtype(default_dtype):
    tm.set_default_dtype("float64")
    assert tm.get_default_dtype() == np.float64
    assert {p.dtype for p in nn.Linear(2, 3).parameters()} == {np.dtype(np.float64)}
    assert nn.Linear(2, 3, dtype=F32).weight.dtype == F32
    assert nn.Linear(2, 1)(Tensor([[1.0, 2.0]])).dtype == np.float64


def test_recipes_and_estimators_choose_their_dtypes_themselves(default_dtype):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    tm.set_default_dtype(np.float16)
    assert nn.perceptron((3, 2)).state_dict()["0.weight"].dtype == np.float16
    assert {p.dtype for p in tm.training.Recipe().build_model((2, 2), 3).parameters()} == {np.dtype(F32)}
    network = tm.estimator.NeuralNetwork(hidden=(2,), epochs=1).fit(np.eye(4), np.array([0, 1, 0, 1]))
    assert {p.dtype for p in network.model_.parameters()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("dtype", [int, None, np.complex128, "words", 32])
def test_default_dtype_that_is_not_floating_point_is_refused(dtype):
    with pytest.raises(TypeError, match=r"expected a floating-point dtype; write np\.float32"):
        tm.set_default_dtype(dtype)
    assert tm.get_default_dtype() == F32
