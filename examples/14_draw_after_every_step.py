# %% [markdown]
# # Draw after every step
#
# A network is a graph, recorded while it computes.  This lesson grows one, step by step, from two numbers to
# a perceptron, and draws it after each step.

# %% [markdown]
# ## Two numbers and a third: a * b + c

# %%
import numpy as np

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.graph import Graph, to_mermaid
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too

a = Tensor(2.0, requires_grad=True, name="a")
b = Tensor(-3.0, requires_grad=True, name="b")
c = Tensor(10.0, requires_grad=True, name="c")
graph = Graph(a * b + c)
assert [node.formula for node in graph.nodes if node.op] == ["a * b", "multiply_1 + c"]
graph

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
graph = Graph(neuron, backward=True)
print("the rule of the sigmoid:", graph.by_name["sigmoid_2"].rules[0].formula)
graph

# %% [markdown]
# ## A layer: many neurons in one op

# %%
layer = nn.Sequential(nn.Linear(3, 4, rng=np.random.default_rng(0)), nn.Sigmoid())
batch = Tensor(np.ones((2, 3), np.float32), name="batch")
Graph(layer(batch))

# %% [markdown]
# ## The network: read it module by module
#
# `collapsed` draws each module as one node; every number in it is the sum of what is inside.

# %%
network = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2))
loss = nn.CrossEntropyLoss()(network(batch), np.array([0, 1]))
graph = Graph(loss)
modules = graph.collapsed(2)
assert sum(node.parameters for node in modules.nodes) == network.num_parameters()
modules

# %% [markdown]
# The same as text for a README: GitHub and many editors draw Mermaid.

# %%
print(to_mermaid(modules))

# %% [markdown]
# ## A mistake has a picture too
#
# These two layers do not fit together, on purpose.  A forward pass that failed is drawn up to the op that
# refused.

# %%
try:
    nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2))(batch)
except ValueError as error:
    print("refused:", error)
    failed = Graph(error)
assert failed.nodes[-1].kind == "error"
failed
