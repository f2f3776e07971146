# %% [markdown]
# # Saving, resuming, taking it elsewhere
#
# Weights can be saved in a file, training can go on after an interruption, and a network can be used where
# this package is not installed.  These are three different things.

# %% [markdown]
# ## The weights
#
# A file of weights holds arrays and their names, and no code: opening a file from the internet runs nothing.
# PyTorch reads the same file.

# %%
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.training import Checkpoints, fit

narrate()  # run as a script, the lesson tells its prose too

folder = Path(tempfile.mkdtemp())
data = load_digits()
images, labels = next(iter(data.test.loader(len(data.test))))


def make_model(seed=0):
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 30, rng=rng), nn.ReLU(), nn.Linear(30, 10, rng=rng))


def train(model, epochs, callbacks=()):
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = data.train.loader(32, shuffle=True, seed=0)
    options = {"epochs": epochs, "callbacks": callbacks, "progress": False}
    return fit(model, nn.CrossEntropyLoss(), optimizer, loader, **options)


model = make_model()
train(model, epochs=10)
tm.save(model, folder / "digits.safetensors")
print(f"digits.safetensors: {(folder / 'digits.safetensors').stat().st_size:,} bytes")
for name, array in model.state_dict().items():
    print(f"  {name:9} {array.shape!s:9} {array.dtype}")

# %% [markdown]
# The file does not say how the weights are used.  So you make the same network, and load the weights into it.

# %%
again = tm.load(make_model(seed=1), folder / "digits.safetensors")
same = (again(images).data == model(images).data).all()
print("the loaded network gives the same answers, to the last bit:", same)
assert same

# %% [markdown]
# A network of another shape is refused, and the message says which array does not fit:

# %%
try:
    tm.load(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10)),
        folder / "digits.safetensors",
    )
except ValueError as error:
    print("refused:", str(error).replace(str(folder), "FOLDER"))
else:
    raise AssertionError("weights of another shape were loaded")

# %% [markdown]
# ## The training
#
# To go on with training, weights are not enough: momentum, the order of the images and the random numbers
# belong to it.  `Checkpoints` saves all of these.  Here one training runs for 6 epochs; another is ended
# after 3, and then started again by the same lines.  Both end with the same bits.

# %%
whole = make_model()
train(whole, epochs=6)


class Interruption:
    def after_epoch(self, training, epoch):
        if epoch.epoch == 3:
            training.stop("the power went off")


cut = make_model()
history = train(cut, 6, [Checkpoints(folder / "run", every_steps=10), Interruption()])
print(f"first run:  {len(history)} epochs; {history.stopped}")
resumed = make_model()
history = train(resumed, 6, [Checkpoints(folder / "run", every_steps=10)])
print(f"second run: {len(history)} epochs in all")
equal = all((p.data == q.data).all() for p, q in zip(whole.parameters(), resumed.parameters(), strict=True))
print("the same bits as without an interruption:", equal)
assert equal

# %% [markdown]
# ## The network, without the package
#
# `export` writes a file of NumPy code, as one would write it by hand, with the weights next to it.  A name
# that ends in `.onnx` gives a graph for other programs instead (extra `onnx`).

# %%
tm.export(model, folder / "reader.py", images)
print((folder / "reader.py").read_text())
