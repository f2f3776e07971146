"""Who takes part, by the name in the table."""

from __future__ import annotations

from collections.abc import Callable

from tinygrad_mnist.benchmark import libraries, own
from tinygrad_mnist.benchmark.measure import Contestant
from tinygrad_mnist.benchmark.workloads import Setup

PRODUCTS, HAND_IN_PLACE, HAND = "matrix products", "by hand, in place", "by hand"
REPLAY, NATIVE, EAGER, PYTORCH = "replay", "native", "eager", "PyTorch"

CONTESTANTS: dict[str, Callable[[Setup], Contestant | None]] = {
    PRODUCTS: own.products,
    HAND_IN_PLACE: own.hand_in_place,
    HAND: own.hand,
    REPLAY: own.replay,
    NATIVE: own.native,
    EAGER: own.eager,
    PYTORCH: libraries.pytorch,
    "JAX jit": libraries.jax_jit,
    "HIPS autograd": libraries.hips_autograd,
    "MyGrad": libraries.mygrad,
}
