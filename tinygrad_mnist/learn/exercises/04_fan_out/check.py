"""Compare the gradients of graphs with shared Values with difference quotients."""

from tinygrad_mnist.learn import Finding, agree, earlier, is_empty, line_of, slopes

GRAPHS = {
    "y = a * b": lambda a, b: a * b,
    "y = a * b + a": lambda a, b: a * b + a,
    "y = (a + b) * (a * b)": lambda a, b: (a + b) * (a * b),
    "y = a * a + b": lambda a, b: a * a + b,
    "y = c * c + c with c = a * b": lambda a, b: (lambda c: c * c + c)(a * b),
}


def check(work):
    Value = earlier("value").Value
    backward = work.get("backward")
    line = line_of(backward)
    for words, function in GRAPHS.items():
        a, b = Value(2.0), Value(3.0)
        y = function(a, b)
        backward(y)
        if (y.grad, a.grad, b.grad) == (0.0, 0.0, 0.0) and is_empty(backward):
            raise Finding("`backward` changes no gradient yet", line, open=True)
        agree(
            "y.grad",
            y.grad,
            1.0,
            {},
            {"the output's own gradient is missing: dy/dy is 1": 0.0},
            "right is",
            line,
        )
        right = [slopes(function, 2.0, 3.0, position=k) for k in (0, 1)]
        mistakes = {
            "a later share replaces an earlier one: shares are added": kept(function, last=True),
            "the first share is kept and later ones are lost: shares are added": kept(function, last=False),
            "the slopes are added without the gradient that arrives": alone(function),
        }
        for name, x, place in (("a.grad", a, 0), ("b.grad", b, 1)):
            chosen = {say: value[place] for say, value in mistakes.items()}
            agree(f"{name} of {words}", x.grad, right[place], {"a": 2.0, "b": 3.0}, chosen, line=line)
    visit_each_once(backward, line)


def visit_each_once(backward, line):
    """Refuse a walk along each path: their number doubles with each doubling."""
    visits = []

    class Counted(earlier("value").Value):
        inputs = property(
            lambda self: visits.append(1) or self.kept, lambda self, x: vars(self).update(kept=x)
        )

    y = Counted(1.0)
    for _ in range(10):
        y = Counted(2 * y.data, (y, y), (1.0, 1.0))
    backward(y)
    if len(visits) > 200:
        told = (
            f"y = x + x, ten times in a row, has 11 Values, and their inputs are read {len(visits):,} times"
        )
        raise Finding(f"every path is walked by itself: {told}; follow `order`, each Value once", line)


def kept(function, last):
    """Return the gradients of a walk that keeps one share."""
    return walk(function, lambda value, x, share: share if last or x.grad == 0.0 else x.grad)


def alone(function):
    """Return the gradients of a walk that adds slopes."""
    return walk(function, lambda value, x, share: x.grad + share / (value.grad or 1.0))


def walk(function, receive):
    Value, order = earlier("value").Value, earlier("order").order
    a, b = Value(2.0), Value(3.0)
    y = function(a, b)
    y.grad = 1.0
    for value in order(y):
        for x, slope in zip(value.inputs, value.slopes):
            x.grad = receive(value, x, value.grad * slope)
    return a.grad, b.grad
