# %% [markdown]
# # Draw after every step
#
# A network is a graph, recorded while it computes.  This lesson grows one, step by step, from two numbers to
# a perceptron, and draws it after each step.  (Pictures go to a temporary folder; a notebook shows the graph
# itself.)

# %%
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.graph import Graph, draw, to_mermaid, to_text

folder = Path(tempfile.mkdtemp())


def show(graph, name):
    """Print the graph as text, and draw it where Graphviz is installed."""
    print(f"\n{name}\n{to_text(graph)}")
    with suppress(GraphvizMissingError):
        draw(graph, folder / f"{name}.svg", detail="values")
    return graph


# %% [markdown]
# ## Two numbers and a third: a * b + c

# %%
a = Tensor(2.0, requires_grad=True, name="a")
b = Tensor(-3.0, requires_grad=True, name="b")
c = Tensor(10.0, requires_grad=True, name="c")
graph = show(Graph(a * b + c), "sum_and_product")
assert [node.formula for node in graph.nodes if node.op] == ["a * b", "multiply_1 + c"]

# %% [markdown]
# ## A neuron: a weighted sum, squashed
#
# With `backward=True` the picture shows the backward pass next to the forward pass.  Each dashed box sends
# gradients up by the rules written in it; `g` is the gradient that arrives.

# %%
x = Tensor(np.array([[1.0, -2.0]]), name="x")
weight = Tensor([[0.5, -1.0]], requires_grad=True, name="weight")
bias = Tensor([0.1], requires_grad=True, name="bias")
neuron = ops.sigmoid(ops.linear(x, weight, bias))
graph = show(Graph(neuron, backward=True), "neuron")
print("the rule of the sigmoid:", graph.by_name["sigmoid_2"].rules[0].formula)

# %% [markdown]
# ## A layer: many neurons in one op

# %%
layer = nn.Sequential(nn.Linear(3, 4, rng=np.random.default_rng(0)), nn.Sigmoid())
batch = Tensor(np.ones((2, 3), np.float32), name="batch")
show(Graph(layer(batch)), "layer")

# %% [markdown]
# ## The network: read it module by module
#
# `collapsed` draws each module as one node; every number in it is the sum of what is inside.

# %%
network = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2))
loss = nn.CrossEntropyLoss()(network(batch), np.array([0, 1]))
graph = Graph(loss)
modules = show(graph.collapsed(2), "network")
assert sum(node.parameters for node in modules.nodes) == network.num_parameters()
print("for a README:\n" + to_mermaid(modules))

# %% [markdown]
# ## A mistake has a picture too
#
# A forward pass that failed is drawn up to the op that raised the error.

# %%
try:
    nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2))(batch)
except ValueError as error:
    failed = show(Graph(error), "failed")
    assert failed.nodes[-1].kind == "error"
