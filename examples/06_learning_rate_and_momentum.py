# %% [markdown]
# # Learning rate and momentum, seen
#
# The gradient says in which direction the loss falls.  It does not say how far to go.  That is the learning
# rate: too small, and nothing happens; too large, and each step makes it worse.  Two weights are enough to
# see all of it, since their path can be drawn.

# %% [markdown]
# ## A valley
#
# The loss $L = \frac{1}{2} (x^2 + 20 y^2)$ is a long valley: flat along $x$, steep along $y$.  Its lowest
# point is (0, 0).  We start at (-10, 1.5) and take 30 steps, $x - \text{rate} \cdot dL/dx$, for three rates.

# %%
import numpy as np

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

STEEP = np.array([1.0, 20.0])


def descend(rate, momentum=0.0, steps=30):
    """Return the places of two weights, one row per step."""
    weights = Tensor(np.array([-10.0, 1.5]), requires_grad=True, name="weights")
    optimizer = optim.SGD([weights], lr=rate, momentum=momentum)
    path = [weights.data.copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        ((weights * weights * STEEP).sum() / 2).backward()
        optimizer.step()
        path.append(weights.data.copy())
    return np.array(path)


def loss_at(path):
    return (path**2 * STEEP).sum(axis=1) / 2


paths = {f"rate {rate}": descend(rate) for rate in (0.01, 0.09, 0.101)}
for name, path in paths.items():
    print(f"{name:10}: loss {loss_at(path)[0]:.1f} at first, {loss_at(path)[-1]:.3f} after 30 steps")
plots.lines(paths, "Paths of two weights down the valley", "x", "y")

# %% [markdown]
# At 0.01 the path is smooth and hardly leaves its start.  At 0.09 it jumps from wall to wall and still comes
# down.  At 0.101 each jump is a little larger than the one before: $y$ is multiplied by
# $1 - 20 \cdot \text{rate}$ in each step, and that is below -1 for any rate above 0.1.  The steepest
# direction decides how large the rate may be, and the flat one has to live with it.

# %%
for rate in (0.01, 0.09, 0.101):
    factor = descend(rate, steps=1)[1] / descend(rate, steps=0)[0]
    print(f"rate {rate}: each step multiplies x by {factor[0]:+.3f} and y by {factor[1]:+.3f}")
    assert np.allclose(factor, 1 - rate * STEEP)
assert loss_at(paths["rate 0.101"])[-1] > loss_at(paths["rate 0.09"])[-1]

# %% [markdown]
# ## Momentum
#
# A ball that rolls down does not turn at once: it keeps most of its speed.  With momentum 0.8, the step is
# the gradient plus 0.8 times the last step.  Along the valley, steps in the same direction add up, to five
# times the length.  Across it, they point left and right in turn, and cancel.

# %%
both = {"rate 0.05": descend(0.05), "rate 0.05, momentum 0.8": descend(0.05, 0.8)}
for name, path in both.items():
    print(f"{name:24}: loss {loss_at(path)[-1]:.4f} after 30 steps")
assert loss_at(both["rate 0.05, momentum 0.8"])[-1] < loss_at(both["rate 0.05"])[-1]
plots.lines(
    {name: loss_at(path) for name, path in both.items()},
    "The loss with and without momentum",
    "step",
    "loss, logarithmic",
    log=True,
)

# %% [markdown]
# ## The same with 2,000 weights
#
# A network that reads digits has many valleys at once, and the same three cases.

# %%
data = load_digits()


def train(rate, momentum=0.0, epochs=6):
    """Return (epoch, mean loss) of each epoch."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 30, rng=rng), nn.Tanh(), nn.Linear(30, 10, rng=rng))
    optimizer, loss_function = (
        optim.SGD(model.parameters(), lr=rate, momentum=momentum),
        nn.CrossEntropyLoss(),
    )
    losses = []
    for epoch in range(epochs):
        sums = []
        for images, labels in data.train.loader(32, shuffle=True, seed=epoch):
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            sums.append(loss.item())
        losses.append((epoch + 1, np.mean(sums)))
    return losses


curves = {
    "rate 0.005": train(0.005),
    "rate 0.05": train(0.05),
    "rate 0.05, momentum 0.9": train(0.05, 0.9),
    "rate 10": train(10.0),
}
for name, losses in curves.items():
    print(f"{name:24}: loss {losses[-1][1]:.3f} in the last epoch")
slow, steady, fast, wild = (losses[-1][1] for losses in curves.values())
assert fast < steady < slow < 2.3 < wild  # 2.3 is the loss of a guess
plots.lines(
    curves, "Too small, right, right with momentum, too large", "epoch", "loss, logarithmic", log=True
)
