# %% [markdown]
# # A training step as a picture
#
# Forward and backward pass of the perceptron 784-30-10, the network of the articles, on ten digits.  The
# drawing shows how the gradient of each weight matrix is computed, and how much arithmetic that takes.

# %%
import numpy as np

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.datasets import load_mnist
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too

data = load_mnist()
pixels = data.image_shape[0] * data.image_shape[1]
rng = np.random.default_rng(0)
model = nn.Sequential(nn.Linear(pixels, 30, rng=rng), nn.Sigmoid(), nn.Linear(30, 10, rng=rng), nn.Sigmoid())
images, labels = next(iter(data.train.loader(10)))
loss = nn.QuadraticLoss()(model(Tensor(images.reshape(10, -1), name="images")), labels)
print(f"{model.num_parameters():,} parameters, ten digits: {labels}, loss {loss.item():.3f}")

# %% [markdown]
# ## The forward and the backward pass
#
# From the loss down to the images: each computed value, and the gradient that came back to it.

# %%
graph = Graph(loss, backward=True)
graph

# %% [markdown]
# ## Backpropagation, read off
#
# Go through the ops from last to first, and print the rule that each one applies.  This is the derivation
# that you would write by hand.

# %%
for node in reversed(graph.nodes):
    for rule in node.rules:
        print(f"{node.name:>16} sends to {rule.source:9} {rule.formula}")
rules = {(node.op, rule.input): rule.formula for node in graph.nodes for rule in node.rules}
assert rules["linear", "weight"] == "g.T @ x"
assert rules["sigmoid", "x"] == "g * (y * (1 - y))"

# %% [markdown]
# ## What it costs
#
# Nearly all of the work is in the first layer, which reads the pixels.

# %%
work = {node.name: node.flops for node in graph.nodes if node.flops}
for name, flops in work.items():
    print(f"{name:>16} {flops:>10,} FLOP  {flops / sum(work.values()):.1%}")
assert work["linear_1"] == 2 * 10 * pixels * 30

# %% [markdown]
# ## Played back
#
# On a page and in a notebook the first picture plays: each op lights up, its rule shows with the numbers in
# it, gradients fill in as they arrive; arrow keys step.  `draw(loss, "step.html", backward=True)` writes
# such a page.  The gradients in it are those of `backward()`:

# %%
loss.backward()
for name, parameter in model.named_parameters():
    drawn = graph.by_name[name].gradient
    assert np.isclose(drawn.mean, parameter.grad.mean(dtype=np.float64))
    print(f"{name:9} mean of the gradient: {drawn.mean:+.3e} drawn, {parameter.grad.mean():+.3e} computed")
