# %% [markdown]
# # To the last digit
#
# "Two-layer neural network for handwritten digit data" is a page of R code with its output: twenty losses
# and a confusion matrix.  With R's random numbers our gradients give every digit of it.  This lesson shows
# the three ingredients, on small digits: the same random numbers, the same order of operations where it
# matters, and losses printed in the same format.
#
# (`tinygrad-mnist reproduce two-layer` runs the page itself.)

# %% [markdown]
# ## The same random numbers
#
# `set.seed(123)` in R, and here.  A matrix fills column by column, and `sample` shuffles.

# %%
import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.experiments.r_language import RRandom
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.program import compile
from tinygrad_mnist.report import plots
from tinygrad_mnist.training import make_train_step

narrate()  # run as a script, the lesson tells its prose too

stream = RRandom(123)
print("rnorm(3):      ", stream.normal(3).round(7))
print("sample(1:10):  ", RRandom(123).sample(10))
assert RRandom(123).sample(60_000)[:5].tolist() == [51663, 57870, 2986, 58486, 29925]

# %% [markdown]
# ## The article's network, smaller
#
# Weights $0.01 N(0, 1)$, biases zero, sigmoid, softmax, cross-entropy, batches of 128, the shuffled data
# shuffled again for each epoch.

# %%
data = load_digits(validation=0)
images, labels = data.train.raw_images.reshape(-1, 64) / 16, data.train.labels.astype(np.int64)


def train(dtype, rate=0.5, epochs=40):
    stream = RRandom(123)
    model = nn.Sequential(nn.Linear(64, 32, dtype=dtype), nn.Sigmoid(), nn.Linear(32, 10, dtype=dtype))
    weights = {"0.weight": stream.normal_matrix(32, 64, 0.01), "2.weight": stream.normal_matrix(10, 32, 0.01)}
    model.load_state_dict({**weights, "0.bias": np.zeros(32), "2.bias": np.zeros(10)})
    step = compile(make_train_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=rate)))
    order, losses = np.arange(len(labels)), []
    for _ in range(epochs):
        order = order[stream.sample(len(order)) - 1]
        rows = [order[start : start + 128] for start in range(0, len(order), 128)]
        losses.append(np.mean([step(images[r].astype(dtype), labels[r])[0].item() for r in rows]))
    return model, losses


model, losses = train(np.float64)
for epoch in (1, 2, 3, 10, 20, 40):
    print(f"Epoch: {epoch}  Loss: {losses[epoch - 1]:.5f}")
assert losses[-1] < 0.5 < losses[0]

# %% [markdown]
# ## How many digits can be reproduced
#
# Another order of summation changes the last bit of a number, a relative change of about 1e-16.  Training
# hardly enlarges it: five printed digits are safe, and float32 gives them as well.

# %%
_, coarse = train(np.float32)
difference = np.abs(np.array(losses) - coarse).max()
print(f"float32 differs from float64 by at most {difference:.1e} in a loss")
assert difference < 1e-3
_, again = train(np.float64)
assert losses == again  # the same program gives the same bits

# %% [markdown]
# ## The confusion matrix
#
# As R prints it, a row per answer; in the picture a row is a true class.

# %%
test = data.test
answers = model(test.raw_images.reshape(-1, 64) / 16).data.argmax(axis=1)
table = np.zeros((10, 10), int)
np.add.at(table, (answers, test.labels), 1)
print(table)
print(f"Test Accuracy = {(answers == test.labels).mean():.4f}")
assert np.trace(table) == (answers == test.labels).sum()
assert np.trace(table) > 0.8 * table.sum()
plots.confusion_matrix(table.T)
