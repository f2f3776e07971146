# %% [markdown]
# # Sum or mean
#
# "Neural networks and Deep Learning, Chapter 1" tells of a week lost to a network that did not learn, and
# blames the white background of its images.  Its printed code does something else as well: it *adds* the
# gradients of a batch, where the book averages them.
#
# (`tinygrad-mnist reproduce chapter-1` runs the article.)

# %%
import numpy as np

from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.datasets import Loader, load_digits
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too

data = load_digits(validation=0)
images, labels = data.train.raw_images.reshape(-1, 64), data.train.labels
test_images = data.test.raw_images.reshape(-1, 64) / 16
print(data)


class SummedQuadraticLoss(nn.Module):
    """Half the squared distance, summed over the batch."""

    def forward(self, output, target):
        rows = np.eye(10, dtype=np.float32)[target]
        return ops.squared_error(output, rows, scale=0.5)


def make_model(hidden=True):
    rng, normal = np.random.default_rng(0), nn.init.normal()
    sizes = [(64, 30), (30, 10)] if hidden else [(64, 10)]
    layers = [nn.Linear(*size, weight_init=normal, bias_init=normal, rng=rng) for size in sizes]
    return nn.Sequential(*(part for layer in layers for part in (layer, nn.Sigmoid())))


# %% [markdown]
# ## The same gradient, ten times as long

# %%
batch = (images[:10] / 16).astype(np.float32), labels[:10].astype(int)
gradients = []
for loss_function in (nn.QuadraticLoss(), SummedQuadraticLoss()):
    model = make_model()
    loss_function(model(batch[0]), batch[1]).backward()
    gradients.append(model[0].weight.grad)
mean, summed = gradients
print(f"summed over mean: {np.abs(summed).max() / np.abs(mean).max():.3f}")
assert np.allclose(summed, 10 * mean, rtol=1e-4, atol=1e-7)

# %% [markdown]
# A learning rate of 3 on the sum is therefore one of 30 on the mean.  A gradient check passes both, since
# each is the gradient of its loss.  The difference is the size of the step.


# %%
def train(loss_function, rate=3.0, hidden=True, inverted=False, epochs=20):
    model = make_model(hidden)
    optimizer = optim.SGD(model.parameters(), lr=rate)
    prepare = (lambda x: 1 - x) if inverted else (lambda x: x)
    loader = Loader(images, labels, 10, shuffle=True, scale=1 / 16)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_function(model(prepare(x)), y).backward()
            optimizer.step()
    answers = model(prepare(test_images).astype(np.float32)).data.argmax(axis=1)
    return answers == data.test.labels


mean_rate, sum_rate = train(nn.QuadraticLoss()), train(SummedQuadraticLoss())
print(f"learning rate 3 on the mean {mean_rate.mean():.1%}, on the sum {sum_rate.mean():.1%}")
again = train(SummedQuadraticLoss(), rate=0.3)
print(f"learning rate 0.3 on the sum {again.mean():.1%}: the same step as the first")
assert mean_rate.mean() > sum_rate.mean() + 0.2
assert abs(mean_rate.mean() - again.mean()) < 0.05

# %% [markdown]
# ## White paper
#
# With dark ink on white paper nearly all inputs are 1, so the sums of the hidden units are large from the
# start: the sigmoids are flat, as with raw pixels.  Small initial weights would help; the article's are
# $N(0, 1)$.

# %%
views = {"ink": batch[0], "paper": 1 - batch[0]}
sums = {name: np.abs(make_model()[0](x).data).mean() for name, x in views.items()}
print(f"sums of the hidden units: {sums['ink']:.1f} with bright ink, {sums['paper']:.1f} with bright paper")
assert sums["paper"] > sums["ink"]

# %% [markdown]
# ## Without a hidden layer
#
# Some digits may never be recognized: their output is stuck at 0 from the start.  The initial weights decide
# which ones.

# %%
single = train(nn.QuadraticLoss(), hidden=False)
found = [float(single[data.test.labels == digit].mean()) for digit in range(10)]
print("found of each digit:", " ".join(f"{digit}: {share:.0%}" for digit, share in enumerate(found)))
assert single.mean() < mean_rate.mean() + 0.05
