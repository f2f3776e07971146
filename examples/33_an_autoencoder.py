# %% [markdown]
# # An autoencoder
#
# A network that gives back what it gets, through a layer of a few units: what survives is what the images
# have in common.  No label is used.

# %%
import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

data = load_digits(validation=0)
images, others = (split.images.reshape(-1, 64) for split in (data.train, data.test))
print(f"{len(images):,} images to learn from, {len(others)} others")


def make_model(units):
    return nn.Sequential(
        {
            "encoder": nn.Sequential(nn.Linear(64, 40, rng=0), nn.Tanh(), nn.Linear(40, units, rng=1)),
            "decoder": nn.Sequential(
                nn.Linear(units, 40, rng=2), nn.Tanh(), nn.Linear(40, 64, rng=3), nn.Sigmoid()
            ),
        }
    )


# %% [markdown]
# ## Training
#
# The target is the input.  A step is captured once and repeated as a program.


# %%
def train(units, epochs=60):
    model, loss_function = make_model(units), nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=2.0, momentum=0.9)

    @tm.compile
    def step(x):
        optimizer.zero_grad()
        loss = loss_function(model(x), x)
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(images) - 31, 32):
            step(images[order[start : start + 32]])
    return model


models = {units: train(units) for units in (2, 8)}
print(f"trained without a single label: {', '.join(f'{units} units' for units in models)}")

# %% [markdown]
# ## What is lost
#
# The error on test digits, as a fraction of the error of always answering the mean image.  More units lose
# less; eight numbers keep most of 64 pixels.


# %%
def lost(model):
    with tm.no_grad():
        return float(((model(others).data - others) ** 2).sum() / ((others - images.mean(axis=0)) ** 2).sum())


for units, model in models.items():
    print(f"{units} units: {lost(model):.0%} of the variance is lost")
assert lost(models[2]) > lost(models[8]) + 0.1
assert lost(models[8]) < 0.35

# %% [markdown]
# ## Where the digits lie
#
# With two units each image is a point.  Digits of a class lie together, although no label was used: the
# class of the nearest training image is right far more often than one time in ten.

# %%
with tm.no_grad():
    points, places = (models[2].encoder(x).data for x in (images, others))
nearest = ((places[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)
right = float((data.train.labels[nearest] == data.test.labels).mean())
print(f"the nearest of the training images, by two numbers, has the right class for {right:.0%}")
assert right > 0.4
plots.lines(
    {f"digit {digit}": places[data.test.labels == digit] for digit in (0, 1, 4, 6)},
    "Test digits of four classes, by the two numbers that the network found",
    "first number",
    "second number",
    joined=False,
)

# %% [markdown]
# ## An image and its copy
#
# Eight numbers keep the shape; two keep the kind.

# %%
with tm.no_grad():
    copies = [models[units](others[:1]).data for units in (8, 2)]
plots.images(
    [image.reshape(8, 8) for image in (others[0], *copies)],
    ["the image", "by 8 numbers", "by 2 numbers"],
    "A test digit, and what is left of it",
)
