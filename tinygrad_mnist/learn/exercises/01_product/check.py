"""Compare both rules with difference quotients."""

from tinygrad_mnist.learn import slopes


def check(work):
    for g, a, b in [(1.0, 2.0, 3.0), (2.0, 1.5, -0.5)]:
        given = {"g": g, "a": a, "b": b}
        first, second = (slopes(lambda a, b: a * b, a, b, position=k, g=g) for k in (0, 1))
        work.compare(
            "rule_a",
            given,
            first,
            {
                "your rule for a is that of b": g * a,
                "your rule for a forgets g, the gradient that arrives": b,
                "your rule for a is the product itself, not its derivative": a * b,
                "your rule for a adds: the two inputs have one rule each": g * (a + b),
            },
        )
        work.compare(
            "rule_b",
            given,
            second,
            {
                "your rule for b is that of a": g * b,
                "your rule for b forgets g, the gradient that arrives": a,
                "your rule for b is the product itself, not its derivative": a * b,
            },
        )
