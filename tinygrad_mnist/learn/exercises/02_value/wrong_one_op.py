# the gradient stops after one op
class Value:
    def __init__(self, data, inputs=(), slopes=()):
        self.data, self.inputs, self.slopes = data, inputs, slopes
        self.grad = 0.0

    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Value(self.data * other.data, (self, other), (other.data, self.data))


def backward(value, g=1.0):
    value.grad = g
    for x, slope in zip(value.inputs, value.slopes):
        x.grad = g * slope
