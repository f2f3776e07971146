# %% [markdown]
# # Backpropagation by hand, checked four ways
#
# One hidden layer, sigmoids, half the squared distance as cost, ten real digits.  The gradients are derived
# on paper and compared with three computations that do not use the derivation.

# %%
import numpy as np

from tinygrad_mnist import by_hand, nn
from tinygrad_mnist.checking import check_gradients
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too

rng = np.random.default_rng(0)
images, labels = next(iter(load_digits().train.loader(10, dtype=np.float64)))
x = images.reshape(10, 64)
y = np.eye(10)[labels]
print(f"{len(x)} images of {x.shape[1]} pixels; the digits are {labels}")

# %% [markdown]
# ## Forward
#
# A batch of $n$ examples is a matrix with one row per example.  $W_1$ is (30, 64), $b_1$ (30,), $W_2$ (10,
# 30), $b_2$ (10,):
#
# $$
# z_1 = x W_1^T + b_1 \qquad a_1 = σ(z_1)
# $$
#
# $$
# z_2 = a_1 W_2^T + b_2 \qquad a_2 = σ(z_2)
# $$
#
# $$
# C = \frac{1}{2 n} \sum (a_2 - y)^2
# $$
#
# Here $σ$ is the sigmoid, and the sum is over all entries.

# %%
model = nn.Sequential(
    nn.Linear(64, 30, rng=rng, dtype=np.float64),
    nn.Sigmoid(),
    nn.Linear(30, 10, rng=rng, dtype=np.float64),
    nn.Sigmoid(),
)
W1, b1, W2, b2 = (parameter.data for parameter in model.parameters())


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


a1 = sigmoid(x @ W1.T + b1)
a2 = sigmoid(a1 @ W2.T + b2)
cost = ((a2 - y) ** 2).sum() / (2 * len(x))
print(f"cost {cost:.6f}")

# %% [markdown]
# ## Backward: one factor at a time
#
# Read the forward pass from its end.  `d2` and `d1` are the derivatives of the cost $C$ with respect to $z_2$
# and $z_1$; `dW2` is the one with respect to $W_2$, and so on:
#
# - $C$ moves with $a_2$ by $(a_2 - y) / n$, and $a_2$ with $z_2$ by $a_2 (1 - a_2)$, the derivative of the
#   sigmoid:
#   `d2 = (a2 - y) / n * a2 * (1 - a2)`, of shape (n, 10).
# - $z_2$ is a product with $W_2$: an entry `W2[j, k]` meets `a1[i, k]` and moves `z2[i, j]`, in every example
#   $i$.  The sum over $i$ is a matrix product: `dW2 = d2.T @ a1`.  The bias moves $z_2$ by 1:
#   `db2 = d2.sum(axis=0)`.
# - `a1[i, k]` moves every `z2[i, j]` by `W2[j, k]`: the sum over $j$ is `d2 @ W2`.  Then the sigmoid again:
#   `d1 = d2 @ W2 * a1 * (1 - a1)`.
# - The first layer is like the second, with $x$ in place of $a_1$.

# %%
d2 = (a2 - y) / len(x) * a2 * (1 - a2)
dW2 = d2.T @ a1
db2 = d2.sum(axis=0)
d1 = d2 @ W2 * a1 * (1 - a1)
dW1 = d1.T @ x
db1 = d1.sum(axis=0)

for gradient, parameter in ((dW1, W1), (db1, b1), (dW2, W2), (db2, b2)):
    assert gradient.shape == parameter.shape
    print(
        f"gradient {gradient.shape!s:9} parameter {parameter.shape!s:9} largest {np.abs(gradient).max():.4f}"
    )

# %% [markdown]
# Shapes that fit are a good sign, but prove little: a wrong factor can have the right shape as well.
#
# ## Four ways
#
# Each of the 2,260 entries is computed by hand, by reverse mode over the recorded graph, by central
# differences and by the complex step.  The table shows the worst entry of each parameter.

# %%
hand = {"0.weight": dW1, "0.bias": db1, "2.weight": dW2, "2.bias": db2}
report = check_gradients(model, nn.QuadraticLoss(), (x, labels), by_hand=hand)
assert report.ok
assert not report.notes  # a derivation that differs would be noted
for row in report.rows:
    assert row.central_difference < 1e-7
    assert row.complex_difference < 1e-13
report

# %% [markdown]
# The same derivation for any number of layers, and for a softmax with cross-entropy, is in `by_hand`.

# %%
_, weight_gradients, bias_gradients = by_hand.backprop([W1, W2], [b1, b2], x, y)
for mine, theirs in zip((dW1, dW2, db1, db2), (*weight_gradients, *bias_gradients)):
    assert np.abs(mine - theirs).max() < 1e-15
    print(f"{mine.shape!s:9} differs by at most {np.abs(mine - theirs).max():.0e}")

# %% [markdown]
# ## A slip of the pen
#
# Without the derivative of the last sigmoid, the shapes fit as before.  We make this mistake on purpose; the
# report finds it, and says so.

# %%
d2 = (a2 - y) / len(x)
slip = {"2.weight": d2.T @ a1}
report = check_gradients(model, nn.QuadraticLoss(), (x, labels), by_hand=slip, sample=50)
print(report.notes[0])
assert any("2.weight derived by hand differs" in note for note in report.notes)
