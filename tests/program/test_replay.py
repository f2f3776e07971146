"""A program gives what the function gives, bit for bit: every primitive, and its printed code too."""

import numpy as np
import pytest

from tests.autodiff.cases import CASES, arrays_for
from tests.program.standalone import run_alone
from tinygrad_mnist import Tensor, autograd, nn, ops
from tinygrad_mnist.program import compile
from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.operations import Call
from tinygrad_mnist.program.source import constant_text

CASES = [case for case in CASES if case.primitive != "dropout_mask"]  # its generator: see test_random
SHAPES = ((2, 3), (1, 3), (3,))


def step_of(case, shapes, dtype):
    """Forward and backward of a case with the gradients of all inputs, as a function of plain arrays."""
    shapes_of = case.shapes or shapes

    def step(*arrays):
        tensors = [Tensor(a, requires_grad=True) for a in arrays]
        result = case.call(*tensors)
        loss = ops.sum(result * result)
        loss.backward()
        return [result, loss, *(t.grad for t in tensors if t.grad is not None)]

    rng = np.random.default_rng(3)
    return step, [arrays_for(case, shapes_of, rng, dtype) for _ in range(3)]


def bits(results):
    return [(np.asarray(r.data if isinstance(r, Tensor) else r)).tobytes() for r in results]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.primitive}" for i, c in enumerate(CASES)])
def test_primitive_is_traced_and_replayed_bit_for_bit(case, dtype):
    step, batches = step_of(case, SHAPES[: case.broadcast], dtype)
    compiled = compile(step)
    for arrays in (*batches, *batches):
        assert bits(compiled(*arrays)) == bits(step(*arrays))
    assert not [i for i in compiled.program.recording.instructions if is_opaque(i)]


@pytest.mark.parametrize("first", [np.zeros_like, np.ones_like, lambda a: np.full_like(a, 0.5)])
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.primitive}" for i, c in enumerate(CASES)])
def test_program_captured_on_a_special_value_is_general(case, first):
    """What is noted from zeros, ones or equal numbers must not be taken for a constant."""
    step, batches = step_of(case, SHAPES[: case.broadcast], np.float64)
    compiled = compile(step)
    with np.errstate(all="ignore"):
        compiled(*map(first, batches[0]))
        for arrays in (*batches, tuple(map(first, batches[0])), *batches):
            assert bits(compiled(*arrays)) == bits(step(*arrays))


def is_opaque(instruction):
    return isinstance(instruction.operation, Call) and not instruction.operation.is_check


def test_printed_code_of_a_primitive_gives_the_same_bits():
    jobs, expected = [], []
    for case in CASES:
        step, (first, second, _) = step_of(case, SHAPES[: case.broadcast], np.float32)
        compiled = compile(step)
        compiled(*first)
        program = compiled.program
        states = [state.get() for state in program.states]
        for kind, text in (("source", program.source), ("derivation", program.derivation)):
            jobs.append((text, kind, second, states, []))
            expected.append((case.primitive, kind, bits(step(*second))))
    for (name, kind, wanted), (result, _) in zip(expected, run_alone(jobs)):
        assert bits(result) == wanted, (name, kind)


@pytest.mark.parametrize("size", [(20, 1), (20, 3)])
def test_product_with_the_gradient_of_a_sum_gives_the_eager_bits(size):
    """The gradient of a sum repeats one number in memory, and a product with it sums in another order."""
    weight = Tensor(np.random.default_rng(0).random((10, 1)), requires_grad=True)
    first = Tensor(np.random.default_rng(2).random((size[1], 10)))

    def step(x):
        x = Tensor(x, requires_grad=True)
        slope = autograd.grad((ops.tanh(x @ first) @ weight).sum(), x, create_graph=True)[0]
        return autograd.grad((slope**2).sum(), weight)

    compiled, x = compile(step), np.random.default_rng(1).random(size)
    for factor in (1.0, 2.0, 3.0):
        assert compiled(factor * x)[0].data.tobytes() == step(factor * x)[0].data.tobytes()


@pytest.mark.parametrize(
    "constant",
    [
        np.broadcast_to(np.float64(0.1), (2, 3)),
        np.broadcast_to(np.arange(3.0) ** 3, (2, 3)),
        np.broadcast_to(np.array([[[0.1], [0.3]]]), (2, 2, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0),
    ],
    ids=["one-number", "rows", "columns", "fortran", "transposed"],
)
def test_constant_is_printed_in_its_layout(constant):
    printed = eval(constant_text(Value(constant, "constant")), {"np": np})
    assert printed.tobytes() == constant.tobytes()
    assert printed.strides == constant.strides


def test_mask_in_the_layout_of_a_convolution_gives_the_eager_bits():
    """The graph keeps a copy of a mask; in another layout the gradient would be summed in another order."""
    layers = nn.Sequential(nn.Conv2d(1, 4, 3, rng=0), nn.LeakyReLU(0.2), nn.Conv2d(4, 2, 3, rng=1))

    def step(x):
        layers.zero_grad()
        (layers(x) ** 2).sum().backward()
        return tuple(parameter.grad for parameter in layers.parameters())

    compiled, x = compile(step), np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
    for factor in (1, 2, 3):
        eager = [gradient.tobytes() for gradient in step(factor * x)]
        assert [gradient.tobytes() for gradient in compiled(factor * x)] == eager
