"""Values and derivatives by HIPS autograd, which computes in double precision."""

import autograd.numpy as anp
import numpy as np
from autograd import make_vjp
from autograd.scipy import special

from tests.oracles.ours import namespace


def _logsumexp(x, axis=None, keepdims=False):
    return special.logsumexp(x, axis=axis, keepdims=keepdims)


def _log_softmax(x, axis=-1):
    return x - _logsumexp(x, axis, True)


def _cross_entropy(logits, targets):
    rows = targets
    if np.ndim(targets) < np.ndim(logits):
        rows = np.eye(logits.shape[-1])[targets]
    return -anp.sum(rows * _log_softmax(logits), axis=-1)


def _linear(x, weight, bias):
    product = anp.matmul(x, weight.T)
    return product if bias is None else product + bias


def _scattered(x, index, shape):
    places = np.zeros((shape[0], len(index)))
    np.add.at(places, (index, np.arange(len(index))), 1)
    return anp.tensordot(places, x, 1)


def _summed_to(x, shape):
    lead = x.ndim - len(shape)
    x = anp.sum(x, axis=tuple(range(lead))) if lead else x
    stretched = tuple(i for i, n in enumerate(shape) if n != x.shape[i])
    return anp.sum(x, axis=stretched, keepdims=True) if stretched else x


def _transpose(x, axes=None):
    return anp.transpose(x, axes if axes is None else tuple(axis % x.ndim for axis in axes))


def _where(condition, a, b):
    """Its own does not sum a gradient over the axes that were broadcast."""
    shape = np.broadcast_shapes(*(np.shape(x) for x in (condition, a, b)))
    return anp.where(condition, a * np.ones(shape), b * np.ones(shape))


FUNCTIONS = namespace(
    add_rows=lambda x, numbers, count: _scattered(x, numbers, (count, *x.shape[1:])),
    abs=anp.abs,
    add=anp.add,
    arccos=anp.arccos,
    arccosh=anp.arccosh,
    arcsin=anp.arcsin,
    arcsinh=anp.arcsinh,
    arctan=anp.arctan,
    arctan2=anp.arctan2,
    arctanh=anp.arctanh,
    astype=lambda x, dtype: x.astype(dtype),
    broadcast_to=lambda x, shape: x * np.ones(shape),
    cast=lambda x, dtype: x.astype(dtype),
    clip=lambda x, min=None, max=None: anp.clip(x, min, max),
    concatenate=lambda *inputs, axis=0: anp.concatenate(inputs, axis),
    cos=anp.cos,
    cosh=anp.cosh,
    divide=anp.divide,
    erf=special.erf,
    exp=anp.exp,
    exp2=anp.exp2,
    expand_dims=anp.expand_dims,
    expm1=anp.expm1,
    flatten=lambda x, start=0: anp.reshape(x, (*x.shape[:start], int(np.prod(x.shape[start:])))),
    floor=anp.floor,
    getitem=lambda x, index: x[index],
    identity=lambda x: x + 0,
    linear=_linear,
    log=anp.log,
    log10=anp.log10,
    log1p=anp.log1p,
    log2=anp.log2,
    log_softmax=_log_softmax,
    logaddexp=anp.logaddexp,
    logsumexp=_logsumexp,
    matmul=anp.matmul,
    matrix_transpose=lambda x: anp.swapaxes(x, -1, -2),
    max=anp.max,
    maximum=anp.maximum,
    mean=anp.mean,
    min=anp.min,
    minimum=anp.minimum,
    multiply=anp.multiply,
    negative=anp.negative,
    one_hot=lambda labels, classes, dtype: np.eye(classes)[labels],
    power=lambda a, b: a**b,
    reciprocal=anp.reciprocal,
    relu=lambda x: anp.maximum(x, 0.0),
    reshape=lambda x, shape: anp.reshape(x, shape),
    rows=lambda table, numbers: table[numbers],
    scatter_add=_scattered,
    sigmoid=special.expit,
    sigmoid_cross_entropy=lambda x, t: anp.logaddexp(x, 0.0) - x * t,
    sign=anp.sign,
    sin=anp.sin,
    sinh=anp.sinh,
    softmax=lambda x, axis=-1: anp.exp(_log_softmax(x, axis)),
    softmax_cross_entropy=_cross_entropy,
    softplus=lambda x: anp.logaddexp(x, 0.0),
    sqrt=anp.sqrt,
    square=anp.square,
    squared_error=lambda a, b, scale=1.0: scale * anp.sum((a - b) ** 2),
    squeeze=lambda x, axis=None: anp.squeeze(x, axis),
    stack=lambda inputs, axis=0: anp.stack(inputs, axis),
    subtract=anp.subtract,
    sum=anp.sum,
    sum_to=_summed_to,
    tan=anp.tan,
    tanh=anp.tanh,
    transpose=_transpose,
    where=_where,
)


def derivatives(function, arrays, weights, directions):
    """As `ours.derivatives`."""

    def slopes(inputs):
        pull, value = make_vjp(lambda given: function(FUNCTIONS, *given))(inputs)
        return pull(weights(np.empty(np.shape(value)))), value

    def along(inputs):
        return sum(anp.sum(g * d) for g, d in zip(slopes(inputs)[0], directions))

    inputs = tuple(arrays)
    first, value = slopes(inputs)
    second = make_vjp(along)(inputs)[0](1.0)
    return np.asarray(value), list(map(np.asarray, first)), list(map(np.asarray, second))
