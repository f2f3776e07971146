# %% [markdown]
# # Find the bug
#
# A wrong derivative does not crash.  The loss still falls, only more slowly or less far, and people blame the
# learning rate.  This lesson breaks rules on purpose.  It shows how little one notices, and which tools find
# the mistake.

# %%
import numpy as np

from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.checking import check_gradients, diagnose, wrong_rules
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

data = load_digits()
known = list(wrong_rules.WRONG_RULES)
print(f"{len(known)} classic mistakes are available, such as {', '.join(known[:3])}")
loss_function = nn.CrossEntropyLoss()


def make_model():
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 30, rng=rng, dtype=np.float64),
        nn.Sigmoid(),
        nn.Linear(30, 10, rng=rng, dtype=np.float64),
    )
    for name, parameter in model.named_parameters():
        parameter.name = name
    return model


def train():
    """Return the share of test digits that are read right after three epochs, and the loss of each step."""
    model = make_model()
    optimizer, losses = optim.SGD(model.parameters(), lr=0.5, momentum=0.9), []
    for epoch in range(3):
        for images, labels in data.train.loader(32, shuffle=True, seed=epoch, dtype=np.float64):
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    images, labels = next(iter(data.test.loader(len(data.test), dtype=np.float64)))
    return (model(images).argmax(1) == labels).mean(), losses


# %% [markdown]
# ## It learns anyway
#
# The rule below computes the derivative of the sigmoid $σ$ as $σ(y) (1 - σ(y))$, where $y$ is already the
# *result* of the sigmoid.  The sigmoid is applied twice.  `wrong_rules` has this and other classic wrong
# rules; each is installed for the length of a `with` block.

# %%
right, losses = train()
with wrong_rules.sigmoid_of_the_output as wrong_rule:
    wrong, wrong_losses = train()
print(f"trained with the right rule: {right:.1%}, with the wrong one: {wrong:.1%} of the test digits")
print("how it happens:", wrong_rule.why)
assert right > 0.85
assert wrong > 0.7  # who would look for a bug here?
plots.lines(
    {"the right rule": losses, "the wrong rule": wrong_losses}, "Which one has the bug?", "step", "loss"
)

# %% [markdown]
# ## Find the wrong gradients
#
# Function values do not depend on rules.  Their differences are an independent check of every parameter.  The
# table below says *wrong* where the planted mistake reaches, as it should.

# %%
model = make_model()
batch = next(iter(data.train.loader(10, dtype=np.float64)))
with wrong_rules.sigmoid_of_the_output:
    report = check_gradients(model, loss_function, batch, sample=20)
assert report.wrong == ("1.weight", "1.bias")
report

# %% [markdown]
# Everything before the sigmoid is wrong, and everything after it is right.  The chain rule already points at
# the sigmoid.
#
# ## Find the wrong rule
#
# The graph keeps the values that each op had in the forward pass, so each rule can be checked by itself.
# `diagnose` does this, node by node.

# %%
with wrong_rules.sigmoid_of_the_output:
    images, labels = batch
    diagnosis = diagnose(loss_function(model(images), labels))
assert [(found.primitive, found.input) for found in diagnosis.findings] == [("sigmoid", "x")]
diagnosis

# %% [markdown]
# ## Your turn
#
# Break a rule yourself.  It takes the gradient $g$ of the result, the result $y$ and the inputs, and returns
# the gradient of one input.  This one forgets that relu has a flat half.

# %%
right_rules = ops.relu.rules
ops.relu.vjps(lambda g, y, x: g)
x = Tensor([-1.5, 0.5, 2.0], requires_grad=True, name="x")
diagnosis = diagnose(ops.sum(ops.square(ops.relu(x) - 0.25)))
ops.relu.vjps(*right_rules)
assert [found.primitive for found in diagnosis.findings] == ["relu"]
assert diagnose(ops.sum(ops.relu(x))).ok
diagnosis

# %% [markdown]
# With positive numbers alone, the check would have found nothing: it tries only the values that it is given.
# Test data should be as varied as the values in use.
#
# ## The whole collection
#
# For each of them: does the check find it, and does the diagnosis name the right op?  Read each line, think
# about its effect on the backward pass, and look at the code in `wrong_rules`.

# %%
named = 0
for name, wrong_rule in wrong_rules.WRONG_RULES.items():
    function, inputs = wrong_rule.example()
    with wrong_rule:
        caught = not check_gradients(function, *inputs).ok
        loss = function(*(Tensor(value, requires_grad=True) for value in inputs))
        findings = diagnose(loss).findings
    print(f"{name:31} {wrong_rule.blames()}")
    assert caught, name
    assert findings, name
    if wrong_rule.primitive is not None:
        assert {found.primitive for found in findings} == {wrong_rule.primitive}, name
    named += 1
print(f"{named} wrong rules, all caught by check_gradients and named by diagnose")
assert named >= 20
