"""Methods and functions of PyTorch, NumPy, TensorFlow and JAX, with what to write here."""

from __future__ import annotations

from tinygrad_mnist.hints import foreign_names

_ON_CPU = "leave it out: arrays are in main memory"
_IN_PLACE = "ops return new Tensors; a leaf changes by assignment: `x.data = np.zeros(x.shape)`"

TENSOR = {
    "add": "write `x + y`",
    "add_": _IN_PLACE,
    "argmin": "write `np.argmin(x)`",
    "clamp": "write `x.clip(0.0, 1.0)`",
    "clone": "write `+x` for a node of its own, `x.detach()` for a copy without graph",
    "copy": "write `x.detach()` for a copy without graph, `+x` for a node of its own",
    "cpu": _ON_CPU,
    "cuda": _ON_CPU,
    "cumsum": "write `np.tril(np.ones((len(x), len(x)))) @ x`",
    "device": _ON_CPU,
    "dot": "write `x @ y`",
    "double": "write `x.astype(np.float64)`",
    "float": "write `x.astype(np.float32)`",
    "grad_fn": "write `x.primitive` for the op and `x.inputs` for what it was applied to",
    "logsumexp": "write `ops.logsumexp(x, axis=-1)`",
    "masked_fill": "write `ops.where(mask, 0.0, x)`",
    "matmul": "write `x @ y`",
    "mm": "write `x @ y`",
    "mul": "write `x * y`",
    "norm": "write `(x * x).sum().sqrt()`",
    "numel": "write `x.size`",
    "permute": "write `x.transpose(1, 0)`",
    "pow": "write `x**2`",
    "prod": "for positive x write `x.log().sum().exp()`",
    "ravel": "write `x.flatten()`",
    "register_hook": "write `x.retain_grad()`, which keeps the gradient in x.grad after backward()",
    "repeat": "write `ops.concatenate([x, x])`",
    "softmax": "write `ops.softmax(x, axis=-1)`",
    "squeeze": "write `ops.squeeze(x)`",
    "t": "write `x.T`",
    "to": "write `x.astype(np.float32)`; " + _ON_CPU,
    "unsqueeze": "write `ops.expand_dims(x, 0)`",
    "view": "write `x.reshape(-1)`",
    "zero_": _IN_PLACE,
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
    "cumsum": TENSOR["cumsum"],
    "div": "write `x / y`",
    "dot": "write `x @ y`",
    "dropout": "write `nn.Dropout(0.5)(x)`",
    "einsum": "write it with products, transposes and sums",
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
    "norm": TENSOR["norm"],
    "permute": "write `x.transpose(1, 0)`",
    "pow": "write `x**2`",
    "prod": TENSOR["prod"],
    "ravel": "write `ops.flatten(x)`",
    "repeat": TENSOR["repeat"],
    "silu": "write `x * ops.sigmoid(x)`",
    "split": "write slices: `[x[:1], x[1:]]`",
    "std": "write `x.std()`",
    "sub": "write `x - y`",
    "true_divide": "write `x / y`",
    "unsqueeze": "write `ops.expand_dims(x, 0)`",
    "var": "write `x.var()`",
    "view": "write `ops.reshape(x, shape=-1)`",
    "vstack": "write `ops.concatenate([x, y])`",
    "hstack": "write `ops.concatenate([x, y], axis=1)`",
}

TOP_LEVEL = {
    "Adam": "this package has SGD: `optim.SGD(model.parameters(), lr=0.1, momentum=0.9)`",
    "Linear": "write `nn.Linear(3, 4)`",
    "Module": "write `nn.Module`",
    "Parameter": "write `nn.Parameter(np.zeros(3))`",
    "SGD": "write `optim.SGD(model.parameters(), lr=0.1)`",
    "Sequential": "write `nn.Sequential(nn.Linear(3, 4), nn.ReLU())`",
    "Variable": "write `Tensor(1.0, requires_grad=True)`",
    "arange": "write `Tensor(np.arange(3.0))`: arrays are made by NumPy",
    "array": "write `Tensor([1.0, 2.0])`",
    "as_tensor": "write `Tensor([1.0, 2.0])`",
    "cat": "write `ops.concatenate([x, y])`",
    "cuda": _ON_CPU,
    "device": _ON_CPU,
    "float32": "write `np.float32`",
    "float64": "write `np.float64`",
    "from_numpy": "write `Tensor(np.zeros(3))`",
    "function": "write `tm.compile(function)`",
    "functional": "its functions are ops: `ops.relu(x)`, `ops.softmax(x, axis=-1)`",
    "inference_mode": "write `no_grad()`",
    "int64": "write `np.int64`",
    "is_tensor": "write `isinstance(x, Tensor)`",
    "jit": "write `tm.compile(function)`",
    "keras": "layers are in `nn`, training is in `training`",
    "matmul": "write `x @ y`",
    "ones": "write `Tensor(np.ones(3))`: arrays are made by NumPy",
    "rand": "write `Tensor(np.random.default_rng(0).random(3))`: arrays are made by NumPy",
    "randn": "write `Tensor(np.random.default_rng(0).standard_normal(3))`: arrays are made by NumPy",
    "seed": "write `tm.manual_seed(0)`, or give a seed to each layer: `nn.Linear(3, 4, rng=0)`",
    "set_grad_enabled": "write `no_grad()`",
    "transforms": "they are at the top: `tm.grad(np.sum)(x)`, `tm.hessian(np.sum)(x)`",
    "tensor": "write `Tensor([1.0, 2.0])`",
    "utils": "loops over `Loader(x.data, labels, 2)` give batches",
    "vmap": "write the function for arrays with one axis more: ops broadcast",
    "zeros": "write `Tensor(np.zeros(3))`: arrays are made by NumPy",
}
TOP_LEVEL |= {
    name: f"write `ops.{name}(x)`"
    for name in (
        "abs",
        "cos",
        "exp",
        "log",
        "mean",
        "relu",
        "sigmoid",
        "sin",
        "softmax",
        "sqrt",
        "sum",
        "tanh",
    )
}
