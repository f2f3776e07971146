# %% [markdown]
# # Native code
#
# A training step that is captured as a program is a list of NumPy calls.  Each call goes through the memory
# once.  Native code does better: it puts neighbouring operations into one loop, compiled for this
# processor.  This lesson compares the three ways of running one and the same step.
#
# (It needs the extra `native`.)

# %% [markdown]
# ## One word
#
# `backend="eager"` runs op by op, `"numpy"` replays the captured calls, and `"native"` compiles them.
# Compiling takes a few seconds the first time; the result is kept for later processes.

# %%
import time

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.program import compile

narrate()  # run as a script, the lesson tells its prose too

data = load_digits()
batches = list(data.train.loader(32, drop_last=True))
loss_function = nn.CrossEntropyLoss()


def make_step(backend):
    """Return the parameters and the step of a perceptron."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 30, rng=rng), nn.Tanh(), nn.Linear(30, 10, rng=rng))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @compile(backend=backend)
    def step(images, labels):
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return list(model.parameters()), step


ways = {backend: make_step(backend) for backend in ("eager", "numpy", "native")}
for backend, (_, step) in ways.items():
    start = time.perf_counter()
    for batch in batches[:3]:
        loss = step(*batch)
    print(
        f"{backend:6}: three steps and compiling {time.perf_counter() - start:.2f} s; loss {loss.item():.6f}"
    )

# %% [markdown]
# ## The same results?
#
# A replayed program gives the bits of the eager step.  Native code adds in another order, so that the last
# digits may differ: never by more than rounding.

# %%
for epoch in range(5):
    for batch in batches:
        losses = {backend: step(*batch).item() for backend, (_, step) in ways.items()}
    told = ", ".join(f"{backend} {loss:.7f}" for backend, loss in losses.items())
    print(f"epoch {epoch + 1}: {told}")
eager, replayed, native = ([p.data for p in parameters] for parameters, _ in ways.values())
assert all((p == q).all() for p, q in zip(eager, replayed, strict=True))
largest = max(np.abs(p - q).max() for p, q in zip(eager, native, strict=True))
print(f"the weights: numpy has the bits of eager; native differs by at most {largest:.0e}")
assert largest < 1e-4

# %% [markdown]
# ## How long a step takes
#
# Three ways in turn, the shortest of many rounds: other work on the machine only adds time.  Your numbers
# will differ.


# %%
def microseconds(rounds=60, steps=20):
    best = dict.fromkeys(ways, np.inf)
    for _ in range(rounds):
        for backend, (_, step) in ways.items():
            start = time.perf_counter()
            for batch in batches[:steps]:
                step(*batch)
            best[backend] = min(best[backend], 1e6 * (time.perf_counter() - start) / steps)
    return best


times = microseconds()
for backend, shortest in times.items():
    print(f"{backend:6}: {shortest:5.0f} µs per step, {times['eager'] / shortest:.1f} times as fast as eager")
assert times["native"] < times["eager"]
