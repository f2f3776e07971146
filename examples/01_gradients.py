# %% [markdown]
# # Gradients from a graph
#
# A `Tensor` is a NumPy array that remembers what it was computed from.  A walk through that graph, from the
# result back to the inputs, multiplies one local derivative per step and gives all gradients at once.

# %%
import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too

a = tm.Tensor(2.0, requires_grad=True, name="a")
b = tm.Tensor(-3.0, requires_grad=True, name="b")
c = tm.Tensor(10.0, requires_grad=True, name="c")
y = a * b + c
Graph(y)

# %% [markdown]
# `backward()` fills in `.grad`: how much y changes when an input changes a little.

# %%
y.backward()
print("dy/da =", a.grad, " dy/db =", b.grad, " dy/dc =", c.grad)
assert (a.grad, b.grad, c.grad) == (-3.0, 2.0, 1.0)

# %% [markdown]
# An ordinary NumPy function can be differentiated as it is, again and again.


# %%
def hyperbolic_tangent(x):
    e = np.exp(-2.0 * x)
    return (1.0 - e) / (1.0 + e)


first = tm.grad(hyperbolic_tangent)
second = tm.grad(first)
for x in (-1.0, 0.0, 1.0):
    t = np.tanh(x)
    print(f"x = {x:4}: tanh' {first(x):+.6f} (formula {1 - t * t:+.6f}), tanh'' {second(x):+.6f}")
    assert abs(second(x) + 2 * t * (1 - t * t)) < 1e-12

# %% [markdown]
# If a value changes after an op has read it, the gradient would be wrong without any sign of it.  Here the
# package refuses, on purpose, and names the line.

# %%
loss = (a * a).sum()
with tm.no_grad():
    a -= 0.1
try:
    loss.backward()
except tm.errors.StaleGradientError as error:
    print("refused:", error)
else:
    raise AssertionError("a gradient of a changed value was computed")
