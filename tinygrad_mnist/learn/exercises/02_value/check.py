"""Compare the gradients of two small trees with difference quotients."""

from tinygrad_mnist.learn import Finding, agree, line_of, require_filled, slopes


def check(work):
    Value, backward = work.get("Value"), work.get("backward")
    line, numbers = line_of(backward), {"a": 2.0, "b": 3.0, "c": -4.0}
    a, b = Value(2.0), Value(3.0)
    y = a * b
    require_filled("a * b", y, line_of(Value.__mul__))
    if not isinstance(y, Value):
        raise Finding(
            "a * b gives a plain number, which remembers nothing: return a Value", line_of(Value.__mul__)
        )
    agree("(a * b).data", y.data, 6.0, {"a": 2.0, "b": 3.0}, source="right is", line=line_of(Value.__mul__))
    if tuple(y.inputs) != (a, b):
        raise Finding(
            "(a * b).inputs are not (self, other): backward finds its way by them", line_of(Value.__mul__)
        )
    agree("(a * b).slopes", list(y.slopes), [3.0, 2.0], {"a": 2.0, "b": 3.0},
          {"the slopes of a * b are exchanged: the one of a is b": [2.0, 3.0],
           "the slopes of a * b are those of a + b": [1.0, 1.0]}, line=line_of(Value.__mul__))  # fmt: skip
    backward(y)
    if (y.grad, a.grad, b.grad) == (0.0, 0.0, 0.0):
        raise Finding("`backward` changes no gradient: store g, and call it for the inputs", line, open=True)
    agree("y.grad", y.grad, 1.0, {}, {"the output gets no gradient: dy/dy is 1": 0.0}, "right is", line)
    product(Value, backward, numbers, line)


def product(Value, backward, numbers, line):
    """Compare the gradients of (a b + c) c', where c' is one Value more."""
    numbers = {**numbers, "d": 5.0}
    a, b, c, d = values = [Value(x) for x in numbers.values()]
    backward((a * b + c) * d)
    right = [slopes(lambda a, b, c, d: (a * b + c) * d, *numbers.values(), position=k) for k in range(4)]
    far = {
        "the gradient stops after one op: call backward for each input": [0.0, 0.0, 0.0, 2.0],
        "each input gets its slope alone: the chain rule multiplies it with g": [3.0, 2.0, 1.0, 2.0],
        "each input gets g alone: the chain rule multiplies it with the slope": [1.0, 1.0, 1.0, 1.0],
        "g and the slope are added: the chain rule multiplies": [9.0, 8.0, 7.0, 3.0],
    }
    agree(
        "the list of gradients of y = (a b + c) d", [x.grad for x in values], right, numbers, far, line=line
    )
