"""Values and derivatives by HIPS autograd, which computes in double precision."""

import autograd.numpy as anp
import numpy as np
from autograd import make_vjp
from autograd.scipy import special

from tests.oracles import images
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


def _value(x):
    return _value(x._value) if hasattr(x, "_value") else x


def _along(x, order, axis):
    places = list(np.indices(order.shape))
    places[axis] = order
    return x[tuple(places)]


def _product(x, axis=None, keepdims=False):
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis)
    for one in sorted(a % x.ndim for a in axes):
        rows = anp.swapaxes(x, 0, one)
        total = anp.ones(rows.shape[1:])
        for row in rows:
            total = total * row
        x = anp.swapaxes(total[None], 0, one)
    kept = tuple(n for i, n in enumerate(x.shape) if i not in {a % x.ndim for a in axes})
    return x if keepdims else anp.reshape(x, kept)


def _running_product(x, axis=None):
    rows = anp.swapaxes(anp.ravel(x) if axis is None else x, 0, axis or 0)
    found = [anp.ones(rows.shape[1:])]
    for row in rows:
        found.append(found[-1] * row)
    return anp.swapaxes(anp.array(found)[1:] if len(rows) else rows, 0, axis or 0)


def _variance(x, axis=None, keepdims=False, ddof=0):
    below = x - anp.mean(x, axis=axis, keepdims=True)
    count = x.size / max(anp.sum(_value(x) * 0 + 1, axis=axis).size, 1)
    total = anp.sum(below * below, axis=axis, keepdims=keepdims)
    return total / (count - ddof) if x.size else total * np.nan


def _einsum(text, *operands):
    """Every operand along the axes of all letters, then one product and one sum."""
    before, arrow, after = text.replace(" ", "").partition("->")
    terms = before.split(",")
    wide = [x.ndim - len(term.replace("...", "")) for term, x in zip(terms, operands)]
    terms = [term.replace("...", "YZ"[2 - n :]) for term, n in zip(terms, wide)]
    before, after = ",".join(terms), after.replace("...", "YZ"[2 - max(wide) :])
    if not arrow:
        after = "".join(sorted(x for x in {*before} - {","} if before.count(x) == 1))
    letters = sorted({*before} - {","}, key=lambda letter: (letter not in after, after.find(letter)))
    product = 1.0
    for term, x in zip(terms, operands):
        for letter in [one for one in dict.fromkeys(term) if term.count(one) > 1]:
            first, second = term.index(letter), term.rindex(letter)
            lengths = [n if i in (first, second) else 1 for i, n in enumerate(x.shape)]
            mask = np.eye(x.shape[first]).reshape(lengths)
            x, term = anp.sum(x * mask, axis=second), term[:second] + term[second + 1 :]
        order = [term.index(letter) for letter in letters if letter in term]
        lengths = iter(anp.transpose(x, order).shape)
        shape = [next(lengths) if letter in term else 1 for letter in letters]
        product = product * anp.reshape(anp.transpose(x, order), shape)
    return anp.sum(product, axis=tuple(range(len(after), len(letters))))


def _deviation(x, **settings):
    variance = _variance(x, **settings)
    return anp.where(variance == 0, 0.0, anp.sqrt(anp.where(variance == 0, 1.0, variance)))


def _places(shape, k):
    return np.nonzero(np.eye(*shape, k))


def _diagonal(x, k=0, axis1=0, axis2=1):
    moved = anp.moveaxis(x, (axis1, axis2), (-2, -1))
    return moved[(..., *_places(moved.shape[-2:], k))]


def _diag(x, k):
    if x.ndim == 2:
        return _diagonal(x, k)
    size = len(x) + abs(k)
    spread = np.zeros((len(x), size, size))
    spread[(np.arange(len(x)), *_places((size, size), k))] = 1
    return anp.tensordot(x, spread, 1)


def _flip(x, axis=None):
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis) % x.ndim
    return x[tuple(slice(None, None, -1 if i in axes else None) for i in range(x.ndim))]


def _roll(x, shift, axis):
    for places, one in zip(np.atleast_1d(shift), np.atleast_1d(axis)):
        x = anp.roll(x, int(places), one)
    return x


def _repeat(x, count, axis):
    return _take(x, np.repeat(np.arange(x.size if axis is None else x.shape[axis]), count), axis)


def _take(x, indices, axis):
    return anp.ravel(x)[indices] if axis is None else x[(slice(None),) * (axis % x.ndim) + (indices,)]


def _pad(x, widths, mode="constant", constant_values=0.0):
    places = np.pad(np.arange(x.size).reshape(x.shape), widths, mode)
    inside = np.pad(np.ones(x.shape), widths, mode) > 0
    picked = anp.ravel(x)[places] if x.size else anp.zeros(places.shape)
    return anp.where(inside, picked * anp.ones(places.shape), constant_values)


def _norm(x, order=None, axis=None, keepdims=False):
    axes = axis if isinstance(axis, tuple) else (axis,)
    if order in (None, "fro"):
        return anp.sqrt(anp.sum(x * x, axis=axes, keepdims=keepdims))
    extreme = anp.max if order in (1, np.inf) else anp.min
    if len(axes) == 2:
        summed, kept = axes if abs(order) == 1 else axes[::-1]
        found = extreme(anp.sum(anp.abs(x), axis=summed, keepdims=True), axis=kept, keepdims=True)
        return found if keepdims else anp.sum(found, axis=axes)
    if abs(order) == np.inf:
        return extreme(anp.abs(x), axis=axis, keepdims=keepdims)
    return anp.sum(anp.abs(x) ** order, axis=axis, keepdims=keepdims) ** (1 / order)


FUNCTIONS = namespace(
    **images.functions(anp),
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
    cumprod=_running_product,
    cumsum=anp.cumsum,
    diag=_diag,
    diagonal=_diagonal,
    divide=anp.divide,
    dot=anp.dot,
    einsum=_einsum,
    erf=special.erf,
    euclidean_norm=lambda x: anp.sqrt(anp.sum(x * x)),
    exp=anp.exp,
    exp2=anp.exp2,
    expand_dims=anp.expand_dims,
    expm1=anp.expm1,
    flatten=lambda x, start=0: anp.reshape(x, (*x.shape[:start], int(np.prod(x.shape[start:])))),
    flip=_flip,
    floor=anp.floor,
    getitem=lambda x, index: x[index],
    hstack=lambda x: anp.concatenate(x, axis=min(1, x[0].ndim - 1)),
    identity=lambda x: x + 0,
    inner=anp.inner,
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
    moveaxis=anp.moveaxis,
    multiply=anp.multiply,
    negative=anp.negative,
    norm=_norm,
    one_hot=lambda labels, classes, dtype: np.eye(classes)[labels],
    outer=lambda a, b: anp.outer(anp.ravel(a), anp.ravel(b)),
    pad=_pad,
    power=lambda a, b: a**b,
    prod=_product,
    reciprocal=anp.reciprocal,
    relu=lambda x: anp.maximum(x, 0.0),
    reordered=lambda x, key, axis: _along(x, np.argsort(key, axis), axis),
    repeat=_repeat,
    reshape=lambda x, shape: anp.reshape(x, shape),
    rows=lambda table, numbers: table[numbers],
    roll=_roll,
    scatter_add=_scattered,
    sigmoid=special.expit,
    sigmoid_cross_entropy=lambda x, t: anp.logaddexp(x, 0.0) - x * t,
    sign=anp.sign,
    sin=anp.sin,
    sinh=anp.sinh,
    softmax=lambda x, axis=-1: anp.exp(_log_softmax(x, axis)),
    softmax_cross_entropy=_cross_entropy,
    softplus=lambda x: anp.logaddexp(x, 0.0),
    sort=lambda x, axis=-1: _along(x, np.argsort(_value(x), axis), axis),
    split=lambda x, s, axis: anp.split(x, s, axis),
    sqrt=anp.sqrt,
    square=anp.square,
    squared_error=lambda a, b, scale=1.0: scale * anp.sum((a - b) ** 2),
    squeeze=lambda x, axis=None: anp.squeeze(x, axis),
    stack=lambda inputs, axis=0: anp.stack(inputs, axis),
    std=_deviation,
    subtract=anp.subtract,
    sum=anp.sum,
    sum_to=_summed_to,
    swapaxes=anp.swapaxes,
    take=_take,
    tan=anp.tan,
    tanh=anp.tanh,
    tensordot=anp.tensordot,
    tile=lambda x, reps: anp.ravel(x)[np.tile(np.arange(x.size).reshape(x.shape), reps)],
    trace=anp.trace,
    transpose=_transpose,
    tril=anp.tril,
    triu=anp.triu,
    var=_variance,
    vstack=lambda x: anp.concatenate([anp.atleast_2d(one) for one in x]),
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
