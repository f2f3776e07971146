# %% [markdown]
# # The doctor
#
# A network that does not learn says nothing about the reason: the loss stays where it is, or becomes NaN.
# The doctor looks at the network, the data and a few trial steps, and says what is wrong, what it measured,
# and what to change.  This lesson makes four networks ill, on purpose.

# %% [markdown]
# ## A healthy network
#
# `diagnose_training` takes what training takes: the network, the loss, a batch and the optimizer.  It
# changes nothing.

# %%
import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.doctor import Doctor, diagnose_training
from tinygrad_mnist.errors import DivergenceError
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.training import fit

narrate()  # run as a script, the lesson tells its prose too

data = load_digits()
batch = next(iter(data.train.loader(256, shuffle=True)))
loss_function = nn.CrossEntropyLoss()


def make_model(weights=None, *, last=()):
    rng = np.random.default_rng(0)
    given = {} if weights is None else {"weight_init": weights}
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 30, rng=rng, **given),
        nn.ReLU(),
        nn.Linear(30, 10, rng=rng, **given),
        *last,
    )


def sgd(model, rate=0.1):
    return optim.SGD(model.parameters(), lr=rate)


model = make_model()
healthy = diagnose_training(model, loss_function, batch, sgd(model))
assert healthy.ok
healthy

# %% [markdown]
# ## A learning rate that is too high
#
# The doctor tries a few steps, on a copy, and a few with a smaller rate.

# %%
model = make_model()
too_high = diagnose_training(model, loss_function, batch, sgd(model, rate=50.0))
assert not too_high.ok
too_high

# %% [markdown]
# ## Weights that are all the same
#
# If all units begin alike they stay alike: 30 units do the work of one.

# %%
model = make_model(nn.init.constant(0.1))
alike = diagnose_training(model, loss_function, batch, sgd(model))
assert not alike.ok
alike

# %% [markdown]
# ## A softmax too many
#
# `CrossEntropyLoss` contains the softmax.  With another one at the end of the network the loss still falls,
# but slowly, and never very far.

# %%
model = make_model(last=[nn.Softmax()])
twice = diagnose_training(model, loss_function, batch, sgd(model))
assert not twice.ok
twice

# %% [markdown]
# ## While it trains
#
# As a callback the doctor looks before the first step, and again if something goes wrong.  This training
# blows up, as it must with this rate.  It ends at the step where the numbers stop being numbers, and the
# message says where and why.

# %%
model = make_model()
train = data.train.loader(32, shuffle=True)
options = {"epochs": 3, "callbacks": [Doctor()], "progress": False}
try:
    history = fit(model, loss_function, sgd(model, rate=1e30), train, **options)
except DivergenceError as error:
    print("ended:", error, *error.__notes__, sep="\n")
else:
    raise AssertionError("a training with a rate of 1e30 went through")
