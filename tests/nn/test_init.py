"""Initial values have the spread that their sources prescribe."""

import math

import numpy as np
import pytest

from tinygrad_mnist import nn
from tinygrad_mnist.errors import ShapeError

OUT, IN = 400, 300
# name: (initializer, standard deviation, bound)
SPREADS = {
    "normal": (nn.init.normal(0.1), 0.1, math.inf),
    "uniform": (nn.init.uniform(0.3), 0.3 / math.sqrt(3), 0.3),
    "xavier_normal": (nn.init.xavier_normal(2), 2 * math.sqrt(2 / (OUT + IN)), math.inf),
    "xavier_uniform": (nn.init.xavier_uniform(), math.sqrt(2 / (OUT + IN)), math.sqrt(6 / (OUT + IN))),
    "kaiming_normal": (nn.init.kaiming_normal(), math.sqrt(2 / IN), math.inf),
    "kaiming_uniform": (nn.init.kaiming_uniform(1), math.sqrt(1 / IN), math.sqrt(3 / IN)),
    "zeros": (nn.init.zeros, 0, 0),
}


@pytest.mark.parametrize(("initializer", "std", "bound"), SPREADS.values(), ids=SPREADS)
def test_initial_values_have_the_prescribed_spread(initializer, std, bound):
    values = initializer((OUT, IN), np.random.default_rng(0))
    assert (values.shape, values.dtype) == ((OUT, IN), np.float64)
    assert values.std() == pytest.approx(std, rel=0.01)
    assert abs(values.mean()) <= 0.012 * std  # four standard errors
    assert abs(values).max() <= bound


@pytest.mark.parametrize(
    ("initializer", "value"), [(nn.init.zeros, 0), (nn.init.ones, 1), (nn.init.constant(2), 2)]
)
def test_initial_values_of_one_number_are_float64(initializer, value):
    values = initializer((OUT, IN), None)
    assert (values.shape, values.dtype) == ((OUT, IN), np.float64)
    assert (values == value).all()


def test_linear_starts_with_the_distribution_of_pytorch():
    layer = nn.Linear(100, 2000, rng=np.random.default_rng(0))
    for parameter in layer.parameters():  # uniform within 1 / sqrt(fan-in), the bias too
        assert parameter.dtype == np.float32
        assert 0.099 < abs(parameter.data).max() <= 0.1 + 1e-8
        assert parameter.data.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.05)


def test_linear_takes_initializers_and_repeats_with_its_seed():
    first, second = (
        nn.Linear(3, 2, weight_init=nn.init.normal(), bias_init=nn.init.zeros, rng=np.random.default_rng(5))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.weight.data, second.weight.data)
    assert not first.bias.data.any()


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ("zero", "nn.init.zeros"), ("xavier_unifrom", "nn.init.xavier_uniform()"),
        ("Normal", "nn.init.normal("),
        ("glorot_normal", "nn.init.xavier_normal()"), ("qqq", "nn.init.xavier_uniform()"),
        (3, "nn.init.xavier_uniform()"), (nn.init.uniform, "nn.init.uniform("),
    ],
)  # fmt: skip
@pytest.mark.parametrize("argument", ["weight_init", "bias_init"])
def test_non_initializer_is_refused_with_an_example(argument, given, instead):
    with pytest.raises(TypeError) as caught:
        nn.Linear(3, 2, **{argument: given})
    assert argument in str(caught.value)
    assert instead in str(caught.value)


@pytest.mark.parametrize(
    ("initializer", "value"),
    [
        (nn.init.zeros, 0),
        (nn.init.zeros(), 0),
        (nn.init.ones, 1),
        (nn.init.ones(), 1),
        (nn.init.constant(0.5), 0.5),
    ],
)
@pytest.mark.parametrize("argument", ["weight_init", "bias_init"])
def test_zeros_and_ones_are_accepted_with_and_without_a_call(argument, initializer, value):
    layer = nn.Linear(3, 2, **{argument: initializer})
    assert (getattr(layer, argument.removesuffix("_init")).data == value).all()


@pytest.mark.parametrize(
    "factory",
    [nn.init.xavier_uniform, nn.init.xavier_normal, nn.init.kaiming_uniform, nn.init.kaiming_normal],
)
def test_initializer_with_fans_is_refused_for_a_bias(factory):
    with pytest.raises(ShapeError, match=r"shape is \(2,\): expected \(fan-out, fan-in\).*nn\.init\.zeros"):
        nn.Linear(3, 2, bias_init=factory())


def test_initial_values_may_be_a_list_of_the_right_shape():
    layer = nn.Linear(2, 1, weight_init=lambda shape, rng: [[1, 2]], bias_init=lambda shape, rng: (3,))
    assert (layer.weight.data.tolist(), layer.bias.data.tolist()) == ([[1, 2]], [3])
    assert layer.weight.dtype == np.float32


@pytest.mark.parametrize(
    "make",
    [
        *(nn.init.normal, lambda: nn.init.uniform(0.5), nn.init.xavier_uniform, nn.init.xavier_normal),
        *(nn.init.kaiming_uniform, nn.init.kaiming_normal),
    ],
)
def test_an_initializer_takes_a_seed_as_a_generator(make):
    one, same, other = (make()((3, 4), rng) for rng in (7, np.random.default_rng(7), 8))
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()
    assert type(one) is np.ndarray


def test_each_factory_has_its_default():
    """The spread is 1 for all but kaiming, whose gain is that of relu."""
    for make, std in (
        (nn.init.normal, 1.0),
        (nn.init.xavier_uniform, math.sqrt(2 / 500)),
        (nn.init.xavier_normal, math.sqrt(2 / 500)),
        (nn.init.kaiming_uniform, math.sqrt(2 / 200)),
        (nn.init.kaiming_normal, math.sqrt(2 / 200)),
    ):
        assert make()((300, 200), 0).std() == pytest.approx(std, rel=0.02)
