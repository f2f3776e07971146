"""PyTorch, JAX and HIPS autograd give the same values, gradients and second derivatives as this package.

Each framework is compared where it is installed (extra ``bench``).  With
HYPOTHESIS_PROFILE=intense every comparison is made on many arrays; ``python -m tests.oracles`` counts them.
"""

import importlib
import warnings

import numpy as np
import pytest
from hypothesis import settings

from tests.oracles import ours
from tests.oracles.comparisons import COMPARISONS, WITHOUT_COUNTERPART, jobs
from tinygrad_mnist.autodiff.primitive import REGISTRY

FRAMEWORKS = ("torch", "jax", "autograd")
OPS = sorted({c.op for c in COMPARISONS})
DRAWS = max(1, settings.default.max_examples // 300)
MOST_FOR_JAX = 8  # comparisons of an op: it compiles each of them
# By how many rounding errors of the largest number at work value, gradient and second derivative may differ.
ROUNDING = {np.float64: (200, 1000, 4000), np.float32: (50, 200, 1000), np.float16: (4, 16, 64)}


def framework(name):
    """Return the module of a framework."""
    return importlib.import_module(f"tests.oracles.with_{name}")


def answers(module, found):
    """Return the answers of a framework to jobs."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if hasattr(module, "all_derivatives"):
            return module.all_derivatives(found)
        return [module.derivatives(j.function, j.arrays, j.weights, j.directions) for j in found]


def assert_agree(mine, theirs, job, what):
    """Compare value, gradients, second derivatives, but for rounding; return their number."""
    count = 0
    for order, (found, expected) in enumerate(zip(mine, theirs)):
        for position, (a, b) in enumerate(zip(found, expected) if order else [(found, expected)]):
            where = f"{what}, order {order}, input {position} of {[x.shape for x in job.arrays]}"
            assert (a.shape, a.dtype) == (b.shape, b.dtype), where
            scale = max([1.0, *(np.abs(x[np.isfinite(x)]).max(initial=0) for x in (*job.arrays, b))])
            near = ROUNDING[a.dtype.type][order] * np.finfo(a.dtype).eps
            np.testing.assert_allclose(a, b, near, near * scale, err_msg=where)
            count += 1
    return count


def pairs(name, op, dtype, seed=0):
    """Yield each job of an op with our answer and that of a framework."""
    module, found = framework(name), jobs(op, dtype, seed)
    if name == "jax" and DRAWS == 1:
        found = found[:: -(-len(found) // MOST_FOR_JAX)]
    return zip(found, answers(ours, found), answers(module, found), strict=True)


def compared(name, op, dtype, seed=0):
    """Compare an op with a framework, and return the number of arrays."""
    what = f"{op} in {name}"
    return sum(assert_agree(mine, theirs, job, what) for job, mine, theirs in pairs(name, op, dtype, seed))


def test_every_op_is_compared_with_every_framework():
    primitives = {
        p.name for p in REGISTRY.values() if p.forward.__module__.startswith("tinygrad_mnist.autodiff.ops")
    }
    assert primitives | set(ours.NAMES) == {*OPS, *WITHOUT_COUNTERPART}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_framework_has_every_op(name):
    assert {*OPS} <= set(vars(framework(name).FUNCTIONS))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_op_agrees_with_another_framework(name, op):
    for seed in range(DRAWS):
        assert compared(name, op, np.float64, seed) > 0


@pytest.mark.parametrize("op", OPS)
def test_op_agrees_with_torch_in_single_precision(op):
    for seed in range(DRAWS):
        assert compared("torch", op, np.float32, seed) > 0


@pytest.mark.parametrize("op", [op for op in OPS if op != "cumprod"])  # PyTorch divides by factors near 0
def test_op_agrees_with_torch_in_half_precision(op):
    assert compared("torch", op, np.float16) > 0
