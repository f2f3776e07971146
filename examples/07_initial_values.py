# %% [markdown]
# # Initial values and vanishing gradients
#
# Before the first step the weights are random numbers.  How large should they be?  In a network of ten
# layers the answer decides whether it learns at all: each layer multiplies what passes through, forward and
# backward, and ten factors below 1 leave nothing.

# %% [markdown]
# ## Forward: what is left after ten layers
#
# Ten layers of 100 units with tanh, and weights drawn from a normal distribution.  A sum of 100 products with
# weights of standard deviation $s$ has about $10 s$ times the size of the inputs.  So 0.1 keeps the size,
# apart from what the tanh takes away, and that is what $1 / \sqrt{n}$ says for $n$ inputs.

# %%
from itertools import pairwise

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

WIDTH, DEPTH = 100, 10


def make_layers(deviation, activation=nn.Tanh):
    rng = np.random.default_rng(0)
    normal = nn.init.normal(deviation)
    return [
        nn.Sequential(
            nn.Linear(WIDTH, WIDTH, weight_init=normal, bias_init=nn.init.zeros(), rng=rng), activation()
        )
        for _ in range(DEPTH)
    ]


inputs = np.random.default_rng(1).normal(size=(200, WIDTH)).astype(np.float32)
sizes = {}
for deviation in (0.03, 0.1, 1.0):
    x, spread = inputs, [1.0]
    for layer in make_layers(deviation):
        x = layer(x)
        spread.append(float(x.data.std()))
    sizes[f"deviation {deviation}"] = spread
    flat = float((np.abs(x.data) > 0.99).mean())
    print(f"deviation {deviation:4}: size {spread[-1]:.6f} at the end, {flat:.0%} of the units beyond 0.99")
assert sizes["deviation 0.03"][-1] < 1e-4 < sizes["deviation 0.1"][-1]
plots.lines(sizes, "What is left of the inputs, layer by layer", "layer", "size of the values", log=True)

# %% [markdown]
# With small weights the values vanish.  With large ones they seem well, but most units stand at -1 or 1,
# where the tanh is flat.
#
# ## Backward: what arrives at the first layer
#
# On its way back the gradient is multiplied by the weights and by the slope of each tanh, which is
# $1 - \tanh^2$.  At 0 the slope is 1; at 0.99 it is 0.02.  The sigmoid is worse: its slope is 1/4 at best.

# %%


def arriving(deviation, activation=nn.Tanh):
    """Return the size of the gradient that arrives at each layer, the first layer first."""
    layers = make_layers(deviation, activation)
    outputs = nn.Sequential(*layers)(inputs)
    (outputs * np.random.default_rng(2).normal(size=outputs.shape).astype(np.float32)).mean().backward()
    return [float(np.abs(layer[0].bias.grad).mean()) for layer in layers]


gradients = {
    "tanh, 0.03": arriving(0.03),
    "tanh, 0.1": arriving(0.1),
    "sigmoid, 0.1": arriving(0.1, nn.Sigmoid),
    "relu, sqrt(2) / 10": arriving(np.sqrt(2) / 10, nn.ReLU),
}
for name, values in gradients.items():
    print(f"{name:18}: at layer 1 the gradient is {values[0] / values[-1]:.1e} times that at layer 10")
assert gradients["sigmoid, 0.1"][0] < 1e-4 * gradients["sigmoid, 0.1"][-1]
assert gradients["tanh, 0.03"][0] < 1e-4 * gradients["tanh, 0.03"][-1]
assert gradients["tanh, 0.1"][0] > 0.1 * gradients["tanh, 0.1"][-1]
plots.lines(
    {name: list(enumerate(values, 1)) for name, values in gradients.items()},
    "The gradient that arrives, from the last layer back to the first",
    "layer",
    "mean size",
    log=True,
)

# %% [markdown]
# A sigmoid loses at least three quarters in each layer: that is the *vanishing gradient*.  With relu, half of
# the units are 0, so the weights have to be larger by $\sqrt{2}$: He's rule, `kaiming_normal`.  For tanh it
# is Glorot's, `xavier_normal`.
#
# ## Does it matter?
#
# Six layers read digits, from three starts.

# %%
data = load_digits()


def train(weights, epochs=8):
    """Return the share of the test digits that are read right."""
    rng = np.random.default_rng(0)
    sizes = [64, 40, 40, 40, 40, 40, 10]
    layers = [
        nn.Linear(*pair, weight_init=weights, bias_init=nn.init.zeros(), rng=rng) for pair in pairwise(sizes)
    ]
    parts = [part for layer in layers[:-1] for part in (layer, nn.Tanh())]
    model = nn.Sequential(nn.Flatten(), *parts, layers[-1])
    optimizer, loss_function = optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()
    for epoch in range(epochs):
        for images, labels in data.train.loader(32, shuffle=True, seed=epoch):
            optimizer.zero_grad()
            loss_function(model(images), labels).backward()
            optimizer.step()
    images, labels = next(iter(data.test.loader(len(data.test))))
    return float((model(images).data.argmax(axis=1) == labels).mean())


starts = {
    "normal(0.01)": nn.init.normal(0.01),
    "xavier_normal()": nn.init.xavier_normal(),
    "normal(2)": nn.init.normal(2.0),
}
shares = {name: train(weights) for name, weights in starts.items()}
for name, share in shares.items():
    print(f"{name:16} {share:.1%} of the test digits")
assert shares["xavier_normal()"] > max(shares["normal(0.01)"], shares["normal(2)"]) + 0.1
