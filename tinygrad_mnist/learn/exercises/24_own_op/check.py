"""Compare forward and rules with difference quotients, then ask assert_op: second order, dtypes, Tensors."""

import numpy as np

from tinygrad_mnist.checking import assert_op
from tinygrad_mnist.learn import agree, fail, line_of, require_filled, slopes


def right(x, beta):
    return x / (1 + np.exp(-beta * x))


def check(work):
    x, beta, g = np.array([0.5, -1.5]), np.array([1.0, 2.0]), np.array([1.0, -2.0])
    op = work.get("swish")
    if not hasattr(op, "vjps"):
        fail("`swish` is a plain function: @primitive above it makes it an op")
    agree("swish(x, beta)", op(x, beta), right(x, beta), {"x": x, "beta": beta}, {}, "right is")
    s, y = 1 / (1 + np.exp(-beta * x)), right(x, beta)
    each = s * (1 - s)
    known = {
        "x": {
            "the second x is missing: x stands in front and in sigmoid": g * s,
            "x in front is missing: (x s)' = s + x s'": g * (beta * each),
            "the factor beta is missing: the inner derivative": g * (s + x * each),
            "the derivative of sigmoid is s (1 - s): the factor 1 - s is missing": g * (s + x * beta * s),
            "g is not used": s + x * beta * each,
        },
        "beta": {
            "one factor x is missing: x stands in front and is the inner derivative": g * x * each,
            "it is the rule for x": g * (s + x * beta * each),
            "the inner derivative with respect to beta is x, not beta": g * x * beta * each,
            "g is not used": x * x * each,
        },
    }
    for position, name in enumerate(known):
        rule = work.get(f"rule_{name}")
        got = rule(g, y, x, beta)
        require_filled(f"`rule_{name}`", got, line_of(rule))
        mistakes = {f"in the rule for {name} {say}": value for say, value in known[name].items()}
        quotient = slopes(right, x, beta, position=position, g=g)
        given = {"g": g, "x": x, "beta": beta}
        agree(f"`rule_{name}`", got, quotient, given, mistakes, line=line_of(rule))
    prove(work, op, x, beta)


def prove(work, op, x, beta):
    try:
        assert_op(op, x, beta)
    except AssertionError as error:
        said = str(error)
        head = said.partition("\n")[0]
        if not op.rules:
            fail("the op has no rules: write swish.vjps(rule_x, rule_beta)")
        if head.startswith("order 2"):
            told = f"the rules are right, but they cannot be differentiated again (second order, {head[9:]})"
            fail(f"{told}; write them with operators and ops.sigmoid", line_of(work.get("rule_x")))
        fail(f"the op as a whole is not right yet: {head}")
