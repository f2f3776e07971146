# %% [markdown]
# # LeNet reads digits
#
# A perceptron has a weight for each pixel: a digit that moves by two pixels is another digit to it.  A
# convolution slides one small window of weights over the image, so what it learns in one place holds in
# all.  This is LeNet-5 of 1998, with the activations of today.
#
# Here it sees a sixth of the images once.  `python examples/09_lenet.py full` trains on all of them for
# some minutes, to 99 %.

# %%
import sys

import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader, load_mnist

in_full = sys.argv[1:2] == ["full"]
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
count, epochs = (60_000, 8) if in_full else (10_000, 1)
tm.manual_seed(seed)


def images_of(split):
    return split.raw_images[:, None]  # (n, 1, 28, 28): one channel


data = load_mnist(validation=0)
train = Loader(
    images_of(data.train)[:count], data.train.labels[:count], 64, shuffle=True, seed=seed, scale=1 / 255
)
test = Loader(images_of(data.test), data.test.labels, 500, scale=1 / 255)

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
assert accuracy() > (0.99 if in_full else 0.9)

# %% [markdown]
# ## What it learned to look for
#
# Each kernel of the first layer answers to a pattern: dark marks are ink it looks for, light ones ink it
# looks away from.


# %%
def drawn(kernel):
    levels = np.clip(5 * (kernel / abs(kernel).max() + 1) / 2, 0, 4).astype(int)
    return ["".join(" .:*#"[level] * 2 for level in row) for row in levels]


for rows in zip(*(drawn(kernel[0]) for kernel in model[0].weight.data)):
    print("   ".join(rows))

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
