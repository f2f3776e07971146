"""Compare at a large h, where central and one-sided quotients differ by much; then for whole numbers."""

import numpy as np

from tinygrad_mnist.learn import fail, line_of, numbers


def f(x):
    """Return a number in which neighbours are multiplied, so that an entry that is not put back shows."""
    return float((x**3).sum() + np.prod(x))


def right(x, h):
    x, e = x.astype(float), np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([(f(x + h * u) - f(x - h * u)) / (2 * h) for u in e]).reshape(x.shape)


def one_sided(x, h):
    e = np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([(f(x + h * u) - f(x)) / h for u in e]).reshape(x.shape)


def not_put_back(x, h):
    """Return what a walk gives that leaves each entry at x[i] - h."""
    x, result = x.copy(), np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        up = f(x)
        x[i] -= 2 * h
        result[i] = (up - f(x)) / (2 * h)
    return result


def check(work):
    h = 0.1
    for x in (np.array([1.0, 2.0, -1.5]), np.array([[0.5, 1.0], [2.0, -1.0]])):
        mistakes = {
            "the distance of x + h and x - h is 2 h: you divide by h": 2 * right(x, h),
            "the quotient is one-sided: its error is as h, that of the central one as h squared": one_sided(
                x, h
            ),
            "the quotient is one-sided, to the left": one_sided(x, -h),
            "an entry is not put back before the next one moves": not_put_back(x, h),
            "all entries move at once: move one at a time": np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h)),
            "the division is missing": right(x, h) * 2 * h,
        }
        given = {"f": f, "x": x, "h": h}
        work.compare("gradient", given, right(x, h), mistakes, "(f(x + h) - f(x - h)) / (2 h) is")
    whole = np.array([1, 2, 3])
    line = line_of(work.get("gradient"))
    got = numbers("`gradient`", work.call("gradient", f, whole, h), line)
    if got.shape == (3,) and not np.allclose(got, right(whole, h)):
        told = f"for x = [1, 2, 3], whole numbers, it gives {got.round(3).tolist()}"
        fail(f"{told}: an array of whole numbers rounds x[i] + h; make it floats first", line)
    work.compare("gradient", {"f": f, "x": whole, "h": h}, right(whole, h))
