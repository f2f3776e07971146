"""Value, gradients and second derivatives by this package, and helpers of all frameworks."""

from types import SimpleNamespace

import numpy as np

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.backward import pull_back
from tinygrad_mnist.autodiff.ops.casts import cast, dropout_mask, identity
from tinygrad_mnist.autodiff.ops.indexing import add_rows, rows, scatter_add
from tinygrad_mnist.autodiff.ops.matrices import euclidean_norm
from tinygrad_mnist.autodiff.ops.scans import reordered
from tinygrad_mnist.autodiff.ops.shaping import sum_to

OPS_OF_RULES = (cast, dropout_mask, euclidean_norm, identity, reordered, scatter_add, sum_to, add_rows, rows)
HELPERS = {f.name: f for f in OPS_OF_RULES}
NAMES = (*ops.__all__, *HELPERS)


def namespace(**functions):
    """Return the functions of a framework under the names of this package."""
    return SimpleNamespace(**functions)


FUNCTIONS = namespace(**{name: getattr(ops, name) for name in ops.__all__}, **HELPERS)


def derivatives(function, arrays, weights, directions):
    """Return the value, its gradients and the product of the Hessian with directions, as arrays.

    The scalar that is differentiated is ``sum(weights(value) * value)``.  There are zeros where it does not
    depend on an input.
    """
    inputs = [Tensor(a, requires_grad=True) for a in arrays]
    value = function(FUNCTIONS, *inputs)
    zeros = [np.zeros_like(a) for a in arrays]
    if not value.requires_grad:
        return value.data, zeros, zeros
    slopes = pull_back([value], [Tensor(weights(value.data))], inputs, create_graph=True)
    moving = [(g, d) for g, d in zip(slopes, directions) if g is not None and g.requires_grad]
    seconds = [None] * len(arrays)
    if moving:
        seconds = pull_back([g for g, _ in moving], [d for _, d in moving], inputs, create_graph=False)
    return value.data, *(filled(found, zeros, _array) for found in (slopes, seconds))


def filled(found, zeros, to_array):
    """Return gradients as arrays, with zeros where there is none."""
    return [z if g is None else to_array(g) for g, z in zip(found, zeros)]


def _array(gradient):
    return np.asarray(getattr(gradient, "data", gradient))
