"""Networks in JAX as functions of their parameters by PyTorch's names; JAX is imported where it is called."""

from __future__ import annotations

from typing import Any

Parameters = dict[str, Any]


def row_reader(parameters: Parameters, x: Any) -> Any:
    """Return the logits (n, 10) of images (rows, n, 28): an LSTM by a scan over the rows."""
    import jax
    import jax.numpy as jnp

    into, recurrent = (parameters[f"rows.weight_{kind}_l0"].T for kind in ("ih", "hh"))
    bias = parameters["rows.bias_ih_l0"] + parameters["rows.bias_hh_l0"]

    def step(state: Any, row: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(row + h @ recurrent, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[1], len(recurrent)), x.dtype)
    (h, _), _ = jax.lax.scan(step, (zeros, zeros), x @ into + bias)
    return _linear(parameters, "out", h)


def transformer(parameters: Parameters, letters: Any) -> Any:
    """Return the logits (n, length, letters) of the letters that follow."""
    import jax
    import jax.numpy as jnp

    x = parameters["letters.weight"][letters] + parameters["places.weight"]
    n, length, width = x.shape
    for block in range(2):
        name = f"blocks.{block}"
        parts = _linear(parameters, f"{name}.attend.parts", _layer_norm(parameters, f"{name}.first", x))
        query, key, value = jnp.moveaxis(parts.reshape(n, length, 3, 4, width // 4), (2, 3), (0, 2))
        scores = query @ key.mT / query.shape[-1] ** 0.5
        weights = jax.nn.softmax(jnp.where(jnp.tri(length, dtype=bool), scores, -1e9))
        found = (weights @ value).swapaxes(1, 2).reshape(n, length, width)
        x = x + _linear(parameters, f"{name}.attend.out", found)
        inner = _linear(parameters, f"{name}.think.0", _layer_norm(parameters, f"{name}.second", x))
        x = x + _linear(parameters, f"{name}.think.2", jax.nn.gelu(inner, approximate=False))
    return _linear(parameters, "out.1", _layer_norm(parameters, "out.0", x))


def lenet(parameters: Parameters, x: Any) -> Any:
    """Return the logits (n, 10) of images (n, 1, 28, 28)."""
    import jax
    import jax.numpy as jnp

    for layer, padding in ((0, 2), (3, 0)):
        weight, bias = parameters[f"{layer}.weight"], parameters[f"{layer}.bias"]
        x = jax.lax.conv(jnp.pad(x, ((0, 0), (0, 0), *[(padding, padding)] * 2)), weight, (1, 1), "VALID")
        x, window = jax.nn.relu(x + bias[:, None, None]), (1, 1, 2, 2)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
    x = x.reshape(len(x), -1)
    x = jax.nn.relu(_linear(parameters, "7", x))
    return _linear(parameters, "11", jax.nn.relu(_linear(parameters, "9", x)))


def _linear(parameters: Parameters, name: str, x: Any) -> Any:
    return x @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"]


def _layer_norm(parameters: Parameters, name: str, x: Any) -> Any:
    import jax

    centred = x - x.mean(-1, keepdims=True)
    normal = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return normal * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]
