import numpy as np

from tinygrad_mnist.learn import earlier

order = earlier("order").order
layer, entropy = earlier("linear"), earlier("cross_entropy")
relu_rule, initial = earlier("activations").relu_rule, earlier("initial").initial


class Tensor:
    def __init__(self, data, inputs=(), rules=()):
        self.data, self.inputs, self.rules = np.asarray(data), inputs, rules
        self.grad = np.zeros_like(self.data)


def linear(x, weight, bias):
    arrays = x.data, weight.data, bias.data
    rules = [lambda g, k=k: layer.backward(g, *arrays)[k] for k in range(3)]
    return Tensor(layer.forward(*arrays), (x, weight, bias), rules)


def relu(x):
    y = np.maximum(x.data, 0)
    return Tensor(y, (x,), [lambda g: relu_rule(g, y, x.data)])


def cross_entropy(scores, labels):
    rule = lambda g: g * entropy.rule(scores.data, labels)
    return Tensor(entropy.loss(scores.data, labels), (scores,), [rule])


def network(rng):
    sizes = [(64, 64), (10, 64)]
    return [Tensor(x) for n, k in sizes for x in (initial(rng, n, k), np.zeros(n))]


def scores_of(parameters, images):
    w1, b1, w2, b2 = parameters
    return linear(relu(linear(Tensor(images), w1, b1)), w2, b2)


def backward(output):
    output.grad = np.ones_like(output.data)
    for value in order(output):
        for x, rule in zip(value.inputs, value.rules):
            x.grad = x.grad + rule(value.grad)


def step(parameters, images, labels, lr):
    for p in parameters:
        p.grad = np.zeros_like(p.data)
    loss = cross_entropy(scores_of(parameters, images), labels)
    backward(loss)
    for p in parameters:
        p.data -= lr * p.grad
    return float(loss.data)


def train(parameters, images, labels):
    for _ in range(30):
        for k in range(0, len(images), 32):
            step(parameters, images[k : k + 32], labels[k : k + 32], 0.5)
