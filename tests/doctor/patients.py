"""Healthy experiments and planted bugs for the doctor."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist import nn, no_grad, ops, optim
from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.doctor import diagnose_training

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
    images = mnist.train.raw_images[chosen].reshape(-1, 784).astype(dtype) * dtype(scale)
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


# Healthy, though something in each of them looks sick


def relus_in_depth(mnist):
    """Half of the fourth layer's units are 0 for all images at first."""
    model = perceptron((784, 64, 64, 64, 64, 10), nn.ReLU, 1)
    return replace(main_job(mnist, 1), model=model, optimizer=optim.SGD(model.parameters(), lr=0.1))


def bold_sigmoids(mnist):
    """The loss goes up to four times the first one and then down to 0.1."""
    model = perceptron((784, 512, 10), nn.Sigmoid, 0)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    return Patient(model, nn.CrossEntropyLoss(), digits(mnist, 1, 512), optimizer)


def fitted(targets, lr, width=32):
    """A regression of three numbers."""

    def build(mnist):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((256, 3)).astype(np.float32)
        y = targets(x @ rng.standard_normal((3, 1))).astype(np.float32)
        model = perceptron((3, width, 1), nn.Tanh, 0)
        batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, 256, 32)]
        return Patient(model, nn.MSELoss(), batches, optim.SGD(model.parameters(), lr=lr))

    return build


def classified(make, size=64, lr=0.1, loss=nn.BCEWithLogitsLoss, sizes=(16,)):
    """Two classes of examples that `make` makes from a generator."""

    def build(mnist):
        x, y = make(np.random.default_rng(0))
        x, y = x.astype(np.float32), np.asarray(y, np.float32).reshape(-1, 1)
        model = perceptron((x.shape[1], *sizes, 1), nn.Tanh, 0)
        batches = [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]
        return Patient(model, loss(), batches, optim.SGD(model.parameters(), lr=lr))

    return build


XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def xor_drawn(rng):
    x = XOR[rng.integers(0, 4, 128)]
    return x, x[:, 0] != x[:, 1]


def parity(rng):
    """Examples whose nearest neighbours are all of the other class."""
    x = rng.permutation(64)[:, None] >> np.arange(6) & 1
    return x, x.sum(axis=1) % 2


def divided_by_a_plane(rng):
    x = rng.standard_normal((128, 100))
    return x, x @ rng.standard_normal(100) > 0


def two_clouds(rng):
    y = np.arange(200) % 2
    return rng.standard_normal((200, 2)) + 2 * y[:, None], y


def a_rare_class(rng):
    x = rng.standard_normal((16, 4))
    return x, np.zeros(16)


def nearly_done(mnist):
    """A network that has learned, so that its steps are small."""
    patient = classified(lambda rng: (np.sign(x := rng.standard_normal((64, 2))), x[:, 0] > 0), sizes=())(
        mnist
    )
    patient.model[0].weight.data[:] = [[10, 0]]
    patient.model[0].bias.data[:] = 0
    patient.optimizer.lr = 0.01
    return patient


def sure_and_right(mnist):
    patient = nearly_done(mnist)
    return replace(patient, model=nn.Sequential(*patient.model, nn.Sigmoid()), loss=nn.MSELoss())


def equal_weights_before_others(mnist):
    """Equal units, with a different gradient for each from the layer above."""
    model = perceptron((784, 128, 10), nn.Tanh, 0)
    model[0].weight.data[:] = 0
    return replace(main_job(mnist), model=model, optimizer=optim.SGD(model.parameters(), lr=0.1))


def done(mnist):
    """A regression solved up to rounding."""
    patient = fitted(lambda y: y, 0.01)(mnist)
    model = perceptron((3, 1), nn.Tanh, 0)
    x, y = (np.concatenate(parts) for parts in zip(*patient.batches))
    model[0].weight.data[:], model[0].bias.data[:] = np.linalg.lstsq(x, y)[0].T, 0
    return replace(patient, model=model, optimizer=optim.SGD(model.parameters(), lr=0.01))


def xor_on_its_plateau(mnist):
    """Two sigmoids on a plateau of some hundred steps, at any rate."""
    model = perceptron((2, 2, 1), nn.Sigmoid, 0, last=nn.Sigmoid, dtype=np.float64)
    batch = XOR.astype(np.float64), np.array([[0.0], [1.0], [1.0], [0.0]])
    return Patient(model, nn.BCELoss(), [batch], optim.SGD(model.parameters(), lr=5.0))


def faint_images(mnist):
    return with_batches(main_job(mnist), lambda x, y: (x * x.dtype.type(0.3), y))


def logarithms_for_nll_loss(mnist):
    patient = main_job(mnist)
    return replace(patient, model=nn.Sequential(*patient.model, nn.LogSoftmax()), loss=nn.NLLLoss())


class MinusLogOfDensity(nn.Module):
    """The loss of a normal distribution: a density may be above 1, and the loss below 0."""

    def forward(self, output, target):
        mean, spread = output[:, :1], (output[:, 1:] ** 2 + 0.1).sqrt()
        return (((target - mean) / spread) ** 2 / 2 + ops.log(spread)).mean()


def a_density(mnist):
    patient = fitted(lambda y: 0.1 * y, 0.01)(mnist)
    model = perceptron((3, 32, 2), nn.Tanh, 0, weight_init=nn.init.normal(0.1))
    return Patient(model, MinusLogOfDensity(), patient.batches, optim.SGD(model.parameters(), lr=0.01))


HEALTHY_TOO = {
    "a density": a_density,
    "LogSoftmax and NLLLoss": logarithms_for_nll_loss,
    "faint images": faint_images,
    "four layers of relus": relus_in_depth,
    "512 sigmoids at a bold rate": bold_sigmoids,
    "targets at 15": fitted(lambda y: 15 + 5 * np.tanh(y), 0.01),
    "targets of 0.01": fitted(lambda y: 0.01 * y, 0.1),
    "xor, drawn again and again": classified(xor_drawn),
    "parity of six bits": classified(parity),
    "a plane in 100 dimensions": classified(divided_by_a_plane),
    "one class by chance": classified(a_rare_class, 16),
    "a network that has learned": nearly_done,
    "sigmoids at the end, sure and right": sure_and_right,
    "equal weights before others": equal_weights_before_others,
    "a regression that is solved": done,
    "xor on its plateau": xor_on_its_plateau,
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


def rows(change):
    """Targets as rows, changed."""
    return lambda mnist: with_batches(main_job(mnist), lambda x, y: (x, change(np.eye(10, dtype=x.dtype)[y])))


def a_label_of_minus_one(rng):
    x, y = two_clouds(rng)
    return x, 2 * y - 1


def sorted_in_two(rng):
    x, y = two_clouds(rng)
    order = np.argsort(y, kind="stable")
    return x[order], y[order]


def the_same_ten_points(rng):
    x, y = two_clouds(rng)
    return np.tile(x[:10], (10, 1)), np.tile(y[:10], 10)


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
    """Take the first row of each image, which is empty, instead of the first 28 images."""

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


def frozen_altogether(mnist):
    patient = main_job(mnist)
    for parameter in patient.model.parameters():
        parameter.requires_grad = False
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


def sure_of_one_of_two(mnist):
    patient = classified(two_clouds)(mnist)
    patient.model[2].bias.data[:] = 30
    return patient


def standard_weights_in_a_regression(mnist):
    patient = fitted(lambda y: y, 0.01)(mnist)
    model = perceptron((3, 100, 100, 1), nn.ReLU, 0, STANDARD)
    return replace(patient, model=model, optimizer=optim.SGD(model.parameters(), lr=0.01))


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


class Climbing(nn.Module):
    def forward(self, output, target):
        return -nn.CrossEntropyLoss()(output, target)


class WithoutMinus(nn.Module):
    def forward(self, output, target):
        rows = np.eye(10, dtype=np.float32)[target]
        return (rows * ops.log(ops.softmax(output) + 1e-7)).sum() / len(output)


# Planted bugs: NaN and infinity


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
    "labels of -1 and 1": (classified(a_label_of_minus_one), "impossible-targets"),
    "rows of -1 and 1": (rows(lambda y: 2 * y - 1), "impossible-targets"),
    "two classes at once": (rows(lambda y: y + np.roll(y, 1, axis=1)), "impossible-targets"),
    "two classes, sorted": (classified(sorted_in_two, 50), "one-class-a-batch"),
    "ten points again and again": (classified(the_same_ten_points), "duplicated-inputs"),
    "some targets beyond the sigmoid": (
        lambda mnist: regression(mnist, lambda y: (y[:, None] / 8).astype(np.float32), last=nn.Sigmoid),
        "unreachable-targets",
    ),
    "softmax twice": (ending_in(nn.Softmax), "softmax-twice"),
    "sigmoid before logits": (ending_in(nn.Sigmoid), "probabilities-as-logits"),
    "tanh before logits": (ending_in(nn.Tanh), "tanh-before-loss"),
    "relu before logits": (ending_in(nn.ReLU), "relu-before-loss"),
    "probabilities into NLLLoss": (ending_in(nn.Softmax, nn.NLLLoss), "probabilities-as-logarithms"),
    "plain sums into NLLLoss": (with_loss(nn.NLLLoss), "logits-as-logarithms"),
    "a loss without its minus": (with_loss(WithoutMinus), "negative-loss"),
    "a minus too many": (with_loss(Climbing), "negative-loss"),
    "softmax over the examples": (
        ending_in(lambda: nn.Softmax(dim=0), lambda: nn.CrossEntropyLoss(from_logits=False)),
        "examples-mixed",
    ),
    "(n, 1) - (n,)": (column_against_row, "accidental-broadcast"),
    "no activation": (no_activation, "missing-activation"),
    "a layer that is not used": (built(Unused), "no-gradient"),
    "a detached layer": (built(Detached), "no-gradient"),
    "the first row only": (built(FirstRow), "cannot-overfit"),
    "a frozen layer": (frozen_layer, "frozen-parameter"),
    "all layers frozen": (frozen_altogether, "frozen-parameter"),
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
    "a bias of 30 and two classes": (sure_of_one_of_two, "initial-loss"),
    "N(0, 1) in a regression": (standard_weights_in_a_regression, "weights-too-large"),
    "no zero_grad": (stepping(forgets_zero_grad), "missing-zero-grad"),
    "biases that climb": (stepping(climbs_with_the_biases), "ascending-parameter"),
    "an update of copies": (stepping(updates_a_copy), "never-updated"),
    "rate 1000 times too high": (lambda mnist: main_job(mnist, lr=100), "learning-rate-too-high"),
    "rate 100 times too high": (lambda mnist: main_job(mnist, lr=10), "learning-rate-too-high"),
    "sigmoids, rate 10 times too high": (lambda mnist: chapter_1(mnist, lr=30), "learning-rate-too-high"),
    "256 tanhs, small steps that explode": (fitted(lambda y: 0.1 * y, 0.1, 256), "learning-rate-too-high"),
    "rate 1e-6": (lambda mnist: main_job(mnist, lr=1e-6), "learning-rate-too-low"),
    "rate 0": (lambda mnist: main_job(mnist, lr=0), "learning-rate-too-low"),
    "rate lost in rounding": (lambda mnist: main_job(mnist, lr=1e-12, momentum=0), "learning-rate-too-low"),
    "momentum 0.99 at rate 1": (
        lambda mnist: main_job(mnist, lr=1, momentum=0.99),
        "learning-rate-too-high",
    ),
    "summed loss": (with_loss(Summed), "summed-loss"),
    "summed gradient of chapter 1": (with_loss(SummedQuadratic, chapter_1), "summed-loss"),
    "overflow of exp": (with_loss(LogOfSoftmax), "first-nan"),
    "log of 0": (with_loss(LogOfZero), "first-nan"),
    "slope of the root of 0": (with_loss(RootOfZero), "first-nan"),
}
