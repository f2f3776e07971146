# %% [markdown]
# # A perceptron that reads digits
#
# A small version of the network in the five articles: 64 pixels, 30 hidden units, 10 digits, sigmoids, and
# half the squared distance as cost.  First its gradients are compared with those derived by hand.  Then it
# learns.

# %%
import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import by_hand, nn, ops, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

data = load_digits()
print(data)

# %% [markdown]
# ## The same gradients as by hand

# %%
rng = np.random.default_rng(0)
normal = nn.init.normal(0.5)
model = nn.Sequential(
    nn.Flatten(),
    nn.Linear(64, 30, weight_init=normal, rng=rng, dtype=np.float64),
    nn.Sigmoid(),
    nn.Linear(30, 10, weight_init=normal, rng=rng, dtype=np.float64),
    nn.Sigmoid(),
)
cost = nn.QuadraticLoss()
images, labels = next(iter(data.train.loader(10, dtype=np.float64)))
cost(model(images), labels).backward()

weights = [p.data for name, p in model.named_parameters() if name.endswith("weight")]
biases = [p.data for name, p in model.named_parameters() if name.endswith("bias")]
_, dW, db = by_hand.backprop(weights, biases, images.reshape(10, 64), np.eye(10)[labels])
for (name, parameter), derived in zip(model.named_parameters(), [dW[0], db[0], dW[1], db[1]]):
    difference = np.abs(parameter.grad - derived).max() / np.abs(derived).max()
    print(f"{name:9} {parameter.shape!s:9} largest relative difference {difference:.1e}")
    assert difference < 1e-12

# %% [markdown]
# ## Training: six lines

# %%
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 30, rng=rng), nn.Sigmoid(), nn.Linear(30, 10, rng=rng))
loss_function = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
loader = data.train.loader(32, shuffle=True)
for _epoch in range(20):
    for images, labels in loader:
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
with tm.no_grad():
    right = sum((model(images).argmax(1) == labels).sum() for images, labels in data.test.loader(100))
print(f"{right} of {len(data.test)} test digits read right ({right / len(data.test):.1%})")
assert right / len(data.test) > 0.9

# %% [markdown]
# ## Where it is wrong
#
# Each picture is a test digit that the network misreads, the most confident mistakes first: below it what the
# network believes, class by class.

# %%
with tm.no_grad():
    images, labels = next(iter(data.test.loader(len(data.test))))
    probabilities = ops.softmax(model(images)).data
wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
wrong = wrong[probabilities[wrong].max(axis=1).argsort()[::-1]][:12]
plots.misread_images(images.reshape(-1, 8, 8)[wrong], labels[wrong], probabilities[wrong])

# %% [markdown]
# ## The network in a table

# %%
nn.summary(model)
