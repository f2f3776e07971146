"""A number that remembers where it came from.

A Value holds a number. The result of an op also keeps its inputs, and for each input the slope: the
derivative of the result with respect to it. `__add__` shows how.

1. Write `__mul__`.
2. Write `backward`: it stores the gradient g in `value.grad`, and sends each input its share by the
   chain rule.
"""


class Value:
    def __init__(self, data, inputs=(), slopes=()):
        self.data, self.inputs, self.slopes = data, inputs, slopes
        self.grad = 0.0

    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return ...


def backward(value, g=1.0):
    # your code
    ...


if __name__ == "__main__":
    a, b = Value(2.0), Value(3.0)
    y = a * b
    backward(y)
    print("dy/da:", a.grad, "  dy/db:", b.grad)
