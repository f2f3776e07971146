# %% [markdown]
# # Loss and softmax
#
# A network that reads digits gives ten scores, one for each digit.  To learn, it needs a single number that
# says how bad the answer is: the loss.  Between the scores and the loss stands the softmax, which turns
# scores into probabilities.  Together they have the simplest gradient of all: what was said, minus what is
# true.

# %% [markdown]
# ## From scores to probabilities
#
# Probabilities are positive and add up to 1.  The exponential makes every score positive; a division by the
# total makes the sum 1.  That is the *softmax* of the scores $z$:
#
# $$
# p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}
# $$
#
# A score that is larger by 1 becomes a probability that is $e \approx 2.718$ times as large.

# %%
import numpy as np

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too


def softmax(scores):
    e = np.exp(scores)
    return e / e.sum()


scores = np.array([1.0, 3.0, 0.5])  # three classes are enough to see it
p = softmax(scores)
for score, share in zip(scores, p):
    print(f"score {score:3.1f}  exp {np.exp(score):6.3f}  probability {share:.3f}")
assert np.isclose(p.sum(), 1)
assert np.isclose(p[1] / p[0], np.e**2)

# %% [markdown]
# ## Large scores
#
# $e^{710}$ is more than a 64-bit number can hold.  The softmax does not change when the same number is taken
# from all scores, so we take the largest: the exponentials are then at most 1.

# %%
large = np.array([1000.0, 1002.0, 999.5])
with np.errstate(over="ignore", invalid="ignore"):  # the overflow is meant here
    print("as written above: ", softmax(large))
print("largest taken off:", softmax(large - large.max()).round(3))
assert np.allclose(softmax(large - large.max()), p)
assert np.allclose(ops.softmax(large), p)  # the package does this too

# %% [markdown]
# ## From a probability to a loss
#
# How bad is it to give the right class the probability $p$?  The cross-entropy says: $-\log p$.  It is 0 for
# $p = 1$, and grows without end as $p$ goes to 0: sure and wrong is the worst.  A guess among ten digits
# costs $-\log 0.1 = 2.303$, and that is the loss with which training on digits begins.

# %%
given = np.linspace(0.005, 1, 200)
for probability in (0.99, 0.5, 0.1, 0.001):
    print(f"p = {probability:<5}  loss {-np.log(probability):.3f}")
plots.lines(
    {
        "cross-entropy, -log(p)": np.column_stack([given, -np.log(given)]),
        "squared error, (1 - p)^2": np.column_stack([given, (1 - given) ** 2]),
    },
    "The loss against the probability of the right class",
    "probability of the right class",
    "loss",
)

# %% [markdown]
# ## The gradient: what was said, minus what is true
#
# As a function of the scores $z$, the loss for the right class $c$ is
#
# $$
# -\log p_c = \log \sum_j e^{z_j} - z_c
# $$
#
# The derivative of the first part is the softmax $p$, that of the second is 1 for the right class.  So the
# gradient is $p - y$, where $y$ is 1 for the right class and 0 for all others.  The score of the right class
# is pushed up, the others down, each by as much as it was wrong.

# %%
right = 0
z = Tensor(scores[None], requires_grad=True, name="z")  # a batch of one example
loss = nn.CrossEntropyLoss()(z, np.array([right]))
loss.backward()
y = np.eye(3)[right]
step = 1e-6
for k in range(3):
    up, down = scores + step * np.eye(3)[k], scores - step * np.eye(3)[k]
    difference = (-np.log(softmax(up)[right]) + np.log(softmax(down)[right])) / (2 * step)
    print(
        f"class {k}: p - y {p[k] - y[k]:+.4f}  backward() {z.grad[0, k]:+.4f}  differences {difference:+.4f}"
    )
    assert np.isclose(difference, p[k] - y[k], atol=1e-6)
assert np.allclose(z.grad[0], p - y)

# %% [markdown]
# ## Why not the squared error?
#
# Let a network be sure and wrong: the right class gets $p = 0.001$.  The squared error of the probability has
# a gradient with the factor $p (1 - p)$, which is nearly 0: the worse the answer, the less the network
# learns.  In the cross-entropy this factor cancels.

# %%
steps = {"cross-entropy": [], "squared error": []}
for p_right in (0.5, 0.1, 0.01, 0.001):
    steps["cross-entropy"].append(1 - p_right)  # y - p
    steps["squared error"].append(2 * (1 - p_right) * p_right * (1 - p_right))
    push = ", ".join(f"{name} {sizes[-1]:.4f}" for name, sizes in steps.items())
    print(f"right class at {p_right:<5}: its score is pushed up by {push}")
assert steps["cross-entropy"][-1] > 100 * steps["squared error"][-1]
