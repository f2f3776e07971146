"""Methods and functions of PyTorch, NumPy, TensorFlow and JAX, with what to write here."""

from __future__ import annotations

from tinygrad_mnist.hints import foreign_names

ON_CPU = "leave it out: arrays are in main memory"
_IN_PLACE = "ops return new Tensors; a leaf changes by assignment: `x.data = np.zeros(x.shape)`"

TENSOR = {
    "add": "write `x + y`",
    "add_": _IN_PLACE,
    "argmin": "write `np.argmin(x)`",
    "clamp": "write `x.clip(0.0, 1.0)`",
    "clone": "write `+x` for a node of its own, `x.detach()` for a copy without graph",
    "copy": "write `x.detach()` for a copy without graph, `+x` for a node of its own",
    "cpu": ON_CPU,
    "cuda": ON_CPU,
    "device": ON_CPU,
    "dot": "write `x @ y`",
    "double": "write `x.astype(np.float64)`",
    "float": "write `x.astype(np.float32)`",
    "grad_fn": "write `x.primitive` for the op and `x.inputs` for what it was applied to",
    "logsumexp": "write `ops.logsumexp(x, axis=-1)`",
    "masked_fill": "write `ops.where(mask, 0.0, x)`",
    "matmul": "write `x @ y`",
    "mm": "write `x @ y`",
    "mul": "write `x * y`",
    "norm": "write `ops.norm(x)`",
    "numel": "write `x.size`",
    "permute": "write `x.transpose(1, 0)`",
    "pow": "write `x**2`",
    "ravel": "write `x.flatten()`",
    "register_hook": "write `x.retain_grad()`, which keeps the gradient in x.grad after backward()",
    "repeat": "write `ops.tile(x, 2)` for copies side by side, `ops.repeat(x, 2)` for each element twice",
    "sort": "write `ops.sort(x)`",
    "softmax": "write `ops.softmax(x, axis=-1)`",
    "t": "write `x.T`",
    "to": "write `x.astype(np.float32)`; " + ON_CPU,
    "unsqueeze": "write `ops.expand_dims(x, 0)`",
    "view": "write `x.reshape(-1)`",
    "zero_": _IN_PLACE,
    "bool": "write `x > 0`",
    "chunk": "write slices: `[x[:2], x[2:]]`",
    "contiguous": "leave it out: each op lays out its result itself",
    "dim": "write `x.ndim`",
    "eq": "write `x == y`",
    "expand": "write `ops.broadcast_to(x, shape=(2, 3, 3))`",
    "fill_": "ops return new Tensors; a leaf changes by assignment: `x.data = np.ones(x.shape)`",
    "gather": "write an index: `x[np.arange(3), labels]`",
    "half": "write `x.astype(np.float16)`",
    "int": "write `x.data.astype(int)`",
    "long": "write `x.data.astype(int)`",
    "new_ones": "write `np.ones((2, 3), x.dtype)`",
    "new_zeros": "write `np.zeros((2, 3), x.dtype)`",
    "sub": "write `x - y`",
    "topk": "write `np.argsort(x.data)[..., -2:]` for the places, and an index for the values",
    "type": "write `x.astype(np.float32)`, or `x.dtype`",
}
TENSOR |= {
    f"{name}_": _IN_PLACE
    for name in (
        *("abs", "addmm", "bernoulli", "ceil", "clamp", "clip", "copy", "cos", "div", "exp", "exponential"),
        *("floor", "index_add", "index_copy", "index_fill", "log", "masked_fill", "masked_scatter", "mul"),
        *("neg", "normal", "pow", "put", "random", "reciprocal", "relu", "resize", "round", "rsqrt"),
        *("scatter", "scatter_add", "share_memory", "sigmoid", "sign", "sin", "sqrt", "squeeze", "sub", "t"),
        *("tan", "tanh", "transpose", "trunc", "uniform", "unsqueeze"),
    )
}
TENSOR |= {
    name: f"write `ops.{name}`"
    for name in (
        *("arctan2", "avg_pool2d", "broadcast_to", "conv2d", "diag", "einsum", "expand_dims", "flip"),
        *("getitem", "hstack", "inner", "linear", "log_softmax", "logaddexp", "matrix_transpose"),
        *("max_pool2d", "maximum", "minimum", "moveaxis", "one_hot", "outer", "pad", "power", "roll"),
        *("sigmoid_cross_entropy", "softmax_cross_entropy", "softplus", "split", "squared_error", "stack"),
        *("tensordot", "tile", "tril", "triu", "vstack", "where"),
    )
}
TENSOR |= {  # without a derivative: on the array
    name: f"write `np.{name}(x.data)`"
    for name in (
        *("all", "any", "argsort", "ceil", "count_nonzero", "diff", "fliplr", "flipud", "imag", "isfinite"),
        *("isinf", "isnan", "median", "nan_to_num", "nonzero", "real", "rot90", "round", "sinc", "trunc"),
        "unique",
    )
}
TENSOR |= {
    name: f"write `np.linalg.{name}(x.data)`, which has no derivative here"
    for name in ("det", "pinv", "qr", "slogdet", "svd")
}
TENSOR |= {
    name: f"write `x.data.{name}`"
    for name in (
        *("argpartition", "base", "byteswap", "choose", "compress", "conj", "conjugate", "ctypes", "dump"),
        *("dumps", "flags", "flat", "getfield", "itemsize", "nbytes", "partition", "searchsorted"),
        *("setfield", "setflags", "strides", "to_device", "tobytes", "tofile"),
    )
}
TENSOR |= {
    "absolute": "write `abs(x)`",
    "acos": "write `ops.arccos(x / 2)`",
    "addmm": "write `x + x @ y`",
    "allclose": "write `np.allclose(x.data, y.data)`",
    "amax": "write `x.max(axis=0)`",
    "amin": "write `x.min(axis=0)`",
    "asin": "write `ops.arcsin(x / 2)`",
    "assign": _IN_PLACE,
    "atan": "write `ops.arctan(x)`",
    "atan2": "write `ops.arctan2(x, y)`",
    "baddbmm": "write `x + x @ y`",
    "bernoulli": "write `np.random.default_rng(0).random(x.shape) < x.data`",
    "bincount": "write `np.bincount(labels)`",
    "bmm": "write `x @ y`",
    "clamp_max": "write `ops.minimum(x, 1.0)`",
    "clamp_min": "write `ops.maximum(x, 0.0)`",
    "concatenate": "write `ops.concatenate([x, y])`",
    "diag_embed": "write `x[:, :, None] * np.eye(3)`",
    "dist": "write `ops.norm(x - y)`",
    "div": "write `x / y`",
    "divide": "write `x / y`",
    "element_size": "write `x.data.itemsize`",
    "equal": "write `np.array_equal(x.data, y.data)`",
    "expand_as": "write `ops.broadcast_to(x, shape=y.shape)`",
    "floor_divide": "write `(x / y).floor()`",
    "fill": _IN_PLACE,
    "fmod": "write `x - (x / y).floor() * y` for positive numbers",
    "ge": "write `x >= y`",
    "get_device": ON_CPU,
    "get_shape": "write `x.shape`",
    "gt": "write `x > y`",
    "hypot": "write `ops.sqrt(x * x + y * y)`",
    "index_select": "write an index: `x[labels]`",
    "inverse": "write `np.linalg.pinv(x.data)`, which has no derivative here",
    "is_contiguous": "leave it out: each op lays out its result itself",
    "is_cuda": ON_CPU,
    "isclose": "write `np.isclose(x.data, y.data)`",
    "kthvalue": "write `ops.sort(x)[..., 1]`",
    "le": "write `x <= y`",
    "lerp": "write `x + 0.5 * (y - x)`",
    "logical_and": "write `(x > 0) & (y > 0)`",
    "logical_not": "write `~(x > 0)`",
    "logical_or": "write `(x > 0) | (y > 0)`",
    "lt": "write `x < y`",
    "masked_select": "write an index: `x[mask]`",
    "movedim": "write `ops.moveaxis(x, 0, 1)`",
    "multiply": "write `x * y`",
    "mv": "write `x @ y[0]`",
    "narrow": "write a slice: `x[:, 1:3]`",
    "ndimension": "write `x.ndim`",
    "ne": "write `x != y`",
    "neg": "write `-x`",
    "negative": "write `-x`",
    "nelement": "write `x.size`",
    "new_empty": "write `np.empty((2, 3), x.dtype)`",
    "new_full": "write `np.full((2, 3), 0.5, x.dtype)`",
    "new_tensor": "write `Tensor([1.0, 2.0])`",
    "pin_memory": ON_CPU,
    "put": _IN_PLACE,
    "resize": "write `x.reshape(-1)`",
    "remainder": "write `x - (x / y).floor() * y`",
    "repeat_interleave": "write `ops.repeat(x, 2)`",
    "reshape_as": "write `x.reshape(y.shape)`",
    "rsqrt": "write `1 / ops.sqrt(x)`",
    "scatter": "fill an array by an index first, then `Tensor(np.zeros(3))`",
    "scatter_add": "write `ops.one_hot(labels, classes=3, dtype=np.float64).T @ x`",
    "select": "write an index: `x[:, 1]`",
    "set_shape": "write `x.reshape(3, 3)`",
    "subtract": "write `x - y`",
    "swapdims": "write `x.swapaxes(0, 1)`",
    "true_divide": "write `x / y`",
    "type_as": "write `x.astype(y.dtype)`",
    "unbind": "write `[x[0], x[1], x[2]]`",
    "unflatten": "write `x.reshape(3, 3, 1)`",
    "unfold": "write slices: `ops.stack([x[:, i : i + 2] for i in range(2)])`",
    "vdot": "write `(x * y).sum()`",
    "view_as": "write `x.reshape(y.shape)`",
    "xlogy": "write `x * ops.log(y)`",
}


@foreign_names(TENSOR)
class NotInTensor:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""

    __slots__ = ()


OPS = {
    "absolute": "write `ops.abs(x)`",
    "argmax": "write `x.argmax()`",
    "bmm": "write `x @ y`",
    "cat": "write `ops.concatenate([x, y])`",
    "cast": "write `ops.astype(x, np.float32)`",
    "clamp": "write `ops.clip(x, min=0.0, max=1.0)`",
    "cross_entropy": "write `ops.softmax_cross_entropy(x, labels).mean()`, or nn.CrossEntropyLoss()",
    "div": "write `x / y`",
    "dropout": "write `nn.Dropout(0.5)(x)`",
    "elu": "write `ops.where(x > 0, x, ops.exp(ops.minimum(x, 0.0)) - 1)`",
    "expand": "write `ops.broadcast_to(x, shape=(2, 3, 3))`",
    "expit": "write `ops.sigmoid(x)`",
    "gelu": "write `x * (1 + ops.erf(x / 2**0.5)) / 2`",
    "identity": "write `+x`",
    "leaky_relu": "write `ops.maximum(x, 0.01 * x)`",
    "mm": "write `x @ y`",
    "mse_loss": "write `((x - y) ** 2).mean()`",
    "mul": "write `x * y`",
    "neg": "write `-x`",
    "permute": "write `x.transpose(1, 0)`",
    "pow": "write `x**2`",
    "ravel": "write `ops.flatten(x)`",
    "silu": "write `x * ops.sigmoid(x)`",
    "sub": "write `x - y`",
    "true_divide": "write `x / y`",
    "unsqueeze": "write `ops.expand_dims(x, 0)`",
    "view": "write `ops.reshape(x, shape=-1)`",
}
