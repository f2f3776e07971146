# %% [markdown]
# # Write your own op and prove it
#
# An op is a forward function and one rule per input.  A rule is a claim about calculus.  This lesson makes a
# wrong claim, finds the mistake, corrects it, and checks it: on arrays of many shapes, to second order, and
# inside a network.
#
# (It needs the extra `checking`.)
#
# ## The op
#
# Swish, $x σ(k x)$ with the sigmoid $σ$, is an activation with a slope $k$ that can be learned: a straight
# line for $k = 0$, and close to relu for a large $k$ (P. Ramachandran and others, Searching for activation
# functions, 2017).

# %%
import numpy as np
from hypothesis import Phase, given, settings

from tinygrad_mnist import nn, ops, optim, primitive
from tinygrad_mnist.checking import assert_op, check_gradients, strategies, v_curve
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

settings.register_profile(
    "lesson", max_examples=20, deadline=None, database=None, phases=[Phase.generate, Phase.shrink]
)
settings.load_profile("lesson")


@primitive
def swish(x, k):
    """x * sigmoid(k * x)"""
    return x * ops.sigmoid(k * x)


slopes = -1.0, 0.0, 1.0, 20.0
plots.lines(
    {f"k = {k:g}": np.column_stack([xs, swish(xs, k)]) for xs in [np.linspace(-2, 2, 81)] for k in slopes},
    "Swish for four slopes k",
    "x",
    "swish(x, k)",
)

# %% [markdown]
# Two rules, written in a hurry.  $x$ is one factor of a product, so its gradient is the other factor.  $k$ is
# inside the sigmoid, whose derivative is $s (1 - s)$, times the inner derivative $x$.

# %%
swish.vjps(
    lambda g, y, x, k: g * ops.sigmoid(k * x),
    lambda g, y, x, k: g * x * x * ops.sigmoid(k * x) * (1 - ops.sigmoid(k * x)),
)
print("swish has", len(swish.rules), "rules; one of them is wrong")

# %% [markdown]
# ## Three lines that test any op
#
# `operands(2)` draws two arrays of any shapes that broadcast together, their values apart from each other
# and from 0 and 1, where many functions have corners.  `assert_op` compares all gradients with central
# differences and the complex step, in first and second order, and checks that float32 stays float32.
# It complains about the wrong rule, as it should:


# %%
@given(strategies.operands(2))
def test_swish(operands):
    assert_op(swish, *operands)


try:
    test_swish()
except AssertionError as error:
    complaint = str(error)
    print(complaint)
assert "order 1, wrong: x" in complaint
assert "wrong: x, k" not in complaint

# %% [markdown]
# The rule for $k$ is right, with and without broadcasting, since surplus axes are summed centrally.  The rule
# for $x$ is wrong: $x$ occurs twice, and the rule forgets the second place, inside the sigmoid.

# %%
swish.vjps(
    lambda g, y, x, k: g * (ops.sigmoid(k * x) + k * y * (1 - ops.sigmoid(k * x))),
    lambda g, y, x, k: g * x * y * (1 - ops.sigmoid(k * x)),
)
test_swish()
print("corrected: all examples drawn pass, in first and second order")

# %% [markdown]
# ## How right is right?
#
# `v_curve` tabulates the error of a numeric derivative for steps of many sizes.  The best difference agrees
# with the rules to ten digits or more, and the complex step to nearly all.

# %%
curve = v_curve(lambda x, k: ops.sum(swish(x, k)), np.array([0.3, -1.2, 2.0]), 1.5)
assert curve["richardson"].best_error < 1e-10
assert curve["complex"].best_error < 1e-14
curve

# %% [markdown]
# ## In a network
#
# A module gives the op a parameter.  A check of the whole network lists this parameter, too.


# %%
class Swish(nn.Module):
    """Swish with one learned slope for all units."""

    def __init__(self):
        self.slope = nn.Parameter(np.ones(()))

    def forward(self, x):
        return swish(x, self.slope)


rng = np.random.default_rng(0)
model = nn.Sequential(
    nn.Linear(1, 8, rng=rng, dtype=np.float64), Swish(), nn.Linear(8, 1, rng=rng, dtype=np.float64)
)
inputs = np.linspace(-2, 2, 40)[:, None]
targets = np.abs(inputs)
report = check_gradients(model, nn.MSELoss(), (inputs, targets))
assert report.ok
report

# %% [markdown]
# The slope is learned as well.  The target $|x|$ has a corner, and a larger $k$ makes a sharper bend.

# %%
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for _step in range(500):
    optimizer.zero_grad()
    loss = nn.MSELoss()(model(inputs), targets)
    loss.backward()
    optimizer.step()
slope = model[1].slope.item()
print(f"after 500 steps: loss {loss.item():.5f}, slope {slope:.2f}")
assert loss.item() < 0.01
assert slope > 1
