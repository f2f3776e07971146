"""Compare with second difference quotients: differences of gradients."""

import numpy as np

from tinygrad_mnist import grad, ops
from tinygrad_mnist.learn import Finding, agree, fail, line_of, require_filled, slopes

ONE = [("x**3", lambda x: x**3, 2.0), ("exp(x) x", lambda x: ops.exp(x) * x, 0.5)]


def f(x):
    return (x**3).sum() + x[0] * x[1] * x[2]


def check(work):
    for name, function, x in ONE:
        got = filled(work, "second", function, x)
        gradient = grad(function)
        d, right = float(gradient(np.array(x))), float(slopes(gradient, x))
        mistakes = {
            "it is the first derivative: differentiate it once more": d,
            "the first derivative is squared: it should be differentiated": d * d,
            "it is f itself": float(function(np.array(x))),
        }
        line = line_of(work.get("second"))
        agree(
            "`second`", got, right, {"f": name, "x": x}, mistakes, "the difference quotient of f' says", line
        )
    x, v = np.array([1.0, 2.0, -1.0]), np.array([1.0, 0.5, -2.0])
    got = filled(work, "hvp", f, x, v)
    gradient = grad(f)
    hessian = np.array([slopes(lambda x, k=k: gradient(x)[k], x) for k in range(3)])
    mistakes = {
        "v is not used: you have the sums of the rows of the Hessian": hessian.sum(axis=0),
        "v is multiplied afterwards: it should be inside of what is differentiated": hessian.sum(axis=0) * v,
        "only the diagonal of the Hessian is there": np.diag(hessian) * v,
        "it is the gradient times v: differentiate its sum once more": gradient(x) * v,
        "it is one number: differentiate it with respect to x": float(gradient(x) @ v),
    }
    given = {"f": "(x**3).sum() + x[0] x[1] x[2]", "x": x, "v": v}
    line = line_of(work.get("hvp"))
    agree("`hvp`", got, hessian @ v, given, mistakes, "the Hessian by differences, times v, is", line)


def filled(work, name, *inputs):
    """Call a learner's function; explain a graph that was not recorded."""
    line = line_of(work.get(name))
    try:
        got = work.get(name)(*inputs)
    except Exception as error:
        if "create_graph" in str(error):
            fail(f"`{name}`: the first gradient is not recorded, so it cannot be differentiated; write "
                 "autograd.grad(..., create_graph=True) for it", line)  # fmt: skip
        raise
    require_filled(f"`{name}`", got, line)
    if isinstance(got, tuple):
        raise Finding(f"`{name}` gives a tuple: autograd.grad returns one; take its first element, [0]", line)
    return got
