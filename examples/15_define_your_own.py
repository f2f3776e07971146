# %% [markdown]
# # A model, a layer and an op of your own
#
# Three things to write yourself: an op with its rule, a model with parameters, and a callback that ends a
# training.  Each is a function or a class of a few lines.

# %% [markdown]
# An op is a forward function and one rule per input.  A rule turns `g`, the gradient of the result, into
# the gradient of its input.  Rules are written with operators and ops, so that they can be differentiated
# themselves.

# %%
import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots
from tinygrad_mnist.training import fit

narrate()  # run as a script, the lesson tells its prose too


@tm.primitive
def gaussian(x):
    """exp(-x**2)"""
    return np.exp(-x * x)


gaussian.vjps(lambda g, y, x: g * (-2 * x * y))

x = np.linspace(-2, 2, 5)
numeric = (gaussian(x + 1e-6) - gaussian(x - 1e-6)) / 2e-6
ours = tm.vjp(gaussian, x)[1](np.ones(5))[0]
print("rule against central differences:", np.abs(ours - numeric).max())
assert np.allclose(ours, numeric, atol=1e-9)
curvature = tm.hessian(lambda v: gaussian(v).sum())(x).diagonal()
assert np.allclose(curvature, (4 * x**2 - 2) * gaussian(x))

# %% [markdown]
# A module is a class with parameters or other modules as attributes, and a `forward`.


# %%
class RadialNetwork(nn.Module):
    """Bumps at learned places, weighted and summed."""

    def __init__(self, bumps, rng):
        self.centres = nn.Parameter(rng.uniform(-3, 3, bumps))
        self.output = nn.Linear(bumps, 1, rng=rng, dtype=np.float64)

    def forward(self, x):
        return self.output(gaussian(x - self.centres))


rng = np.random.default_rng(0)
inputs = np.linspace(-3, 3, 200)[:, None]
targets = np.sin(2 * inputs)
model = RadialNetwork(12, rng)
print(model, [name for name, _ in model.named_parameters()])

loader = Loader(inputs, targets, batch_size=20, shuffle=True, dtype=np.float64)
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
history = fit(model, nn.MSELoss(), optimizer, loader, epochs=100, progress=False)
print(f"the loss falls from {history[0].train_loss:.3f} to {history[-1].train_loss:.5f} in 100 epochs")
assert history[-1].train_loss < 0.01
plots.lines(
    {
        "sin(2 x)": np.column_stack([inputs, targets]),
        "the network": np.column_stack([inputs, model(inputs).data]),
        "its first bump": np.column_stack([inputs, gaussian(inputs - model.centres.data[0])]),
    },
    "A sum of twelve bumps becomes a sine",
    "x",
    "y",
)


# %% [markdown]
# A callback is a class too: five lines end a training when it is good enough.


# %%
class Goal:
    def after_epoch(self, training, epoch):
        if epoch.train_loss < 0.02:
            training.stop(f"the loss is {epoch.train_loss:.3f}")


model = RadialNetwork(12, np.random.default_rng(0))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
history = fit(model, nn.MSELoss(), optimizer, loader, epochs=100, callbacks=[Goal()], progress=False)
print(len(history), "epochs:", history.stopped)
assert history.stopped

# %% [markdown]
# Input of a wrong shape is refused: the message names the op, the layer and the shapes that it was given.

# %%
try:
    model(np.ones((5, 3)))
except tm.errors.ShapeError as error:
    print("refused:", error)
