# %% [markdown]
# # One digit, and a bias that climbs
#
# "Chapter 6 NN: MNIST" shows a network a single handwritten 5, again and again, until it says 5.  The
# article's update has a mistake that its result does not show.  This lesson makes the same mistake, looks
# at the result, and then checks the gradient.
#
# (`tinygrad-mnist reproduce chapter-6` runs the article itself, digit by digit.)

# %%
import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.checking import check_gradients
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

data = load_digits()
five = int(np.flatnonzero(data.train.labels == 5)[0])
image = data.train.raw_images[five].reshape(1, -1) / 16.0
label = np.array([5])
alpha = 0.25
print("\n".join("".join(" .:*#"[int(4 * ink)] * 2 for ink in row) for row in image.reshape(8, 8)))


def make_model():
    rng = np.random.default_rng(1)
    normal = nn.init.normal()
    return nn.Sequential(
        nn.Linear(64, 28, weight_init=normal, bias_init=normal, rng=rng, dtype=np.float64),
        nn.Sigmoid(),
        nn.Linear(28, 10, weight_init=normal, bias_init=normal, rng=rng, dtype=np.float64),
        nn.Sigmoid(),
    )


# %% [markdown]
# ## Two updates
#
# The gradient says how the cost grows; an update goes the other way, by $α$ times the gradient, in weights
# and biases alike.  The article computes that product, minus sign included, and adds it to the weights.  From
# the biases it *subtracts* it, times $α$ once more: they climb the hill, slowly.

# %%
cost = nn.QuadraticLoss()


def step(model, optimizer, climbing):
    optimizer.zero_grad()
    output = model(image)
    cost(output, label).backward()
    if climbing:
        for bias in (model[0].bias, model[2].bias):
            bias.grad = -alpha * bias.grad
    optimizer.step()
    return output.data[0]


def learn(climbing):
    model = make_model()
    optimizer = optim.SGD(model.parameters(), lr=alpha)
    return np.array([step(model, optimizer, climbing) for _ in range(250)])


right, climbing = learn(climbing=False), learn(climbing=True)
for iteration in (1, 10, 20, 30, 40, 250):
    pair = [outputs[iteration - 1] for outputs in (right, climbing)]
    print(f"iteration {iteration:3}: {' or '.join(f'{o.argmax()} (the 5 at {o[5]:.3f})' for o in pair)}")
assert right[-1].argmax() == climbing[-1].argmax() == 5
assert np.abs(right[-1] - climbing[-1]).max() < 0.02
plots.lines(
    {"biases go down": right[:, 5], "biases climb": climbing[:, 5]},
    "The output of the 5, with and without the mistake",
    "iteration",
    "output",
)

# %% [markdown]
# Both say 5 at the end, and the outputs do not show which is which.  The weights make up for the mistake in
# the biases.
#
# ## Check the gradient
#
# The change of a parameter in one step, divided by $-α$, should be its gradient.  Pass it to the check as
# `by_hand`, which compares it with reverse mode, differences and the complex step.  The notes below the table
# name the two gradients of the article that are not.

# %%
model = make_model()
before = model.state_dict()
step(model, optim.SGD(model.parameters(), lr=alpha), climbing=True)
moved = {name: (before[name] - after) / alpha for name, after in model.state_dict().items()}
model.load_state_dict(before)
report = check_gradients(model, cost, (image, label), sample=30, by_hand=moved)
wrong = [note for note in report.notes if "derived by hand differs" in note]
assert report.ok  # our own gradients are right ...
assert len(wrong) == 2  # ... and two of the article's are not
assert all("bias" in note for note in wrong)
report

# %% [markdown]
# One iteration is enough to find what 250 did not show.  A cost that falls does not prove the gradient.
