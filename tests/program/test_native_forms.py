"""What native code takes over, and what it leaves to NumPy: seen in a refusal, without compiling anything."""

import numpy as np
import pytest

from tinygrad_mnist import ops
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile

pytest.importorskip("numba", reason="native code needs numba: pip install -e '.[native]'")

LEFT_TO_NUMPY = {
    "half precision": (lambda x: x * 2 + 1, np.ones(3, np.float16)),
    "short integers": (lambda x: x * 2 + 1, np.ones(3, np.int16)),
    "a sum of integers": (lambda x: ops.sum(x, axis=0), np.ones((2, 3), int)),
    "a clip of integers": (lambda x: ops.clip(x, min=0, max=2), np.ones(3, int)),
    "an index alone": (lambda x: x[[0, 0]], np.ones(3)),
}


@pytest.mark.parametrize("name", LEFT_TO_NUMPY)
def test_program_without_any_native_form_is_refused(name):
    function, x = LEFT_TO_NUMPY[name]
    compiled = compile(function, backend="native")
    compiled(x)  # the function itself
    for call in (compiled, compiled.check):
        with pytest.raises(CaptureError, match="none of its operations has a native form"):
            call(x)
