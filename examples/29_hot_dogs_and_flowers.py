# %% [markdown]
# # Hot dogs and flowers
#
# "Building a neural network from scratch in R" begins with logistic regression, connects several of them,
# and calls that a network.  This lesson does the same, on the article's two spirals and on Fisher's
# flowers.
#
# (`tinygrad-mnist reproduce hot-dogs` and `reproduce iris` run the article to its last digit.)

# %%
import numpy as np

from tinygrad_mnist import grad, hessian, nn, ops, optim
from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.program import compile
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

rng = np.random.default_rng(42)
theta = rng.uniform(np.pi / 2, 7 * np.pi / 2, 100)
arm = np.stack([theta * np.cos(theta), -theta * np.sin(theta)], axis=1)
points = np.concatenate([-arm, arm]) + rng.uniform(size=(200, 2))
is_hot_dog = np.repeat([0.0, 1.0], 100)[:, None]
plots.lines({"hot dog": points[100:], "not hot dog": points[:100]}, "Two spirals", "x", "y", joined=False)

# %% [markdown]
# ## Logistic regression
#
# Three numbers, found by Newton's method.  Its gradient and Hessian are derivatives of the likelihood as
# written in the code.  R's `glm` does the same with formulas derived by hand.

# %%
design = np.column_stack([np.ones(200), points])


def minus_log_likelihood(beta):
    return ops.sum(ops.sigmoid_cross_entropy(ops.matmul(design, beta), is_hot_dog[:, 0]))


beta = np.zeros(3)
for _ in range(6):
    slope = grad(minus_log_likelihood)(beta)
    beta = beta - np.linalg.solve(hessian(minus_log_likelihood)(beta), slope)
straight = ((design @ beta > 0) == is_hot_dog[:, 0]).mean()
print(f"a straight boundary: {straight:.1%}")
assert np.abs(slope).max() < 1e-6
assert straight < 0.75

# %% [markdown]
# ## Thirty of them, and one more on top
#
# The hidden layer makes thirty new variables from the two.  For these, a straight boundary is enough.
# Thousands of tiny steps are worth capturing: `compile` repeats the same step without recording it again.


# %%
def fit(hidden, iterations):
    weights = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(2, hidden, weight_init=nn.init.normal(), rng=weights, dtype=np.float64),
        nn.Sigmoid(),
        nn.Linear(hidden, 1, weight_init=nn.init.normal(), rng=weights, dtype=np.float64),
    )
    optimizer = optim.SGD(model.parameters(), lr=2.0)
    loss_function = nn.BCEWithLogitsLoss()

    @compile
    def step(x, y):
        optimizer.zero_grad()
        log_odds = model(x)
        loss_function(log_odds, y).backward()
        optimizer.step()
        return log_odds

    for _ in range(iterations):
        log_odds = step(points, is_hot_dog)
    return float(((log_odds.data > 0) == (is_hot_dog > 0.5)).mean())


shares = {hidden: fit(hidden, 20_000) for hidden in (1, 5, 30)}
for hidden, share in shares.items():
    print(f"{hidden:2} hidden unit{'s' * (hidden > 1)}: {share:.1%}")
assert shares[1] < 0.75  # one hidden unit is a straight line again
assert shares[5] < shares[30]
assert shares[30] > 0.98

# %% [markdown]
# ## Flowers
#
# Three classes need three outputs and a softmax.  Nothing else changes.

# %%
flowers = load_iris()
weights = np.random.default_rng(0)
model = nn.Sequential(
    nn.Linear(4, 5, rng=weights, dtype=np.float64),
    nn.Sigmoid(),
    nn.Linear(5, 3, rng=weights, dtype=np.float64),
)
optimizer = optim.SGD(model.parameters(), lr=0.1)
loss_function = nn.CrossEntropyLoss()
for iteration in range(1, 2001):
    optimizer.zero_grad()
    logits = model(flowers.measurements)
    loss = loss_function(logits, flowers.species)
    loss.backward()
    optimizer.step()
    if iteration % 500 == 0:
        share = (logits.data.argmax(axis=1) == flowers.species).mean()
        print(f"iteration {iteration:,}: loss {loss.item():.4f}, {share:.1%} right")
assert share > 0.95
