"""Values and derivatives by JAX: reverse mode, and forward over reverse for the second derivatives."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.oracles import images
from tests.oracles.ours import namespace

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_disable_most_optimizations", True)  # compiles in a fraction of the time


def _cross_entropy(logits, targets):
    logarithms = jax.nn.log_softmax(logits)
    if np.ndim(targets) == np.ndim(logits):
        return -(targets * logarithms).sum(axis=-1)
    return -jnp.take_along_axis(logarithms, jnp.asarray(targets)[..., None], axis=-1)[..., 0]


def _linear(x, weight, bias):
    return x @ weight.T if bias is None else x @ weight.T + bias


def _summed_to(x, shape):
    lead = x.ndim - len(shape)
    x = x.sum(axis=tuple(range(lead)))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n != x.shape[i]), keepdims=True)


def _deviation(x, **settings):
    """jnp.std, whose gradient at 0 is NaN, with 0 there."""
    variance = jnp.var(x, **settings)
    return jnp.where(variance == 0, 0.0, jnp.sqrt(jnp.where(variance == 0, 1.0, variance)))


FUNCTIONS = namespace(
    **images.functions(jnp),
    add_rows=lambda x, numbers, count: jnp.zeros((count, *x.shape[1:]), x.dtype).at[numbers].add(x),
    abs=jnp.abs,
    add=jnp.add,
    arccos=jnp.arccos,
    arccosh=jnp.arccosh,
    arcsin=jnp.arcsin,
    arcsinh=jnp.arcsinh,
    arctan=jnp.arctan,
    arctan2=jnp.arctan2,
    arctanh=jnp.arctanh,
    astype=lambda x, dtype: x.astype(dtype),
    broadcast_to=jnp.broadcast_to,
    cast=lambda x, dtype: x.astype(dtype),
    clip=lambda x, min=None, max=None: jnp.clip(x, min, max),
    concatenate=lambda *inputs, axis=0: jnp.concatenate(inputs, axis),
    cos=jnp.cos,
    cosh=jnp.cosh,
    cumprod=jnp.cumprod,
    cumsum=jnp.cumsum,
    diag=jnp.diag,
    diagonal=jnp.diagonal,
    divide=jnp.divide,
    dot=jnp.dot,
    einsum=jnp.einsum,
    erf=jax.scipy.special.erf,
    euclidean_norm=jnp.linalg.norm,
    exp=jnp.exp,
    exp2=jnp.exp2,
    expand_dims=jnp.expand_dims,
    expm1=jnp.expm1,
    flatten=lambda x, start=0: x.reshape((*x.shape[:start], int(np.prod(x.shape[start:])))),
    flip=jnp.flip,
    floor=jnp.floor,
    getitem=lambda x, index: x[index],
    hstack=jnp.hstack,
    identity=lambda x: x + 0,
    inner=jnp.inner,
    linear=_linear,
    log=jnp.log,
    log10=jnp.log10,
    log1p=jnp.log1p,
    log2=jnp.log2,
    log_softmax=lambda x, axis=-1: jax.nn.log_softmax(x, axis),
    logaddexp=jnp.logaddexp,
    logsumexp=lambda x, axis=None, keepdims=False: jax.nn.logsumexp(x, axis=axis, keepdims=keepdims),
    matmul=jnp.matmul,
    matrix_transpose=jnp.matrix_transpose,
    max=jnp.max,
    maximum=jnp.maximum,
    mean=jnp.mean,
    min=jnp.min,
    minimum=jnp.minimum,
    moveaxis=jnp.moveaxis,
    multiply=jnp.multiply,
    negative=jnp.negative,
    norm=lambda x, order, axis, keepdims=False: jnp.linalg.norm(x, order, axis, keepdims),
    one_hot=lambda labels, classes, dtype: jax.nn.one_hot(jnp.asarray(labels), classes, dtype=dtype),
    outer=jnp.outer,
    pad=lambda x, widths, mode="constant", **fill: jnp.pad(x, widths, mode, **fill),
    power=lambda a, b: a**b,
    prod=jnp.prod,
    reciprocal=jnp.reciprocal,
    relu=jax.nn.relu,
    reordered=lambda x, key, axis: jnp.take_along_axis(x, np.argsort(key, axis), axis),
    repeat=jnp.repeat,
    reshape=lambda x, shape: jnp.reshape(x, shape),
    rows=lambda table, numbers: table[numbers],
    roll=jnp.roll,
    scatter_add=lambda x, index, shape: jnp.zeros(shape, x.dtype).at[index].add(x),
    sigmoid=jax.nn.sigmoid,
    sigmoid_cross_entropy=lambda x, t: jax.nn.softplus(x) - x * t,
    sign=jnp.sign,
    sin=jnp.sin,
    sinh=jnp.sinh,
    softmax=lambda x, axis=-1: jax.nn.softmax(x, axis),
    softmax_cross_entropy=_cross_entropy,
    softplus=jax.nn.softplus,
    sort=jnp.sort,
    split=jnp.split,
    sqrt=jnp.sqrt,
    square=jnp.square,
    squared_error=lambda a, b, scale=1.0: scale * ((a - b) ** 2).sum(),
    squeeze=jnp.squeeze,
    stack=lambda inputs, axis=0: jnp.stack(inputs, axis),
    std=_deviation,
    subtract=jnp.subtract,
    sum=jnp.sum,
    sum_to=_summed_to,
    swapaxes=jnp.swapaxes,
    take=lambda x, i, axis: jnp.take(x, i, axis),
    tan=jnp.tan,
    tanh=jnp.tanh,
    tensordot=jnp.tensordot,
    tile=jnp.tile,
    trace=jnp.trace,
    transpose=jnp.transpose,
    tril=jnp.tril,
    triu=jnp.triu,
    var=jnp.var,
    vstack=jnp.vstack,
    where=jnp.where,
)


def all_derivatives(jobs):
    """As `ours.derivatives` for several jobs, compiled as one: compiling is what takes JAX its time."""

    def run(given):
        return [_one(job.function, arrays, job.weights, job.directions) for job, arrays in zip(jobs, given)]

    found = jax.jit(run)([job.arrays for job in jobs])
    return [jax.tree.map(np.asarray, one) for one in found]


def _one(function, arrays, weights, directions):
    def slopes(*inputs):
        value, pull = jax.vjp(lambda *x: function(FUNCTIONS, *x), *inputs)
        return pull(jnp.asarray(weights(np.empty(value.shape, value.dtype))))

    first, second = jax.jvp(slopes, tuple(arrays), tuple(directions))
    return function(FUNCTIONS, *arrays), list(first), list(second)
