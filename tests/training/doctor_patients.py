"""Healthy experiments and planted bugs for the doctor."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist import nn, no_grad, ops, optim
from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.training.doctor import diagnose_training

STANDARD = nn.init.normal(1.0)


@dataclass
class Patient:
    model: Any
    loss: Any
    batches: list
    optimizer: Any = None
    step: Any = None

    def diagnose(self):
        return diagnose_training(self.model, self.loss, self.batches, self.optimizer, self.step)


def perceptron(sizes, activation, seed, weight_init=None, bias_init=None, last=None, dtype=np.float32):
    rng = np.random.default_rng(seed)
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        layer = nn.Linear(fan_in, fan_out, weight_init=weight_init, bias_init=bias_init, rng=rng, dtype=dtype)
        layers += [layer, activation()]
    layers[-1:] = [last()] if last else []
    return nn.Sequential(*layers)


def digits(mnist, number, size, seed=0, scale=1 / 255, dtype=np.float32):
    chosen = np.random.default_rng(seed).permutation(len(mnist.train))[: number * size]
    images = mnist.train.images[chosen].reshape(-1, 784).astype(dtype) * dtype(scale)
    labels = mnist.train.labels[chosen].astype(np.int64)
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, len(chosen), size)]


# The six healthy experiments


def main_job(mnist, seed=0, lr=0.1, momentum=0.9):
    model = perceptron((784, 128, 10), nn.ReLU, seed)
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    return Patient(model, nn.CrossEntropyLoss(), digits(mnist, 4, 128, seed), optimizer)


def two_layer(mnist, seed=0, lr=0.1):
    model = perceptron((784, 128, 10), nn.Sigmoid, seed, nn.init.normal(0.01), nn.init.zeros)
    optimizer = optim.SGD(model.parameters(), lr=lr)
    return Patient(model, nn.CrossEntropyLoss(), digits(mnist, 4, 128, seed), optimizer)


def chapter_1(mnist, seed=0, lr=3.0, dtype=np.float32, scale=1 / 255):
    model = perceptron((784, 30, 10), nn.Sigmoid, seed, STANDARD, STANDARD, nn.Sigmoid, dtype)
    optimizer = optim.SGD(model.parameters(), lr=lr)
    return Patient(model, nn.QuadraticLoss(), digits(mnist, 20, 10, seed, scale, dtype), optimizer)


def rouze_scaled(mnist, seed=0):
    return chapter_1(mnist, seed + 1000, dtype=np.float64)


def hot_dogs(mnist=None, seed=0, lr=2.0):
    rng = np.random.default_rng(seed)
    theta = rng.uniform(np.pi / 2, 7 * np.pi / 2, 100)
    spiral = np.stack([theta * np.cos(theta), -theta * np.sin(theta)], axis=1)
    points = np.concatenate([-spiral, spiral]) + rng.uniform(0, 1, (200, 2))
    classes = np.repeat([0.0, 1.0], 100)[:, None]
    model = perceptron((2, 5, 1), nn.Sigmoid, seed, STANDARD, STANDARD, nn.Sigmoid, np.float64)
    return Patient(model, nn.BCELoss(), [(points, classes)], optim.SGD(model.parameters(), lr=lr))


def iris(mnist=None, seed=0):
    flowers, small = load_iris(), nn.init.normal(0.01)
    model = perceptron((4, 5, 3), nn.Sigmoid, seed, small, small, dtype=np.float64)
    batch = flowers.measurements, flowers.species
    return Patient(model, nn.CrossEntropyLoss(), [batch], optim.SGD(model.parameters(), lr=0.015))


HEALTHY = {
    "main job": main_job,
    "two-layer": two_layer,
    "chapter 1": chapter_1,
    "rouze, scaled": rouze_scaled,
    "hot dogs": hot_dogs,
    "iris": iris,
}


# Planted bugs: the data


def with_batches(patient, change):
    return replace(patient, batches=[change(x, y) for x, y in patient.batches])


def raw_pixels(mnist):
    return chapter_1(mnist, lr=0.1, dtype=np.float64, scale=1)


def inverted_images(mnist, seed=0):
    return with_batches(chapter_1(mnist, seed), lambda x, y: (1 - x, y))


def pixels_divided_twice(mnist):
    return with_batches(main_job(mnist), lambda x, y: (x / np.float32(255), y))


def shuffled_labels(mnist):
    rng = np.random.default_rng(1)
    return with_batches(main_job(mnist), lambda x, y: (x, rng.permutation(y)))


def labels_shifted_by_a_row(mnist):
    return with_batches(main_job(mnist), lambda x, y: (x, np.roll(y, 1)))


def the_same_image(mnist):
    patient = main_job(mnist)
    first = patient.batches[0][0][:1]
    return with_batches(patient, lambda x, y: (np.repeat(first, len(x), axis=0), y))


def five_images_again_and_again(mnist):
    return with_batches(main_job(mnist), lambda x, y: (x[np.arange(len(x)) % 5], y[np.arange(len(y)) % 5]))


def sorted_by_class(mnist):
    patient = main_job(mnist)
    x, y = (np.concatenate(parts) for parts in zip(*patient.batches))
    order = np.argsort(y, kind="stable")
    parts = [order[i * 50 + 2 : i * 50 + 34] for i in range(2)]
    return replace(patient, batches=[(x[part], y[part]) for part in parts])


def not_a_number_in_the_data(mnist):
    patient = main_job(mnist)
    patient.batches[1][0][7, 300] = np.nan
    return patient


def regression(mnist, targets, last=None, loss=None, width=30):
    model = perceptron((784, width, 1), nn.ReLU, 0, last=last)
    batches = [(x, targets(y)) for x, y in digits(mnist, 2, 64)]
    return Patient(model, loss or nn.MSELoss(), batches, optim.SGD(model.parameters(), lr=0.01))


def targets_of_ten_thousand(mnist):
    return regression(mnist, lambda y: (1e4 + 1e3 * y[:, None]).astype(np.float32))


def targets_beyond_the_sigmoid(mnist):
    return regression(mnist, lambda y: y[:, None].astype(np.float32), last=nn.Sigmoid)


# Planted bugs: the wiring


class Table(nn.Module):
    def forward(self, output, target):
        return ((output - target) ** 2).mean()


def column_against_row(mnist):
    return regression(mnist, lambda y: (y / 10).astype(np.float32), loss=Table())


def ending_in(last, loss=None):
    def build(mnist):
        patient = main_job(mnist)
        model = nn.Sequential(*patient.model, last())
        return replace(patient, model=model, loss=loss() if loss else patient.loss)

    return build


def no_activation(mnist):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(784, 30, rng=rng), nn.Linear(30, 10, rng=rng))
    return replace(main_job(mnist), model=model, optimizer=optim.SGD(model.parameters(), lr=0.1))


class Unused(nn.Module):
    def __init__(self):
        rng = np.random.default_rng(0)
        self.first, self.second = nn.Linear(784, 30, rng=rng), nn.Linear(30, 30, rng=rng)
        self.last = nn.Linear(30, 10, rng=rng)

    def forward(self, x):
        return self.last(self.first(x).relu())


class Detached(Unused):
    def forward(self, x):
        return self.last(self.second(self.first(x).relu().detach()).relu())


class FirstRow(Unused):
    """Takes the first row of each image, which is empty: meant were the first 28 images."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.first, self.last = nn.Linear(28, 30, rng=rng), nn.Linear(30, 10, rng=rng)

    def forward(self, x):
        return super().forward(x[:, :28])


def built(make):
    def build(mnist):
        model = make()
        return replace(main_job(mnist), model=model, optimizer=optim.SGD(model.parameters(), lr=0.1))

    return build


def frozen_layer(mnist):
    patient = main_job(mnist)
    patient.model[0].weight.requires_grad = False
    return patient


def other_optimizer(mnist):
    patient = main_job(mnist)
    patient.optimizer = optim.SGD([patient.model[0].weight, patient.model[0].bias], lr=0.1)
    return patient


# Planted bugs: the first weights


def drawn(weight_init, bias_init=None, activation=nn.ReLU, sizes=(784, 128, 10)):
    def build(mnist):
        model = perceptron(sizes, activation, 0, weight_init, bias_init)
        return replace(main_job(mnist), model=model, optimizer=optim.SGD(model.parameters(), lr=0.1))

    return build


def last_layer_a_hundred_times(mnist):
    patient = main_job(mnist)
    patient.model[2].weight.data *= 100
    return patient


def sure_of_a_class(mnist):
    patient = main_job(mnist)
    patient.model[2].bias.data[3] = 50
    return patient


# Planted bugs: the step


def stepping(make):
    def build(mnist):
        patient = main_job(mnist, momentum=0.0)
        patient.step = make(patient.model, patient.loss, patient.optimizer)
        return patient

    return build


def forgets_zero_grad(model, loss, optimizer):
    def step(inputs, targets):
        loss(model(inputs), targets).backward()
        optimizer.step()

    return step


def climbs_with_the_biases(model, loss, optimizer):
    """Chapter 6: `change` is rate times descent direction, and the biases get minus rate times that."""

    def step(inputs, targets):
        model.zero_grad()
        loss(model(inputs), targets).backward()
        for parameter in model.parameters():
            change = -0.25 * parameter.grad
            parameter.data = parameter.data + (change if parameter.ndim > 1 else -0.25 * change)

    return step


def updates_a_copy(model, loss, optimizer):
    def step(inputs, targets):
        model.zero_grad()
        loss(model(inputs), targets).backward()
        with no_grad():
            for parameter in model.parameters():
                array = parameter.data.copy() if parameter.ndim == 1 else parameter.data
                array -= 0.1 * parameter.grad

    return step


class Summed(nn.Module):
    def forward(self, output, target):
        return ops.sum(ops.softmax_cross_entropy(output, target))


class SummedQuadratic(nn.Module):
    def forward(self, output, target):
        return nn.QuadraticLoss()(output, target) * len(output)


# Planted bugs: no numbers


class LogOfSoftmax(nn.Module):
    def forward(self, output, target):
        rows = np.eye(10, dtype=np.float32)[target]
        return -(rows * (1000 * output).exp().log()).mean()


class LogOfZero(nn.Module):
    def forward(self, output, target):
        rows = np.eye(10, dtype=np.float32)[target]
        return -(rows * ops.softmax(1000 * output).log()).sum() / len(output)


class RootOfZero(nn.Module):
    def forward(self, output, target):
        rows = np.eye(10, dtype=np.float32)[target]
        return (ops.sqrt(((output - output) ** 2).sum(axis=-1)) + ((output - rows) ** 2).sum(axis=-1)).mean()


def with_loss(loss, patient=main_job, **settings):
    return lambda mnist: replace(patient(mnist, **settings), loss=loss())


# What is planted, and the name that must come first

SICK = {
    "raw pixels": (raw_pixels, "unscaled-inputs"),
    "inverted images": (inverted_images, "off-center-inputs"),
    "pixels divided by 255 twice": (pixels_divided_twice, "tiny-inputs"),
    "labels shuffled": (shuffled_labels, "unrelated-labels"),
    "labels shifted by a row": (labels_shifted_by_a_row, "unrelated-labels"),
    "the same image": (the_same_image, "constant-inputs"),
    "five images again and again": (five_images_again_and_again, "duplicated-inputs"),
    "sorted by class": (sorted_by_class, "one-class-a-batch"),
    "NaN in the data": (not_a_number_in_the_data, "not-finite"),
    "regression targets of 1e4": (targets_of_ten_thousand, "unscaled-targets"),
    "targets beyond the sigmoid": (targets_beyond_the_sigmoid, "unreachable-targets"),
    "softmax twice": (ending_in(nn.Softmax), "softmax-twice"),
    "sigmoid before logits": (ending_in(nn.Sigmoid), "probabilities-as-logits"),
    "tanh before logits": (ending_in(nn.Tanh), "tanh-before-loss"),
    "relu before logits": (ending_in(nn.ReLU), "relu-before-loss"),
    "probabilities into NLLLoss": (ending_in(nn.Softmax, nn.NLLLoss), "probabilities-as-logarithms"),
    "softmax over the examples": (
        ending_in(lambda: nn.Softmax(dim=0), lambda: nn.CrossEntropyLoss(inputs="probabilities")),
        "examples-mixed",
    ),
    "(n, 1) - (n,)": (column_against_row, "accidental-broadcast"),
    "no activation": (no_activation, "missing-activation"),
    "a layer that is not used": (built(Unused), "no-gradient"),
    "a detached layer": (built(Detached), "no-gradient"),
    "the first row only": (built(FirstRow), "cannot-overfit"),
    "a frozen layer": (frozen_layer, "frozen-parameter"),
    "a layer not in the optimizer": (other_optimizer, "not-in-optimizer"),
    "N(0, 1) in a relu net": (drawn(STANDARD), "weights-too-large"),
    "N(0, 1) in a deep sigmoid net": (
        drawn(STANDARD, nn.init.zeros, nn.Sigmoid, (784, 400, 400, 10)),
        "weights-too-large",
    ),
    "all weights 0": (drawn(nn.init.zeros, nn.init.zeros), "symmetric-weights"),
    "all weights the same": (
        drawn(lambda shape, rng: np.full(shape, 0.01), nn.init.zeros),
        "symmetric-weights",
    ),
    "dead relus": (drawn(None, lambda shape, rng: np.full(shape, -10.0)), "dead-relus"),
    "sigmoids held down": (
        drawn(nn.init.normal(0.03), lambda shape, rng: np.full(shape, -30.0), nn.Sigmoid),
        "biases-too-large",
    ),
    "last layer times 100": (last_layer_a_hundred_times, "weights-too-large"),
    "a bias of 50": (sure_of_a_class, "initial-loss"),
    "no zero_grad": (stepping(forgets_zero_grad), "missing-zero-grad"),
    "biases that climb": (stepping(climbs_with_the_biases), "ascending-parameter"),
    "an update of copies": (stepping(updates_a_copy), "never-updated"),
    "rate 1000 times too high": (lambda mnist: main_job(mnist, lr=100), "learning-rate-too-high"),
    "rate 100 times too high": (lambda mnist: main_job(mnist, lr=10), "learning-rate-too-high"),
    "sigmoids, rate 10 times too high": (lambda mnist: chapter_1(mnist, lr=30), "learning-rate-too-high"),
    "rate 1e-6": (lambda mnist: main_job(mnist, lr=1e-6), "learning-rate-too-low"),
    "summed loss": (with_loss(Summed), "summed-loss"),
    "summed gradient of chapter 1": (with_loss(SummedQuadratic, chapter_1), "summed-loss"),
    "overflow of exp": (with_loss(LogOfSoftmax), "first-nan"),
    "log of 0": (with_loss(LogOfZero), "first-nan"),
    "slope of the root of 0": (with_loss(RootOfZero), "first-nan"),
}
