"""The exported strategies, and the proof that a test made of them can fail."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from tinygrad_mnist import Tensor, nn, ops, primitive
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking import assert_op, check_gradients
from tinygrad_mnist.checking import strategies as own
from tinygrad_mnist.checking.strategies import BINARY, UNARY, Expression

once = settings(max_examples=30, phases=[Phase.generate], derandomize=True, database=None)


# Shapes and arrays


@given(own.broadcastable_shapes(3))
def test_drawn_shapes_broadcast(shapes):
    assert len(shapes) == 3
    assert np.broadcast_shapes(*shapes) is not None
    assert all(side >= 1 for shape in shapes for side in shape)


@given(own.operands(3))
def test_operands_broadcast_and_are_well_conditioned(operands):
    np.broadcast_arrays(*operands)
    assert_well_conditioned(operands, -2, 2)


@given(st.data(), st.floats(-3, 3), st.floats(0.1, 5))
def test_operands_of_given_shapes_and_bounds(data, low, width):
    operands = data.draw(own.operands((2, 3), (), (4,), low=low, high=low + width))
    assert [x.shape for x in operands] == [(2, 3), (), (4,)]
    assert_well_conditioned(operands, low, low + width)


def assert_well_conditioned(operands, low, high):
    values = np.concatenate([x.ravel() for x in operands])
    gap = (high - low) / (len(values) + 5) / 10
    assert ((low < values) & (values < high)).all()
    assert (np.diff(np.sort(values)) > gap).all()
    assert (np.abs(values[:, None] - [-1, 0, 1]) > gap).all()
    assert all(x.dtype == np.float64 for x in operands)


@given(own.tensors((2,), (3, 1)))
def test_drawn_tensors_require_gradients(tensors):
    assert all(isinstance(t, Tensor) and t.requires_grad for t in tensors)
    assert [t.shape for t in tensors] == [(2,), (3, 1)]


@pytest.mark.parametrize("asked", [(), (2, (3,)), ("3",)])
def test_unclear_inputs_of_operands_are_refused(asked):
    with pytest.raises(ValueError, match="a number of arrays, or a shape for each"):
        once(given(own.operands(*asked))(lambda operands: None))()


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="low is 1: expected less than high, 0"):
        own.distinct_arrays([(2,)], np.random.default_rng(0), low=1, high=0)


# An op of one's own


@given(own.operands(2))
def test_right_op_passes(operands):
    assert_op(ops.multiply, *operands)


@given(own.operands((2, 3)), st.sampled_from([0, 1, None]))
def test_settings_reach_the_op(operands, axis):
    assert_op(ops.logsumexp, *operands, axis=axis)


@given(own.operands((3, 4)))
def test_labels_are_passed_on(operands):
    assert_op(ops.softmax_cross_entropy, *operands, np.array([3, 0, 1]))


@given(own.operands(1))
def test_softmax_of_one_number_is_skipped_as_untestable(operands):
    assert_op(ops.softmax, *(x[None] for x in operands), axis=-1)


@pytest.fixture
def own_op():
    """A primitive that is forgotten after the test."""
    before = dict(REGISTRY)
    yield primitive
    REGISTRY.clear()
    REGISTRY.update(before)


def failure(op, strategy, **options):
    """The message with which the three-line test of an op fails."""
    with pytest.raises(AssertionError) as raised:
        once(given(strategy)(lambda operands: assert_op(op, *operands, **options)))()
    return str(raised.value)


def test_wrong_rule_fails_and_is_named(own_op):
    @own_op
    def root_of_squares(a, b):
        return np.sqrt(a * a + b * b)

    root_of_squares.vjps(lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b)
    assert "order 1, wrong: b" in failure(root_of_squares, own.operands(2))
    root_of_squares.vjps(lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y)
    once(given(own.operands(2))(lambda operands: assert_op(root_of_squares, *operands)))()


def test_rule_not_differentiable_again_fails_in_second_order(own_op):
    @own_op
    def gaussian(x):
        return np.exp(-x * x)

    def frozen(value):
        return value._data if isinstance(value, Tensor) else value

    gaussian.vjps(lambda g, y, x: g * (-2 * frozen(x) * frozen(y)))
    assert "order 2, wrong: x" in failure(gaussian, own.operands(1))
    once(given(own.operands(1))(lambda operands: assert_op(gaussian, *operands, order=1)))()


def test_op_that_loses_float32_fails(own_op):
    @own_op
    def halved(x):
        return x * np.float64(0.5)

    halved.vjps(lambda g, y, x: g * 0.5)
    assert "halved does not keep float32" in failure(halved, own.operands((2,)))
    widened = failure(lambda x: ops.astype(x, np.float64), own.operands((2,)))
    assert "turns float32 into float64" in widened


def test_op_that_changes_its_inputs_fails(own_op):
    @own_op
    def doubled(x):
        x *= 2
        return x.copy()

    doubled.vjps(lambda g, y, x: g * 2)
    assert "doubled changes its inputs" in failure(doubled, own.operands((2,)))


def test_function_that_leaves_the_graph_fails():
    assert "nothing is recorded" in failure(lambda x: np.sin(np.asarray(_plain(x))), own.operands((2,)))


def _plain(x):
    return x.data if isinstance(x, Tensor) else x


def test_op_with_gradient_lost_in_rounding_fails():
    def hidden(x):
        return 1.0 + 1e-30 * ops.astype(x, np.float32 if x.dtype == np.float32 else np.float64)

    with pytest.raises(AssertionError, match="too small at these inputs"):
        assert_op(hidden, np.ones(2), order=1)
    with pytest.raises(HypothesisException):
        once(given(own.operands(1))(lambda operands: assert_op(hidden, *operands, order=1)))()


# Expressions and networks


@given(own.expressions(most_ops=12))
def test_expressions_are_checked_without_false_alarm(expression):
    report = check_gradients(expression, *expression.leaves())
    assert not report.wrong, f"{expression}\n{report}"


@given(own.expressions(most_ops=5, unary={"mine": lambda x: x * 0.5}))
def test_expression_repeats_its_value_and_prints_as_a_program(expression):
    assert expression(*expression.leaves()) == expression(*expression.leaves())
    lines = str(expression).splitlines()
    assert len(lines) == len(expression.shapes) + len(expression.steps) + 1


def test_own_op_is_drawn_into_expressions():
    drawn = set()
    mine = own.expressions(unary={"mine": ops.tanh}, binary={"ours": ops.add})
    once(given(mine)(lambda e: drawn.update(name for name, _ in e.steps)))()
    assert {"mine", "ours"} <= drawn


def test_wrong_rule_fails_a_test_of_expressions(monkeypatch):
    monkeypatch.setattr(REGISTRY["tanh"], "rules", (lambda g, y, x: 1.01 * g * (1 - y * y),))

    def check(expression):
        assert not check_gradients(expression, *expression.leaves()).wrong

    with pytest.raises((AssertionError, BaseExceptionGroup)):
        once(given(own.expressions())(check))()


@given(own.mlps())
def test_networks_are_checked_without_false_alarm(mlp):
    report = check_gradients(*mlp)
    assert not report.wrong, f"{mlp[0]}\n{report}"


@given(own.mlps(most_layers=2, most_units=3, most_examples=2, smooth=False))
def test_networks_keep_to_their_bounds(mlp):
    model, loss, (inputs, _) = mlp
    sizes = [p.shape for p in model.parameters()]
    assert max(max(shape) for shape in sizes) <= 3
    assert len(inputs) <= 2
    logits = isinstance(list(model.modules())[-1], nn.Linear)
    assert logits == isinstance(loss, nn.CrossEntropyLoss)
    assert sum(isinstance(m, nn.Linear) for m in model.modules()) <= 2
    assert loss(model(inputs), mlp[2][1]).item() >= 0


def test_wrong_rule_fails_a_test_of_networks(monkeypatch):
    right = REGISTRY["linear"].rules
    wrong = (right[0], lambda *args: 1.01 * right[1](*args), right[2])
    monkeypatch.setattr(REGISTRY["linear"], "rules", wrong)

    def check(mlp):
        assert not check_gradients(*mlp).wrong

    with pytest.raises((AssertionError, BaseExceptionGroup)):
        once(given(own.mlps())(check))()


# The optional dependency


def test_strategies_without_hypothesis_name_the_extra():
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import tinygrad_mnist.checking, tinygrad_mnist.checking.assert_op\n"
        "try:\n    import tinygrad_mnist.checking.strategies\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "needs Hypothesis: pip install -e '.[checking]'" in done.stdout


def test_importing_checking_does_not_import_hypothesis():
    script = "import sys, tinygrad_mnist.checking; print('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# The ops of expressions


@pytest.mark.parametrize("name", UNARY)
def test_unary_op_computes_the_function_of_its_name(name):
    for shape in ((), (3,), (2, 3), (4, 2), (4, 2, 3)):
        x = np.linspace(-0.9, 1.1, int(np.prod(shape))).reshape(shape)
        last = -1 if shape else None
        exp = np.exp(x)
        shares = exp / exp.sum(axis=last, keepdims=True)
        rows = {4: [2, 2, 0, 0], 3: [2, 0, 0], 2: [0, 0]}
        expected = {
            "tanh": np.tanh(x), "sigmoid": 1 / (1 + 1 / exp), "sin": np.sin(x), "cos": np.cos(x),
            "softplus": np.log1p(np.exp(np.sin(x))), "exp": np.exp(np.cos(x)), "log": np.log(2 + np.sin(x)),
            "log1p": np.log1p(1 / (1 + 1 / exp)), "sqrt": np.sqrt(1.5 + np.cos(x)),
            "power": (1.5 + np.sin(x)) ** 2.5, "negative": -x, "mean": x.mean(),
            "sum": np.tanh(x.sum(axis=-1, keepdims=True)) if shape else x,
            "logsumexp": np.log(exp.sum(axis=0, keepdims=True)) if shape else x,
            "softmax": shares if shape else x, "log_softmax": np.log(shares) if shape else x,
            "transpose": x[..., None] * 0.5 if len(shape) < 2 else np.sin(x),
            "getitem": x[::-1] if shape else x, "gather": x[rows[shape[0]]] if shape else x,
        }[name]  # fmt: skip
        np.testing.assert_allclose(UNARY[name](x), expected, rtol=1e-12, strict=True)


@pytest.mark.parametrize("name", BINARY)
def test_binary_op_computes_the_function_of_its_name(name):
    for shape in ((), (3,), (3, 3), (2, 3, 3)):
        a = np.linspace(-0.9, 1.1, int(np.prod(shape))).reshape(shape)
        b = 0.7 - a * a
        expected = {
            "add": (a + b) / 2, "subtract": (a - b) / 2, "multiply": np.tanh(a) * b,
            "divide": a / (2 + np.sin(b)), "power": (1.5 + np.sin(a)) ** np.tanh(b),
            "matmul": np.tanh(a @ b) if len(shape) > 1 else a / 2,
        }[name]  # fmt: skip
        np.testing.assert_allclose(BINARY[name](a, b), expected, rtol=1e-12, strict=True)


def test_product_of_mismatched_matrices_halves_the_first():
    for a, b in (((2, 3), (2, 3)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), ())):
        np.testing.assert_array_equal(BINARY["matmul"](np.ones(a), np.ones(b)), np.full(a, 0.5))


def test_expression_prints_each_step_with_its_operands():
    expression = Expression(((2,), ()), 3, (("sin", (0,)), ("add", (2, 1))))
    assert str(expression).splitlines() == [
        "v0 = leaf of shape (2,)", "v1 = leaf of shape ()", "v2 = sin(v0)", "v3 = add(v2, v1)",
        "mean(v0) + ... + mean(v3)",
    ]  # fmt: skip
    a, b = expression.leaves()
    total = a.mean() + b + np.sin(a).mean() + 0.5 * (np.sin(a) + b).mean()
    assert expression(a, b) == pytest.approx(total, rel=1e-12)


def test_expressions_compare_and_print_without_functions():
    expression = Expression(((2,),), 3, (("sin", (0,)),))
    assert repr(expression) == "Expression(shapes=((2,),), seed=3, steps=(('sin', (0,)),))"
    assert expression == Expression(((2,),), 3, (("sin", (0,)),), {"sin": np.sin}, {})


def test_first_operand_stands_for_shapes_that_do_not_fit():
    expression = Expression(((2,), (3,)), 3, (("multiply", (0, 1)),))
    a, b = expression.leaves()
    assert expression(a, b) == pytest.approx(2 * a.mean() + b.mean(), rel=1e-12)


# What is drawn reaches its bounds and stays within them


def measured(strategy, measures):
    """Return the least and the largest of each measure among what Hypothesis draws."""
    values = []

    @settings(max_examples=200, phases=[Phase.generate], derandomize=True, database=None, deadline=None)
    @given(strategy)
    def collect(drawn):
        values.append([measure(drawn) for measure in measures.values()])

    collect()
    return {name: (min(found), max(found)) for name, found in zip(measures, zip(*values))}


def linear_layers(mlp):
    return [layer for layer in mlp[0] if isinstance(layer, nn.Linear)]


MEASURES = {
    "layers": lambda mlp: len(linear_layers(mlp)),
    "units": lambda mlp: max(max(p.shape) for p in mlp[0].parameters()),
    "examples": lambda mlp: len(mlp[2][0]),
    "rectified units": lambda mlp: any(isinstance(layer, nn.ReLU) for layer in mlp[0]),
    "layers without a bias": lambda mlp: any(layer.bias is None for layer in linear_layers(mlp)),
    "labels": lambda mlp: isinstance(mlp[1], nn.CrossEntropyLoss),
    "negative inputs": lambda mlp: bool((mlp[2][0] < 0).any()),
    "large inputs": lambda mlp: bool((abs(mlp[2][0]) > 1).any()),
    "targets below 0": lambda mlp: bool((mlp[2][1] < 0).any()),
    "targets above 1": lambda mlp: mlp[2][1].dtype.kind == "f" and bool((mlp[2][1] > 1).any()),
    "targets above a half": lambda mlp: mlp[2][1].dtype.kind == "f" and bool((mlp[2][1] > 0.5).any()),
}


def test_networks_reach_their_bounds_and_stay_within():
    assert measured(own.mlps(), MEASURES) == {
        "layers": (1, 3),
        "units": (1, 5),
        "examples": (1, 4),
        "rectified units": (False, False),
        "layers without a bias": (False, True),
        "labels": (False, True),
        "negative inputs": (False, True),
        "large inputs": (False, False),
        "targets below 0": (False, False),
        "targets above 1": (False, False),
        "targets above a half": (False, True),
    }


def test_networks_have_rectified_units_if_not_smooth():
    measures = {"rectified units": MEASURES["rectified units"]}
    assert measured(own.mlps(smooth=False), measures) == {"rectified units": (False, True)}


def test_leaves_of_expressions_have_both_signs_up_to_1():
    measures = {
        "lowest": lambda program: min((leaf.min() for leaf in program.leaves() if leaf.size), default=0.0),
        "highest": lambda program: max((leaf.max() for leaf in program.leaves() if leaf.size), default=0.0),
        "ops": lambda program: len(program.steps),
        "leaves": lambda program: len(program.leaves()),
        "axes": lambda program: max(leaf.ndim for leaf in program.leaves()),
        "length": lambda program: max(max(leaf.shape, default=0) for leaf in program.leaves()),
    }
    found = measured(own.expressions(most_ops=3), measures)
    assert -1 <= found["lowest"][0] < -0.9
    assert 0.9 < found["highest"][1] <= 1
    assert found["ops"] == found["leaves"] == (1, 3)
    assert found["axes"] == found["length"] == (0, 3)


def test_values_come_from_seeds_of_32_bits():
    seeds = measured(own.expressions(most_ops=1), {"seed": lambda program: program.seed})["seed"]
    assert 0 <= seeds[0] < 2**16
    assert 2**31 < seeds[1] < 2**32
    first = {"first": lambda operands: float(operands[0])}
    assert np.ptp(measured(own.operands(()), first)["first"]) > 1
    weight = {"weight": lambda mlp: float(mlp[0][0].weight.data[0, 0])}
    smallest = own.mlps(most_layers=1, most_units=1, most_examples=1)
    assert np.ptp(measured(smallest, weight)["weight"]) > 1
