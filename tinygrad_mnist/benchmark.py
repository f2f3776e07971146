"""How fast a training step is, side by side with the same step written by hand and in PyTorch.

All contestants of a row have the same network, loss, batch, dtype (float32) and number of threads, fetch the
loss at each step, and take turns in short rounds, so that a noisy machine is noisy for all; a cell is the
median over rounds of the time of a step, a ratio the median of the ratios within a round.
"""

from __future__ import annotations

import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import by_hand, nn, optim
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.training import Recipe, fit, train_step

Array = NDArray[Any]
Step = Callable[[], float]
RATE = 0.1


@dataclass(frozen=True)
class Setup:
    """A row of the table: layer sizes, batch size, and the cost ("quadratic" or "cross-entropy")."""

    sizes: tuple[int, ...]
    batch: int
    cost: by_hand.Cost

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}, batch {self.batch}, {self.cost}"

    def data(self) -> tuple[Array, Array]:
        """Random inputs in [0, 1) and labels."""
        rng = np.random.default_rng(0)
        x = rng.random((self.batch, self.sizes[0]), np.float32)
        return x, rng.integers(0, self.sizes[-1], self.batch)

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Small random weights and zero biases, float32."""
        rng = np.random.default_rng(1)
        shapes = list(zip(self.sizes[1:], self.sizes))
        weights = [(0.1 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
        return weights, [np.zeros(outputs, np.float32) for outputs, _ in shapes]


SETUPS = (Setup((784, 30, 10), 10, "quadratic"), Setup((784, 128, 10), 128, "cross-entropy"))


@dataclass(frozen=True)
class Row:
    """Microseconds a step by contestant, and how many times as long as the first contestant's each takes."""

    name: str
    microseconds: dict[str, float]
    ratios: dict[str, float]


def hand_step(setup: Setup) -> Step:
    """The hand-derived step, allocating as it goes."""
    weights, biases = setup.parameters()
    x, labels = setup.data()
    y = np.eye(setup.sizes[-1], dtype=np.float32)[labels]
    return lambda: by_hand.sgd_step(weights, biases, x, y, RATE, setup.cost)


def eager_step(setup: Setup) -> Step:
    """The same step by this framework."""
    model = _model(setup)
    loss = nn.QuadraticLoss() if setup.cost == "quadratic" else nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=RATE)
    x, labels = setup.data()
    y = np.eye(setup.sizes[-1], dtype=np.float32)[labels] if setup.cost == "quadratic" else labels
    return lambda: train_step(model, loss, optimizer, x, y)[0]


def _model(setup: Setup) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(setup.sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.Sigmoid()]
    model = nn.Sequential(*(layers if setup.cost == "quadratic" else layers[:-1]))
    for module, weight, bias in zip((m for m in model if isinstance(m, nn.Linear)), *setup.parameters()):
        module.weight.data[:], module.bias.data[:] = weight, bias  # type: ignore[union-attr]
    return model


def torch_step(setup: Setup) -> Step | None:
    """The same step in PyTorch, eager; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    layers: list[Any] = []
    for weight, bias in zip(*setup.parameters()):
        linear = torch.nn.Linear(*weight.shape[::-1])
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
        layers += [linear, torch.nn.Sigmoid()]
    model = torch.nn.Sequential(*(layers if setup.cost == "quadratic" else layers[:-1]))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    x, labels = (torch.tensor(array) for array in setup.data())
    y = torch.eye(setup.sizes[-1])[labels]

    def step() -> float:
        optimizer.zero_grad()
        output = model(x)
        if setup.cost == "quadratic":
            loss = ((output - y) ** 2).sum() * (0.5 / len(x))
        else:
            loss = torch.nn.functional.cross_entropy(output, labels)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def compare(
    contestants: dict[str, Step | None], rounds: int, seconds: float = 0.02
) -> dict[str, list[float]]:
    """Seconds a step in each round, the contestants taking turns; `seconds` is about the time of a turn."""
    steps = {name: step for name, step in contestants.items() if step is not None}
    counts = {}
    for name, step in steps.items():
        for _ in range(5):
            step()
        start = time.perf_counter()
        step()
        counts[name] = max(1, round(seconds / (time.perf_counter() - start)))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                step()
            times[name].append((time.perf_counter() - start) / counts[name])
    return times


def _row(name: str, times: dict[str, list[float]]) -> Row:
    base = next(iter(times))
    medians = {contestant: statistics.median(t) * 1e6 for contestant, t in times.items()}
    ratios = {
        contestant: statistics.median(a / b for a, b in zip(t, times[base]))
        for contestant, t in times.items()
    }
    return Row(name, medians, ratios)


def step_rows(rounds: int = 30) -> list[Row]:
    """A row for each setup: by_hand, eager and PyTorch; ratios to by_hand."""
    rows = []
    for setup in SETUPS:
        contestants = {"by_hand": hand_step(setup), "eager": eager_step(setup), "PyTorch": torch_step(setup)}
        rows.append(_row(str(setup), compare(contestants, rounds)))
    return rows


def peak_memory_ratios() -> dict[str, float]:
    """The peak of what training holds beside parameters and data, eager over by_hand, by setup."""
    return {str(setup): _peak(eager_step, setup) / _peak(hand_step, setup) for setup in SETUPS}


def _peak(make_step: Callable[[Setup], Step], setup: Setup) -> int:
    """Bytes at the peak of a step, what an optimizer keeps between steps included."""
    parameters = sum(array.nbytes for group in setup.parameters() for array in group)
    tracemalloc.start()
    step = make_step(setup)
    for _ in range(3):
        step()
    tracemalloc.reset_peak()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - parameters - setup.data()[0].nbytes


def epoch_row(dataset: ImageDataset, rounds: int = 5) -> Row:
    """An epoch of the main job, loader included, against PyTorch; a "step" here is an epoch."""
    recipe = Recipe()
    model = recipe.build_model(dataset.image_shape, dataset.classes)
    optimizer, _ = recipe.build_optimizer(model)
    loader = dataset.train.loader(recipe.batch_size, shuffle=True)
    loss = recipe.build_loss()

    def ours() -> float:
        return fit(model, loss, optimizer, loader, epochs=1)[0].train_loss

    times = compare({"eager": ours, "PyTorch": _torch_epoch(dataset, recipe)}, rounds, seconds=0)
    return _row(f"{dataset.name}, one epoch of the main job", times)


def _torch_epoch(dataset: ImageDataset, recipe: Recipe) -> Step | None:
    """The main job's epoch in PyTorch at its fastest: all images scaled beforehand, batches by index."""
    try:
        import torch
    except ImportError:
        return None
    images = torch.tensor(dataset.train.images).float().flatten(1) / dataset.train.pixel_max
    labels = torch.tensor(dataset.train.labels).long()
    sizes = (images.shape[1], *recipe.hidden, dataset.classes)
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=recipe.lr, momentum=recipe.momentum)

    def epoch() -> float:
        total = 0.0
        for rows in torch.split(torch.randperm(len(images)), recipe.batch_size):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += float(loss.item()) * len(rows)
        return total / len(images)

    return epoch


def use_threads(count: int) -> Any:
    """Give NumPy and PyTorch the same number of threads; a context manager."""
    from threadpoolctl import threadpool_limits

    try:
        import torch

        torch.set_num_threads(count)
    except ImportError:
        pass
    return threadpool_limits(count)


def machine() -> str:
    """What the figures were measured on."""
    return f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"
