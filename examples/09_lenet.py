# %% [markdown]
# # Convolution: LeNet reads digits
#
# A perceptron has a weight for each pixel: a digit that moves by two pixels is another digit to it.  A
# convolution slides one small window of weights over the image, so what it learns in one place holds in
# all.  This is LeNet-5 of 1998, with the activations of today.
#
# Here it sees a sixth of the images, once.  Write `count, epochs = 60_000, 8` below, and in a few minutes it
# reads 99 %.

# %%
import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.datasets import Loader, load_mnist
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

seed = 0
count, epochs = 10_000, 1
tm.manual_seed(seed)


def images_of(split):
    return split.raw_images[:, None]  # (n, 1, 28, 28): one channel


data = load_mnist(validation=0)
train = Loader(
    images_of(data.train)[:count], data.train.labels[:count], 64, shuffle=True, seed=seed, scale=1 / 255
)
test = Loader(images_of(data.test), data.test.labels, 500, scale=1 / 255)
print(f"{count:,} images to learn from, {len(data.test):,} for the test")

# %% [markdown]
# ## A window that slides
#
# A kernel is a small window of weights.  It is laid on each place of the image; the products of weights and
# pixels are added up, and the sum is one pixel of the result.  These two kernels are made by hand: one
# answers where ink ends to the right, the other where it ends below.  Blue is a sum above zero, orange below.

# %%
digit = images_of(data.test)[:1] / np.float32(255)
edges = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32)
kernels = np.stack([edges, edges.T])[:, None]  # (2, 1, 3, 3): two windows, one channel
answers = ops.conv2d(digit, kernels)[0]
plots.images([digit[0, 0], *answers], ["a digit", "ends to right", "ends below"], "What two kernels answer")

# %% [markdown]
# ## The network
#
# Two convolutions, each followed by a pooling that keeps the largest of four neighbours, then a perceptron.
# The first six kernels have 156 weights together; a layer of units for each pixel would have millions.

# %%
model = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)  # fmt: skip
print(f"{model.num_parameters():,} parameters")
x = images_of(data.test)[:2].astype(np.float32)
for layer in model:
    x = layer(x)
    print(f"{type(layer).__name__:10} {tuple(x.shape)}")

# %% [markdown]
# ## Training
#
# The step is captured once and repeated as a program.

# %%
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
schedule, loss_function = optim.CosineAnnealingLR(optimizer, epochs), nn.CrossEntropyLoss()


@tm.compile
def step(images, labels):
    optimizer.zero_grad()
    loss = loss_function(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss


def accuracy():
    with tm.no_grad():
        right = [(model(images).data.argmax(axis=1) == labels).sum() for images, labels in test]
    return sum(right) / len(data.test)


for epoch in range(epochs):
    losses = [step(images, labels).item() for images, labels in train]
    schedule.step()
    print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, {accuracy():.2%} of the test digits")
assert accuracy() > (0.99 if count == 60_000 else 0.9)

# %% [markdown]
# ## What it learned to look for
#
# Nobody made these kernels.  Blue marks are ink that a kernel looks for, orange ones ink that it looks away
# from.

# %%
learned = [kernel[0] for kernel in model[0].weight.data]
plots.images(learned, [f"kernel {number}" for number in range(1, 7)], "The six kernels of the first layer")

# %% [markdown]
# ## A digit that moves
#
# Moved by two pixels to the side, most digits are still read.

# %%
some, labels = images_of(data.test)[:1000] / np.float32(255), data.test.labels[:1000]
with tm.no_grad():
    moved = model(np.roll(some, 2, axis=3)).data.argmax(axis=1)
still_right = float((moved == labels).mean())
print(f"{still_right:.0%} of the digits are right after they have moved")
assert still_right > 0.6
