"""Variants of the planted bugs, for sentences of the doctor that appear only in some cases."""

from dataclasses import replace

import numpy as np

from tests.doctor.patients import (
    SICK,
    STANDARD,
    Summed,
    Unused,
    built,
    chapter_1,
    classified,
    drawn,
    ending_in,
    fitted,
    inverted_images,
    main_job,
    perceptron,
    regression,
    rows,
    stepping,
    two_clouds,
    with_batches,
    with_loss,
)
from tinygrad_mnist import nn, ops, optim


def shifted(patient, by):
    return with_batches(patient, lambda x, y: (x + x.dtype.type(by), y))


def not_a_number(where):
    def build(mnist):
        patient = fitted(lambda y: y, 0.01)(mnist)
        if where == "parameter":
            patient.model[2].weight.data[0, 5:7] = np.inf
        else:
            patient.batches[2][1][3] = np.nan
        return patient

    return build


def copies_with_other_labels(mnist):
    patient = main_job(mnist)
    return with_batches(patient, lambda x, y: (x[np.arange(len(x)) % 50], y))


def one_batch(make, size=None):
    def build(mnist):
        patient = make(mnist)
        x, y = (np.concatenate(parts)[:size] for parts in zip(*patient.batches))
        return replace(patient, batches=[(x, y)])

    return build


def large_features(activation, by=100.0):
    def build(mnist):
        patient = fitted(lambda y: np.tanh(y), 0.01)(mnist)
        model = perceptron((3, 32, 1), activation, 0)
        patient = with_batches(patient, lambda x, y: (by * x, y))
        return replace(patient, model=model, optimizer=optim.SGD(model.parameters(), lr=0.01))

    return build


class WithoutLayers(nn.Module):
    """A network without a weighted sum."""

    def __init__(self):
        self.scale = nn.Parameter(np.ones(3, np.float32))

    def forward(self, x):
        return x * self.scale


def no_layer(mnist):
    patient = fitted(lambda y: np.repeat(y, 3, axis=1), 0.01)(mnist)
    model = WithoutLayers()
    patient = replace(patient, model=model, optimizer=optim.SGD(model.parameters(), lr=0.01))
    return with_batches(patient, lambda x, y: (1000 * x, np.tanh(y)))


class TwoSoftmaxes(nn.Module):
    def forward(self, x):
        return ops.softmax(ops.softmax(x))


class Centred(nn.Module):
    """Subtracts the mean of the batch."""

    def forward(self, x):
        return x - ops.mean(x, axis=-2, keepdims=True)


class DividedByAll(nn.Module):
    def forward(self, x):
        return x / ops.sum(ops.abs(x))


class Constant(Unused):
    """No parameter is used."""

    def forward(self, x):
        return (self.first(x).detach() * 1.0)[:, :10]


class FiveUnused(nn.Module):
    def __init__(self):
        rng = np.random.default_rng(0)
        self.used = nn.Linear(784, 10, rng=rng)
        self.a, self.b, self.c = (nn.Linear(3, n, rng=rng) for n in (2, 3, 4))

    def forward(self, x):
        return self.used(x)


class ByHand(nn.Module):
    """Weighted sums of operators: no module names them, and the first weight is (features, units)."""

    def __init__(self, activation=True):
        normal = np.random.default_rng(0).standard_normal
        self.w1 = nn.Parameter(normal((784, 30)) / 28, dtype=np.float32)
        self.b1 = nn.Parameter(np.zeros(30), dtype=np.float32)
        self.w2, self.w3 = (nn.Parameter(normal((n, 10)) / 6, dtype=np.float32) for n in (30, 10))
        self.activation = activation

    def forward(self, x):
        hidden = x @ self.w1 + self.b1
        return (hidden.tanh() if self.activation else hidden) @ self.w2 @ self.w3


def frozen_bias(mnist):
    patient = main_job(mnist)
    patient.model[2].bias.requires_grad = False
    return patient


def without_a_bias_in_the_optimizer(mnist):
    patient = main_job(mnist)
    first, bias, second, _ = patient.model.parameters()
    patient.optimizer = optim.SGD([first, bias, second, nn.Parameter(np.ones(3))], lr=0.1)
    return patient


def climbs_with_all(model, loss, optimizer):
    def step(inputs, targets):
        model.zero_grad()
        loss(model(inputs), targets).backward()
        for parameter in model.parameters():
            parameter.data = parameter.data + 0.25 * parameter.grad

    return step


def of_another_model(model, loss, optimizer):
    """The weights of the first layer alone are updated."""

    def step(inputs, targets):
        model.zero_grad()
        loss(model(inputs), targets).backward()
        model[0].weight.data = model[0].weight.data - 0.1 * model[0].weight.grad

    return step


def relus_of_a_bad_start(mnist):
    return drawn(lambda shape, rng: -np.abs(rng.normal(0, 0.05, shape)), nn.init.zeros)(mnist)


def equal_second_layer(mnist):
    """The rows of the second of three layers are equal, and so are their gradients."""
    model = perceptron((784, 20, 8, 10), nn.Tanh, 0)
    model[2].weight.data[:] = model[2].weight.data[:1]
    model[2].bias.data[:] = 0.1
    model[4].weight.data[:] = model[4].weight.data[:, :1]
    return replace(main_job(mnist), model=model, optimizer=optim.SGD(model.parameters(), lr=0.1))


class RootOfWeight(nn.Module):
    def __init__(self):
        self.weight = nn.Parameter(np.zeros(3, np.float32))

    def forward(self, x):
        return x * self.weight.sqrt()


def root_of_a_parameter(mnist):
    patient = fitted(lambda y: np.repeat(y, 3, axis=1), 0.01)(mnist)
    return replace(patient, model=RootOfWeight(), optimizer=None)


class NanInFirstLayer(Unused):
    def forward(self, x):
        return super().forward((x - x) / (x - x))


def loss_of(function):
    class Loss(nn.Module):
        def forward(self, output, target):
            return function(output, target)

    return with_loss(Loss)


VARIANTS = {
    "NaN in the targets": not_a_number("targets"),
    "infinity in a parameter": not_a_number("parameter"),
    "copies with other labels": copies_with_other_labels,
    "one batch, sorted": one_batch(SICK["two classes, sorted"][0], 50),
    "sorted by class, one batch": one_batch(SICK["sorted by class"][0], 32),
    "large features, relu": large_features(nn.ReLU),
    "large features, tanh": large_features(nn.Tanh),
    "large features, sigmoid": large_features(nn.Sigmoid, 25.0),
    "large features, no layer": no_layer,
    "raw pixels, relu": lambda mnist: with_batches(main_job(mnist), lambda x, y: (np.rint(255 * x), y)),
    "negative targets beyond the relu": lambda mnist: regression(
        mnist, lambda y: (-1.0 - y[:, None]).astype(np.float32), last=nn.ReLU
    ),
    "targets beyond the tanh": lambda mnist: regression(
        mnist, lambda y: (y[:, None] - 4.0).astype(np.float32), last=nn.Tanh
    ),
    "targets of a hundred": lambda mnist: regression(
        mnist, lambda y: (100.0 + y[:, None]).astype(np.float32)
    ),
    "pixels as targets": rows(lambda y: 255 * y),
    "softmax in the network, twice": ending_in(TwoSoftmaxes, lambda: nn.CrossEntropyLoss(from_logits=False)),
    "sigmoid before logits of two classes": lambda mnist: replace(
        (patient := classified(two_clouds)(mnist)), model=nn.Sequential(*patient.model, nn.Sigmoid())
    ),
    "relu before logits of two classes": lambda mnist: replace(
        (patient := classified(two_clouds)(mnist)), model=nn.Sequential(*patient.model, nn.ReLU())
    ),
    "the mean of the batch subtracted": ending_in(Centred),
    "divided by the sum of all": ending_in(DividedByAll),
    "no parameter used": built(Constant),
    "five parameters not used": built(FiveUnused),
    "no activation between operators": built(lambda: ByHand(activation=False)),
    "one activation between three operators": built(ByHand),
    "a frozen bias": frozen_bias,
    "a bias not in the optimizer": without_a_bias_in_the_optimizer,
    "a step that climbs": stepping(climbs_with_all),
    "a step of one layer": stepping(of_another_model),
    "inputs at 3": lambda mnist: shifted(chapter_1(mnist), 3),
    "inverted images, tanh": lambda mnist: with_batches(
        drawn(STANDARD, STANDARD, nn.Tanh)(mnist), lambda x, y: (1 - x, y)
    ),
    "inverted images, few": one_batch(inverted_images, 24),
    "N(0, 5) under tanh": drawn(nn.init.normal(5.0), activation=nn.Tanh),
    "N(0, 5) under sigmoid": drawn(nn.init.normal(5.0), activation=nn.Sigmoid),
    "biases of 30 under tanh": drawn(nn.init.normal(0.03), lambda shape, rng: np.full(shape, 30.0), nn.Tanh),
    "relus of a bad start": relus_of_a_bad_start,
    "an equal second layer": equal_second_layer,
    "rate 100 times too high, momentum 0": lambda mnist: main_job(mnist, lr=20, momentum=0.0),
    "summed loss, no momentum": with_loss(Summed, momentum=0.0, lr=0.05),
    "NaN of plain NumPy": built(NanInFirstLayer),
    "division by 0": loss_of(lambda output, target: (output / (output - output)).mean()),
    "root below 0": loss_of(lambda output, target: ((output - 100.0).sqrt()).mean()),
    "a broken power": loss_of(lambda output, target: ((output - 100.0) ** 0.5).mean()),
    "overflow of a product": loss_of(lambda output, target: (output * 1e30 * 1e30).mean()),
    "slope of a root at 0, in a parameter": root_of_a_parameter,
}
