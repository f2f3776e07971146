"""Values and derivatives by PyTorch."""

import numpy as np
import torch
from torch.nn import functional

from tests.oracles.ours import filled, namespace

torch.set_num_threads(1)


def _axes(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def _reduced(function):
    def reduced(x, axis=None, keepdims=False):
        return function(x, dim=_axes(x, axis), keepdim=keepdims) if x.ndim else function(x, dim=0)

    return reduced


def _dtype(dtype):
    return getattr(torch, np.dtype(dtype).name)


def _number_or_tensor(function):
    def called(a, b):
        like = a if isinstance(a, torch.Tensor) else b
        return function(
            *(x if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=like.dtype) for x in (a, b))
        )

    return called


def _cross_entropy(logits, targets):
    if not isinstance(targets, torch.Tensor):
        targets = torch.as_tensor(targets)
    rows = logits.reshape(-1, logits.shape[-1])
    flat = targets.reshape(-1) if targets.ndim < logits.ndim else targets.reshape(rows.shape)
    return functional.cross_entropy(rows, flat, reduction="none").reshape(logits.shape[:-1])


def _index(index):
    parts = index if isinstance(index, tuple) else (index,)
    return tuple(torch.as_tensor(part) if isinstance(part, np.ndarray) else part for part in parts)


def _scattered(x, index, shape):
    parts = _index(index)
    return torch.zeros(shape, dtype=x.dtype).index_put(parts, x, accumulate=True)


def _product(x, axis=None, keepdims=False):
    for one in sorted((a % x.ndim for a in np.atleast_1d(_axes(x, axis))), reverse=True):
        x = torch.prod(x, int(one), keepdim=keepdims)
    return x


def _spread(function):
    return lambda x, axis=None, keepdims=False, ddof=0: function(
        x, dim=_axes(x, axis), keepdim=keepdims, correction=ddof
    )


def _scan(function):
    return lambda x, axis=None: function(x.flatten() if axis is None else x, 0 if axis is None else axis)


def _norm(x, order, axis, keepdims):
    return torch.linalg.norm(x, order, axis, keepdims)


def _unsqueezed(x, axis):
    for one in sorted(np.atleast_1d(axis) % (x.ndim + np.size(axis))):
        x = torch.unsqueeze(x, int(one))
    return x


def _take(x, indices, axis):
    return x.flatten()[indices] if axis is None else x[(slice(None),) * (axis % x.ndim) + (indices,)]


def _pad(x, widths, mode="constant", constant_values=0.0):
    flat = [n for pair in reversed(widths) for n in pair]
    if mode == "constant":
        return functional.pad(x, flat, value=constant_values)
    wide = functional.pad(x[None], flat, mode={"edge": "replicate", "wrap": "circular"}.get(mode, mode))
    return wide[0]


FUNCTIONS = namespace(
    add_rows=lambda x, numbers, count: _scattered(x, numbers, (count, *x.shape[numbers.ndim :])),
    abs=torch.abs,
    avg_pool2d=functional.avg_pool2d,
    conv2d=functional.conv2d,
    max_pool2d=functional.max_pool2d,
    add=torch.add,
    arccos=torch.arccos,
    arccosh=torch.arccosh,
    arcsin=torch.arcsin,
    arcsinh=torch.arcsinh,
    arctan=torch.arctan,
    arctan2=_number_or_tensor(torch.atan2),
    arctanh=torch.arctanh,
    astype=lambda x, dtype: x.to(_dtype(dtype)),
    broadcast_to=lambda x, shape: x.expand(shape),
    cast=lambda x, dtype: x.to(_dtype(dtype)),
    clip=lambda x, min=None, max=None: torch.clamp(x, min, max),
    concatenate=lambda *inputs, axis=0: torch.cat(inputs, dim=axis),
    cos=torch.cos,
    cosh=torch.cosh,
    cumprod=_scan(torch.cumprod),
    cumsum=_scan(torch.cumsum),
    diag=torch.diag,
    diagonal=torch.diagonal,
    divide=torch.divide,
    dot=lambda a, b: torch.tensordot(a, b, ([-1], [-2 if b.ndim > 1 else -1])) if a.ndim else a * b,
    einsum=lambda text, *x: torch.einsum(text.replace(" ", ""), *x),
    erf=torch.erf,
    euclidean_norm=torch.linalg.norm,
    exp=torch.exp,
    exp2=torch.exp2,
    expand_dims=_unsqueezed,
    expm1=torch.expm1,
    flatten=lambda x, start=0: torch.flatten(x, start),
    flip=lambda x, axis=None: torch.flip(x, _axes(x, axis)),
    floor=torch.floor,
    getitem=lambda x, index: x[_index(index)],
    hstack=torch.hstack,
    identity=torch.clone,
    inner=lambda a, b: torch.inner(a, b) if b.ndim else a * b,
    linear=functional.linear,
    log=torch.log,
    log10=torch.log10,
    log1p=torch.log1p,
    log2=torch.log2,
    log_softmax=lambda x, axis=-1: torch.log_softmax(x, axis),
    logaddexp=_number_or_tensor(torch.logaddexp),
    logsumexp=_reduced(torch.logsumexp),
    matmul=torch.matmul,
    matrix_transpose=lambda x: x.mT,
    max=_reduced(torch.amax),
    maximum=_number_or_tensor(torch.maximum),
    mean=_reduced(torch.mean),
    min=_reduced(torch.amin),
    minimum=_number_or_tensor(torch.minimum),
    moveaxis=torch.moveaxis,
    multiply=torch.multiply,
    negative=torch.negative,
    norm=lambda x, order, axis, keepdims=False: _norm(x, order, axis, keepdims),
    one_hot=lambda labels, classes, dtype: functional.one_hot(torch.as_tensor(labels), classes).to(dtype),
    outer=lambda a, b: torch.outer(a.flatten(), b.flatten()),
    pad=_pad,
    power=lambda a, b: a**b,
    prod=_product,
    reciprocal=torch.reciprocal,
    relu=torch.relu,
    reordered=lambda x, key, axis: torch.take_along_dim(x, torch.as_tensor(np.argsort(key, axis)), axis),
    repeat=lambda x, n, axis: torch.repeat_interleave(
        x, n if isinstance(n, int) else torch.as_tensor(n), dim=axis
    ),
    reshape=lambda x, shape: torch.reshape(x, shape),
    rows=lambda table, numbers: table[torch.as_tensor(numbers)],
    roll=torch.roll,
    scatter_add=_scattered,
    sigmoid=torch.sigmoid,
    sigmoid_cross_entropy=lambda x, t: functional.binary_cross_entropy_with_logits(x, t, reduction="none"),
    sign=torch.sign,
    sin=torch.sin,
    sinh=torch.sinh,
    softmax=lambda x, axis=-1: torch.softmax(x, axis),
    softmax_cross_entropy=_cross_entropy,
    softplus=lambda x: functional.softplus(x, threshold=40),  # above it takes x for the result
    sort=lambda x, axis=-1: torch.sort(x, dim=axis, stable=True).values,
    split=lambda x, s, axis: torch.tensor_split(x, s, axis),
    sqrt=torch.sqrt,
    square=torch.square,
    squared_error=lambda a, b, scale=1.0: scale * functional.mse_loss(a, b, reduction="sum"),
    squeeze=lambda x, axis=None: torch.squeeze(x) if axis is None else torch.squeeze(x, axis),
    stack=lambda inputs, axis=0: torch.stack(inputs, dim=axis),
    std=_spread(torch.std),
    subtract=torch.subtract,
    sum=_reduced(torch.sum),
    sum_to=lambda x, shape: x.sum_to_size(shape),
    swapaxes=torch.swapaxes,
    take=_take,
    tan=torch.tan,
    tanh=torch.tanh,
    tensordot=torch.tensordot,
    tile=lambda x, reps: torch.tile(x, reps if isinstance(reps, tuple) else (reps,)),
    trace=torch.trace,
    transpose=lambda x, axes=None: x.permute(tuple(range(x.ndim))[::-1] if axes is None else axes),
    tril=torch.tril,
    triu=torch.triu,
    var=_spread(torch.var),
    vstack=torch.vstack,
    where=lambda condition, a, b: torch.where(torch.as_tensor(condition), a, b),
)


def derivatives(function, arrays, weights, directions):
    """As `ours.derivatives`."""
    inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
    value = function(FUNCTIONS, *inputs)
    zeros = [np.zeros_like(a) for a in arrays]
    if not value.requires_grad:
        return value.numpy(), zeros, zeros
    seed = torch.as_tensor(weights(value.numpy(force=True)))
    slopes = torch.autograd.grad(value, inputs, seed, create_graph=True, allow_unused=True)
    moving = [
        (g, torch.as_tensor(d)) for g, d in zip(slopes, directions) if g is not None and g.requires_grad
    ]
    seconds = [None] * len(arrays)
    if moving:
        outputs, seeds = zip(*moving)
        seconds = torch.autograd.grad(outputs, inputs, seeds, allow_unused=True)
    return value.numpy(force=True), *(filled(found, zeros, _array) for found in (slopes, seconds))


def _array(gradient):
    return gradient.numpy(force=True)
