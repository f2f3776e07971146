# %% [markdown]
# # The same bits in every process
#
# Several processes can share a batch: each computes the gradients of its part, and all add them up.  The sum
# of rounded numbers depends on the order of the additions, though, and the obvious order depends on the
# number of processes.  This lesson shows how large the difference is, what it does to training, and the
# order that is the same for 1, 2, 4 and 8 processes.

# %%
import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from queue import Queue

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.training import fit

narrate()  # run as a script, the lesson tells its prose too

data = load_digits()
loss_function = nn.CrossEntropyLoss()


def make_model():
    rng = np.random.default_rng(0)
    layers = nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Dropout(0.2, rng=1), nn.Linear(32, 10, rng=rng)
    return nn.Sequential(nn.Flatten(), *layers)


print(f"{make_model().num_parameters():,} weights, and {len(data.train):,} digits to learn from")


# %% [markdown]
# ## Eight micro-batches
#
# A batch of 128 images is cut into 8 micro-batches of 16.  Each gives a gradient, in float32: a number has
# 24 binary digits, about 7 decimal ones.

# %%
images, labels = next(iter(data.train.loader(128, shuffle=True)))
gradients = []
for part in range(8):
    rows = slice(16 * part, 16 * (part + 1))
    model = make_model()
    loss_function(model(images[rows]), labels[rows]).backward()
    gradients.append(model[1].weight.grad)
gradients = np.array(gradients)
print(gradients.shape, gradients.dtype)

# %% [markdown]
# ## The plain sum
#
# With $P$ processes, each adds its $8 / P$ gradients one after the other, and then the $P$ results are added.
# This is what an "allreduce" of the usual libraries amounts to; the order in which they add is up to them.


# %%
def plain_sum(values, processes):
    share = len(values) // processes
    own = [reduce(np.add, values[k : k + share]) for k in range(0, len(values), share)]
    return reduce(np.add, own)


sums = {processes: plain_sum(gradients, processes) for processes in (1, 2, 4, 8)}
for processes, total in sums.items():
    changed = np.mean(total != sums[1])
    print(f"P = {processes}: {changed:.0%} of the weights get other bits than with P = 1")
assert all((total != sums[1]).any() for processes, total in sums.items() if processes in (2, 4))
assert all(np.allclose(total, sums[1], rtol=1e-3, atol=1e-6) for total in sums.values())

# %% [markdown]
# One weight for which 1, 2 and 4 processes disagree, in as many digits as float32 can tell apart:

# %%
disagree = (sums[1] != sums[2]) & (sums[2] != sums[4]) & (sums[1] != sums[4]) & gradients.all(axis=0)
weight = tuple(np.argwhere(disagree)[0])
for processes in (1, 2, 4):
    print(f"P = {processes}: {sums[processes][weight]:+.8e}")

# %% [markdown]
# No sum is wrong: all are within a rounding or two of the exact one.  (8 processes add one gradient each, in
# the order of one process: by luck the same sum.)  They are just not the *same*.  So a run cannot be
# repeated or resumed on another number of machines, and a difference between two runs may be a mistake or
# may be nothing.
#
# ## One tree
#
# The way out is an order that belongs to the batch and not to the processes: a binary tree over the
# micro-batches.


# %%
def tree(values):
    """Return the sum along the tree, and the lines that draw it."""
    if len(values) == 1:
        return values[0], [f"{values[0]:+.8e}"]
    half = len(values) // 2
    (low, above), (high, below) = tree(values[:half]), tree(values[half:])
    total, width = low + high, len(above[0])
    marks = [f" ─┬─ {total:+.8e}", *["  │"] * (half - 1), " ─┘", *[""] * (half - 1)]
    return total, [row.ljust(width) + mark for row, mark in zip(above + below, marks)]


total, drawing = tree([gradient[weight] for gradient in gradients])
for part, line in enumerate(drawing):
    print(f"micro-batch {part}  {line}".rstrip())

# %% [markdown]
# The first column of sums is made inside the processes if there are 4, the first two columns if there are 2,
# and all three if there is one.  What is left is added between processes: at each level a process meets one
# partner, and each adds one half of the weights for both.  Who adds may change; *which two numbers* are added
# never does.


# %%
def along_levels(values):
    while len(values) > 1:
        values = [low + high for low, high in zip(values[::2], values[1::2])]
    return values[0]


def shared_sum(values, processes):
    share = len(values) // processes
    inside = [along_levels(values[k : k + share]) for k in range(0, len(values), share)]
    return along_levels(inside)  # between processes


along_tree = [shared_sum(gradients, processes).tobytes() for processes in (1, 2, 4, 8)]
assert len(set(along_tree)) == 1
assert shared_sum(gradients, 4)[weight] == total
print(f"1, 2, 4 and 8 processes: {len(set(along_tree))} result, the same bits")

# %% [markdown]
# ## A whole training run
#
# `fit(..., micro_batches=8)` trains like this in one process.  `fit(..., distributed=MPI())`, started by
# `mpiexec -n 4`, shares the micro-batches.  Here threads stand for processes: `fit` needs
# their number, an exchange with one partner, and a round in which each says something.


# %%
class Threads:
    def __init__(self, rank, size, queues):
        self.rank, self.size, self.queues = rank, size, queues

    def exchange(self, sent, received, partner):
        self.queues[self.rank, partner].put(sent.copy())
        received[:] = self.queues[partner, self.rank].get()

    def gather(self, value):
        for rank in range(self.size):
            self.queues[self.rank, rank].put(value)
        return [self.queues[rank, self.rank].get() for rank in range(self.size)]


def trained(distributed=None):
    model = make_model()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    train = data.train.loader(128, shuffle=True, seed=0)
    options = {"epochs": 5, "micro_batches": 8, "progress": False}
    fit(model, loss_function, optimizer, train, distributed=distributed, **options)
    return b"".join(array.tobytes() for array in model.state_dict().values())


found = {"one process": trained()}
for size in (2, 4):
    queues = {(sender, receiver): Queue() for sender in range(size) for receiver in range(size)}
    with ThreadPoolExecutor(size) as pool:
        ends = list(pool.map(lambda rank: trained(Threads(rank, size, queues)), range(size)))  # noqa: B023
    assert len(set(ends)) == 1  # all hold the same weights
    found[f"{size} processes"] = ends[0]
for name, weights in found.items():
    print(f"{name}: {hashlib.sha256(weights).hexdigest()[:16]}")
assert len(set(found.values())) == 1

# %% [markdown]
# The masks of dropout are the same too: for each step the layer draws a seed, and the masks of a micro-batch
# follow from it and the number of the micro-batch, whoever works on it.  With a plain sum the weights drift
# apart, as rounding errors do.


# %%
def drifting(processes, steps=200):
    model = make_model().eval()  # without dropout
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(steps):
        parts = []
        for part in range(8):
            optimizer.zero_grad()
            rows = (step * 128 + 16 * part + np.arange(16)) % len(data.train)
            pixels = (data.train.raw_images[rows] / np.float32(16)).astype(np.float32)
            loss_function(model(pixels), data.train.labels[rows].astype(int)).backward()
            parts.append([parameter.grad / 8 for parameter in optimizer.params])
        for parameter, *values in zip(optimizer.params, *parts):
            parameter.grad = plain_sum(values, processes)
        optimizer.step()
    return model[1].weight.data


for steps in (1, 20, 200):
    apart = np.abs(drifting(1, steps) - drifting(2, steps)).max()
    print(f"after {steps:>3} steps the weights of 1 and 2 processes are up to {apart:.1e} apart")
assert apart > 0
