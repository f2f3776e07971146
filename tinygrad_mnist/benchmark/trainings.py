"""Trainings of one perceptron on MNIST, each for a process of its own with its library alone.

The text of a function, with that of `mnist` and `shifted`, is the whole program of its process: each imports
what it uses, and none waits for the imports of the others.  Each returns the accuracy on the test images, and
takes these parameters:

settings
    The result of ``Goal.settings``.
folder
    Folder of MNIST's four files.
seed
    Seed of the first weights and the order of the images.
threads
    Threads of its matrix products.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def mnist(folder: str) -> list[Any]:
    """Return training images, their labels, test images and their labels as they are in the files: uint8."""
    import gzip

    arrays: list[Any] = []
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        (path,) = Path(folder).glob(f"{name}*")
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        is_image = name.endswith("images")
        values = np.frombuffer(data, np.uint8, offset=16 if is_image else 8)
        arrays.append(values.reshape(-1, 28, 28) if is_image else values)
    return arrays


def shifted(images: Any, rng: Any) -> Any:
    """Return images (n, 28, 28), each moved by at most one pixel along each axis.

    Of nine images that follow each other, each is moved in another of the nine ways: slices of all pixels in
    a row take a tenth of the time of a window per image.
    """
    width, pixels = images.shape[2], images.reshape(len(images), -1)
    moved = np.zeros_like(pixels)
    for start, way in enumerate(rng.permutation(9)):
        down, right = int(way) // 3 - 1, int(way) % 3 - 1
        offset, length = down * width + right, pixels.shape[1]
        first, last = max(offset, 0), length + min(offset, 0)
        moved[start::9, first:last] = pixels[start::9, first - offset : last - offset]
        if right:  # that column came round from the other side
            moved.reshape(images.shape)[start::9, :, 0 if right > 0 else -1] = 0
    return moved.reshape(images.shape)


def tinygrad_mnist(settings: dict[str, Any], folder: str, seed: int, threads: int) -> float:
    """Train with `fit`; its steps are replayed."""
    from tinygrad_mnist.datasets import load_mnist
    from tinygrad_mnist.training import Recipe, evaluate, fit

    data = load_mnist(folder, validation=0)
    recipe = Recipe(
        (settings["hidden"],),
        seed=seed,
        optimizer="sgd(nesterov=True)",
        lr=settings["lr"],
        schedule=f"one-cycle(pct_start={settings['rising']}, anneal_strategy='linear')",
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
    )
    model, loss = recipe.build_model(data.image_shape, data.classes), recipe.build_loss()
    loader = data.train.loader(
        recipe.batch_size, shuffle=True, seed=seed, transform=shifted if settings["is_moved"] else None
    )
    optimizer, schedule = recipe.build_optimizer(model, len(loader))
    fit(model, loss, optimizer, loader, epochs=recipe.epochs, schedule=schedule)
    return evaluate(model, loss, data.test.loader(1000)).accuracy or 0.0


def pytorch(settings: dict[str, Any], folder: str, seed: int, threads: int) -> float:
    """Train step by step, all images scaled before."""
    import torch

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as `fit` does, and JAX
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    images, labels, test_images, test_labels = mnist(folder)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, settings["hidden"]), torch.nn.ReLU(), torch.nn.Linear(settings["hidden"], 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["lr"], momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        settings["lr"],
        settings["steps"],
        pct_start=settings["rising"],
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    targets, inputs = torch.tensor(labels).long(), torch.tensor(images).flatten(1).float() / 255
    for _ in range(settings["epochs"]):
        if settings["is_moved"]:
            inputs = torch.tensor(shifted(images, rng)).flatten(1).float() / 255
        for rows in torch.split(torch.randperm(len(inputs)), settings["batch_size"]):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs[rows]), targets[rows]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        output = model(torch.tensor(test_images).flatten(1).float() / 255)
    return float((output.argmax(1) == torch.tensor(test_labels)).float().mean())


def jax_scan(settings: dict[str, Any], folder: str, seed: int, threads: int) -> float:
    """Train with all steps of an epoch compiled into one loop."""
    import jax
    import jax.numpy as jnp

    rng, hidden, size = np.random.default_rng(seed), settings["hidden"], settings["batch_size"]
    top, last = settings["rising"] * settings["steps"] - 1, settings["steps"] - 1
    images, labels, test_images, test_labels = mnist(folder)
    parameters = [
        jnp.asarray(rng.uniform(-1, 1, shape).astype(np.float32) / fan_in**0.5)
        for fan_in, shape in ((784, (784, hidden)), (784, hidden), (hidden, (hidden, 10)), (hidden, 10))
    ]

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        W1, b1, W2, b2 = parameters
        logarithms = jax.nn.log_softmax(jax.nn.relu(x @ W1 + b1) @ W2 + b2)
        return -jnp.take_along_axis(logarithms, y[:, None], 1).mean()

    def step(state: Any, rows: Any) -> Any:
        parameters, velocities, number, inputs, targets = state
        lr = settings["lr"] * jnp.interp(number, jnp.array([0, top, last]), jnp.array([0.04, 1, 0]))
        gradients = jax.grad(loss)(parameters, inputs[rows], targets[rows])
        velocities = [0.9 * v + g for v, g in zip(velocities, gradients)]
        parameters = [p - lr * (g + 0.9 * v) for p, g, v in zip(parameters, gradients, velocities)]
        return (parameters, velocities, number + 1, inputs, targets), None

    epoch = jax.jit(lambda state, rows: jax.lax.scan(step, state, rows)[0])
    inputs, targets = jnp.asarray(images.reshape(-1, 784), jnp.float32) / 255, jnp.asarray(labels, jnp.int32)
    state = (parameters, [jnp.zeros_like(p) for p in parameters], 0.0, inputs, targets)
    whole = len(images) // size * size  # the last images of an epoch are left out: one shape for all steps
    for _ in range(settings["epochs"]):
        if settings["is_moved"]:
            inputs = jnp.asarray(shifted(images, rng).reshape(-1, 784), jnp.float32) / 255
        state = epoch((*state[:3], inputs, targets), rng.permutation(len(images))[:whole].reshape(-1, size))
    W1, b1, W2, b2 = state[0]
    output = jax.nn.relu(test_images.reshape(-1, 784) / np.float32(255) @ W1 + b1) @ W2 + b2
    return float((output.argmax(1) == test_labels).mean())


def scikit_learn(settings: dict[str, Any], folder: str, seed: int, threads: int) -> float:
    """Train an MLPClassifier by Adam, which suits its constant learning rate."""
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(seed)
    images, labels, test_images, test_labels = mnist(folder)
    scaled = images.reshape(-1, 784).astype(np.float32) / 255
    tests = test_images.reshape(-1, 784).astype(np.float32) / 255
    sizes, lr = (settings["hidden"],), settings["lr"]
    model = MLPClassifier(sizes, batch_size=settings["batch_size"], learning_rate_init=lr, random_state=seed)
    for _ in range(settings["epochs"]):
        if settings["is_moved"]:
            scaled = shifted(images, rng).reshape(-1, 784).astype(np.float32) / 255
        model.partial_fit(scaled, labels, classes=np.arange(10))
    return float(model.score(tests, test_labels))


def keras_fit(settings: dict[str, Any], folder: str, seed: int, threads: int) -> float:
    """Train with Keras's `fit`, on JAX."""
    import os

    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    images, labels, test_images, test_labels = mnist(folder)
    model = keras.Sequential([keras.layers.Dense(settings["hidden"], "relu"), keras.layers.Dense(10)])
    top, last = settings["rising"] * settings["steps"] - 1, settings["steps"] - 1

    class Rate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            number = keras.ops.cast(step, "float32")
            rise, fall = 0.04 + 0.96 * number / top, (last - number) / (last - top)
            return settings["lr"] * keras.ops.minimum(rise, fall)

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(Rate(), momentum=0.9, nesterov=True), loss, metrics=["accuracy"])
    scaled = images.reshape(-1, 784).astype(np.float32) / 255
    for _ in range(settings["epochs"]):
        if settings["is_moved"]:
            scaled = shifted(images, rng).reshape(-1, 784).astype(np.float32) / 255
        model.fit(scaled, labels, settings["batch_size"], epochs=1, verbose=0)
    tests = test_images.reshape(-1, 784).astype(np.float32) / 255
    return float(model.evaluate(tests, test_labels, 1000, verbose=0)[1])
