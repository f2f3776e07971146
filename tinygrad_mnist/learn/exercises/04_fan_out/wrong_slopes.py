# the slopes are added without the gradient that arrives
from tinygrad_mnist.learn import earlier

order = earlier("order").order


def backward(output):
    output.grad = 1.0
    for value in order(output):
        for x, slope in zip(value.inputs, value.slopes):
            x.grad += slope
