"""Checks in threads at once give what each gives alone, and leave the warning filters as they were."""

import time
import warnings

import numpy as np

from tests.concurrent import at_once
from tinygrad_mnist import ops, primitive
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking import check_gradients


def test_dropped_imaginary_parts_give_one_report_in_all_threads():
    try:

        @primitive
        def real_square(x):
            time.sleep(1e-5)  # let another thread go on
            return np.asarray(x * x).astype(np.float64)  # the complex step finds nothing here, and says so

        real_square.vjps(lambda g, y, x: 2 * g * x)
        x = np.linspace(-1, 1, 7)

        def work():
            return [str(check_gradients(lambda x: ops.sum(real_square(ops.tanh(x))), x)) for _ in range(5)]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            filters = list(warnings.filters)
            expected = work()
            found = at_once(*[work] * 4)
            assert warnings.filters == filters
        assert found == [expected] * 4
    finally:
        del REGISTRY["real_square"]
