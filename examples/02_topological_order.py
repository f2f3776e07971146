# %% [markdown]
# # Why topological order
#
# Backpropagation passes gradients from a result to its inputs.  A value that is used twice gets two
# contributions.  The order in which nodes pass on their gradients decides two things: whether the sum is
# right, and how long it takes.  The smallest graph that shows this has three values and no network.
#
# $$
# b = a + a \qquad c = b + b = 4 a \qquad \frac{dc}{da} = 4
# $$

# %% [markdown]
# A dozen lines are enough for a graph.  A node stores the nodes whose sum it is.

# %%
import time

import tinygrad_mnist as tm
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too


class Node:
    """A sum of other nodes; every local derivative is 1."""

    def __init__(self, *inputs):
        self.inputs = inputs
        self.gradient = 0


def doubled(times):
    """Return the first and last node of a chain in which each node is the one before plus itself."""
    first = last = Node()
    for _ in range(times):
        last = Node(last, last)
    return first, last


a, c = doubled(2)
b = c.inputs[0]
print("c is b + b:", c.inputs == (b, b), "  b is a + a:", b.inputs == (a, a))
print("all gradients are still 0:", a.gradient, b.gradient, c.gradient)


# %% [markdown]
# ## First try: pass on what you have, as soon as you get something
#
# A node adds what arrives to its gradient, and passes its gradient on at once.


# %%
def pass_on_the_sum(node, contribution=1):
    node.gradient += contribution
    for earlier in node.inputs:
        pass_on_the_sum(earlier, node.gradient)


a, c = doubled(2)
pass_on_the_sum(c)
print(f"passing on the sum at once:         dc/da = {a.gradient} (it is 4)")
assert a.gradient == 6  # b passed on 1, and then 1 + 1: the first 1 was counted twice

# %% [markdown]
# ## Second try: every node once, when it is first met
#
# "A graph walk must not visit a node twice" is true of a search.  It is wrong here: when b is met for the
# first time, only one of its two contributions has arrived.


# %%
def pass_on_when_first_met(node, contribution=1, met=None):
    met = set() if met is None else met
    node.gradient += contribution
    if node not in met:
        met.add(node)
        for earlier in node.inputs:
            pass_on_when_first_met(earlier, node.gradient, met)


a, c = doubled(2)
pass_on_when_first_met(c)
print(f"passing on when first met:          dc/da = {a.gradient} (it is 4)")
assert a.gradient == 2

# %% [markdown]
# ## Third try: pass on only what has just arrived
#
# This is right: it adds up one product for each path from the result to the input.  But each doubling doubles
# the number of paths.  At 60 doublings, a graph of 61 nodes, it would run for thousands of years.


# %%
def pass_on_each_path(node, contribution=1):
    """Pass on `contribution` and return the number of calls."""
    node.gradient += contribution
    return 1 + sum(pass_on_each_path(earlier, contribution) for earlier in node.inputs)


for times in (2, 4, 8, 16):
    a, c = doubled(times)
    calls = pass_on_each_path(c)
    print(f"each path, {times:2} doublings: {calls:7,} calls, dc/da = {a.gradient:,}")
    assert a.gradient == 2**times
    assert calls == 2 ** (times + 1) - 1

# %% [markdown]
# ## Topological order: pass on when all has arrived
#
# List the nodes so that every node comes after its inputs, and go through that list backward.  Each node is
# reached after all nodes that use it.  Its sum is then complete, and is passed on once.


# %%
def topological(node, order, met):
    """Add `node` to `order`, after all nodes that it depends on."""
    if node not in met:
        met.add(node)
        for earlier in node.inputs:
            topological(earlier, order, met)
        order.append(node)
    return order


def backward(result):
    """Fill in the gradients and return the number of nodes visited."""
    order = topological(result, [], set())
    result.gradient = 1
    for node in reversed(order):
        for earlier in node.inputs:
            earlier.gradient += node.gradient
    return len(order)


for times in (2, 60):
    a, c = doubled(times)
    visits = backward(c)
    print(f"topological order, {times:2} doublings: {visits} visits, dc/da = {a.gradient:,}")
    assert a.gradient == 2**times
    assert visits == times + 1

# %% [markdown]
# ## The same in the framework
#
# A `Tensor` gets a serial number when it is made, larger than those of its inputs.  Sorting by serial
# *is* a topological order.  It needs no recursion, so a chain can be 100,000 ops long.  The recursion above
# fails at about 1,000.

# %%
a = tm.Tensor(1.0, requires_grad=True, name="a")
b = a + a
c = b + b
c.backward()
print("serials:", a.serial, "<", b.serial, "<", c.serial, "  dc/da =", a.grad)
assert a.serial < b.serial < c.serial
assert a.grad == 4.0
Graph(c)

# %% [markdown]
# Two arrows from each value to the next: that is what "used twice" looks like.  Sixty of these take no longer
# than sixty visits.

# %%
x = tm.Tensor(1.0, requires_grad=True)
y = x
for _ in range(60):
    y = y + y
start = time.perf_counter()
y.backward()
elapsed = time.perf_counter() - start
print(f"60 doublings: dy/dx = 2**60 is {x.grad == 2.0**60}, after {1e3 * elapsed:.1f} ms")
assert x.grad == 2.0**60

# %% [markdown]
# A chain of 100,000 ops is as easy: no recursion, one visit of each.

# %%
y = x
for _ in range(100_000):
    y = y + 0.0
x.grad = None
y.backward()
assert x.grad == 1.0
print("a chain of 100,000 additions: dy/dx =", x.grad)
