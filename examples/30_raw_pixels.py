# %% [markdown]
# # Raw pixels
#
# T. Rouze's "Neural Networks in R" gets 50 % after its first epoch, where the book that it follows gets
# 90 %.  The code is right; the pixels go from 0 to 255.  This lesson shows what that does to a sigmoid, on
# small digits whose pixels are stretched to 255.
#
# (`tinygrad-mnist reproduce rouze` runs the article.)

# %%
import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader, load_digits
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too

data = load_digits(validation=0)
images, labels = data.train.raw_images.reshape(-1, 64) * (255 / 16), data.train.labels
test_images, test_labels = data.test.raw_images.reshape(-1, 64) * (255 / 16), data.test.labels
print(f"{len(images)} digits with pixels from {images.min():.0f} to {images.max():.0f}")


def make_model():
    rng, normal = np.random.default_rng(0), nn.init.normal()
    return nn.Sequential(
        nn.Linear(64, 30, weight_init=normal, bias_init=normal, rng=rng),
        nn.Sigmoid(),
        nn.Linear(30, 10, weight_init=normal, bias_init=normal, rng=rng),
        nn.Sigmoid(),
    )


# %% [markdown]
# ## What arrives at the hidden units
#
# The derivative of a sigmoid is $y (1 - y)$: a quarter at 0, and 2e-9 at 20.

# %%
for name, scale in (("0 to 255", 1.0), ("0 to 1", 1 / 255)):
    sums = make_model()[0]((images * scale).astype(np.float32)).data
    beyond = (np.abs(sums) > 20).mean()
    print(f"pixels {name}: the sums are {np.abs(sums).mean():.1f} on average, {beyond:.1%} of them beyond 20")
    assert (beyond > 0.9) == (scale == 1.0)

# %% [markdown]
# ## What arrives at the weights
#
# A unit on the flat part of the sigmoid passes no gradient on.  Which entries of the first layer's gradient
# are not zero?


# %%
def first_gradient(scale):
    model = make_model()
    nn.QuadraticLoss()(model((images[:10] * scale).astype(np.float32)), labels[:10].astype(int)).backward()
    return model[0].weight.grad


for name, scale in (("0 to 255", 1.0), ("0 to 1", 1 / 255)):
    learns = (np.abs(first_gradient(scale)).max(axis=1) > 1e-6).mean()
    print(f"pixels {name}: {learns:.0%} of the hidden units get a gradient from a batch of ten")
assert (np.abs(first_gradient(1.0)).max(axis=1) > 1e-6).mean() < 0.5
assert (np.abs(first_gradient(1 / 255)).max(axis=1) > 1e-6).mean() > 0.9

# %% [markdown]
# ## What the network learns
#
# With raw pixels the hidden layer stays as it was initialized: thirty units that say yes or no at random.
# Only the output layer learns.


# %%
def train(scale, rate, epochs=15):
    model = make_model()
    optimizer, loss_function = optim.SGD(model.parameters(), lr=rate), nn.QuadraticLoss()
    loader = Loader(images, labels, 10, shuffle=True, scale=scale)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_function(model(x), y).backward()
            optimizer.step()
    answers = model((test_images * scale).astype(np.float32)).data
    return float((answers.argmax(axis=1) == test_labels).mean())


raw, scaled = train(1.0, 0.1), train(1 / 255, 3.0)
print(f"test accuracy with raw pixels {raw:.1%}, with pixels from 0 to 1 {scaled:.1%}")
assert scaled > raw + 0.05
