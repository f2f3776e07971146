# %% [markdown]
# # Overfitting, and what helps
#
# A network with more weights than examples can learn its examples by heart.  It then reads those without a
# mistake, and others no better than before.  The two curves of a training run show it: the loss on what is
# learned goes on falling, the loss on what is not seen turns and climbs.

# %% [markdown]
# ## Two curves
#
# 200 digits to learn from, one label in five drawn at random, as in data that was labelled in a hurry, and a
# network of 14,000 weights.  Another 200 digits, with right labels, are only looked at: the validation.

# %%
import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader, load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots
from tinygrad_mnist.training import EarlyStopping, evaluate, fit

narrate()  # run as a script, the lesson tells its prose too

data = load_digits()
validation, test = data.validation.loader(200), data.test.loader(360)


def make_model(dropout=0.0):
    rng = np.random.default_rng(0)
    first, last = nn.Linear(64, 190, rng=rng), nn.Linear(190, 10, rng=rng)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), nn.Dropout(dropout, rng=1), last)


def train(count=200, epochs=100, dropout=0.0, weight_decay=0.0, callbacks=()):
    """Return the history and the share of the test digits that are read right."""
    rng, labels = np.random.default_rng(0), data.train.labels[:count].astype(int)
    labels = np.where(rng.random(count) < 0.2, rng.integers(0, 10, count), labels)
    model = make_model(dropout)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=weight_decay)
    loader = Loader(data.train.images[:count], labels, 20, shuffle=True)
    options = {"epochs": epochs, "callbacks": callbacks, "progress": False}
    history = fit(model, nn.CrossEntropyLoss(), optimizer, loader, validation, **options)
    return history, evaluate(model, nn.CrossEntropyLoss(), test).accuracy


shares = {}
plain, shares["nothing"] = train()
lowest, end = min(plain, key=lambda epoch: epoch.validation_loss), plain[-1]
print(f"at the end {end.train_accuracy:.0%} of the 200 are right, wrong labels and all")
print(f"training loss {end.train_loss:.4f}, validation loss {end.validation_loss:.2f}")
print(f"the validation loss was lowest in epoch {lowest.epoch}: {lowest.validation_loss:.2f}")
assert end.train_accuracy == 1
assert end.validation_loss > 1.5 * lowest.validation_loss
plots.lines(
    {
        "training": [(epoch.epoch, epoch.train_loss) for epoch in plain],
        "validation": [(epoch.epoch, epoch.validation_loss) for epoch in plain],
    },
    "The loss on 200 digits that are learned, and on 200 that are not",
    "epoch",
    "loss, logarithmic",
    log=True,
)

# %% [markdown]
# ## Stop in time
#
# `EarlyStopping` ends the training when the validation loss has not fallen for a few epochs, and puts the
# best weights back.

# %%
stopped, shares["stopped in time"] = train(callbacks=[EarlyStopping(patience=5)])
print(f"{len(stopped)} of 100 epochs; {stopped.stopped}")
assert len(stopped) < 100

# %% [markdown]
# ## Weight decay and dropout
#
# Weight decay pulls every weight a little to 0 in each step: only weights that are needed again and again
# stay large.  Dropout switches off a random half of the hidden units in each step, so that no unit can rely
# on a single other.

# %%
decayed, shares["weight decay 0.01"] = train(weight_decay=0.01)
dropped, shares["dropout 0.5"] = train(dropout=0.5)
ways = {"nothing": plain, "weight decay 0.01": decayed, "dropout 0.5": dropped}
for name, history in ways.items():
    print(f"{name:18} validation loss {history[-1].validation_loss:.2f} at the end")
    assert history is plain or history[-1].validation_loss < plain[-1].validation_loss
plots.lines(
    {name: [(epoch.epoch, epoch.validation_loss) for epoch in history] for name, history in ways.items()},
    "The validation loss with and without help",
    "epoch",
    "validation loss",
)

# %% [markdown]
# ## More data
#
# Nothing helps as much as more examples, although one label in five is as wrong as before: learning by
# heart is no longer possible, so the network learns what the examples have in common.

# %%
shares["1,200 digits"] = train(1200, epochs=20)[1]
for name, share in shares.items():
    print(f"{name:18} {share:.1%} of the test digits are right")
assert shares["nothing"] < min(share for name, share in shares.items() if name != "nothing")
assert shares["1,200 digits"] == max(shares.values())
