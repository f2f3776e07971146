# %% [markdown]
# # A training step as a program
#
# A training step does the same operations every time.  `compile` records them once and repeats them without
# the bookkeeping of a graph, in memory that is allocated once.  It can also print them: as the code that
# runs, and as the mathematics that you would derive by hand.

# %%
import time

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.program import compile

narrate()  # run as a script, the lesson tells its prose too

rng = np.random.default_rng(0)
model = nn.Sequential(nn.Linear(784, 30, rng=rng), nn.Sigmoid(), nn.Linear(30, 10, rng=rng), nn.Sigmoid())
loss_function = nn.QuadraticLoss()
optimizer = optim.SGD(model.parameters(), lr=3.0)


def step(x, y):
    optimizer.zero_grad()
    loss = loss_function(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


fast_step = compile(step)
x = rng.random((10, 784), np.float32)
y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 10)]
for _ in range(5):
    print(fast_step(x, y).item())

# %% [markdown]
# ## Backpropagation, derived
#
# Forward, backward, update.  Nobody wrote these lines: each comes from the forward or the rule of an op.  A
# value that is needed twice is computed once.

# %%
program = fast_step.program
print(program.derivation)
lines = [line.partition("#")[0].strip() for line in program.derivation.splitlines()]
assert "dz2 = da2 * (a2 * (1 - a2))" in lines
assert "dW2 = dz2.T @ a1" in lines

# %% [markdown]
# ## It is real code
#
# The printed text is a module that needs NumPy only.  Started from the same parameters it takes the same
# step, to the last bit.

# %%
printed = {}
exec(program.derivation, printed)
parameters = [p.data.copy() for p in model.parameters()]
loss = printed["step"](x, y, *parameters, lr=3.0)
assert loss == fast_step(x, y).item()
assert all((p.data == q).all() for p, q in zip(model.parameters(), parameters))
print(f"the printed code gives the loss {loss}, and the same weights to the last bit")

# %% [markdown]
# ## What really runs
#
# The same program with its memory: results overwrite arrays that are no longer needed, numbers are arrays
# from the start, and transposed views are made once.

# %%
print(program.source)
print(program)
assert program.bytes_after < program.bytes_before

# %% [markdown]
# ## The same in a browser
#
# The program can be printed once more, as JavaScript.  That is how the page to play with works: it is what
# `tinygrad-mnist play` writes, or `play(model, data)` from `tinygrad_mnist.play`.  There you draw digits and
# watch this very step learn.

# %%
script = program.javascript.splitlines()
print(*script[:12], f"... {len(script)} lines in all", sep="\n")

# %% [markdown]
# ## How much faster


# %%
def microseconds(function):
    times = []
    for _ in range(200):
        start = time.perf_counter()
        function(x, y)
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times))


print(f"op by op {microseconds(step):.0f} µs, as a program {microseconds(fast_step):.0f} µs")

# %% [markdown]
# ## What cannot be captured, and is refused
#
# The function runs in Python only while it is captured, so a branch on a value would be fixed for all later
# calls.  That is an error.  The second call runs the function and the program side by side, so a difference
# that the capture could not detect is an error as well.

# %%
try:
    compile(lambda x: x if x.sum() > 0 else -x)(x)
except CaptureError as error:
    print("refused:", error, end="\n\n")
else:
    raise AssertionError("a branch was captured")

counter = iter(range(10))
counted = compile(lambda x: x * next(counter))
counted(x)
try:
    counted(x)
except CaptureError as error:
    print("refused:", error)
else:
    raise AssertionError("a changing number was captured")
