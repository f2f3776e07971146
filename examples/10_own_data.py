# %% [markdown]
# # Your own data, your own digits
#
# Two ways in: a network that reads pictures of yours, and a network that learns from them.  The pictures here
# are drawn by the lesson itself; put photographs and scans in their place.

# %% [markdown]
# ## A picture of your own
#
# Write a digit on paper, photograph it, and give the file to `tinygrad-mnist predict`, or do the same in
# Python.  The picture may be large, dark on light, and off centre: `read_pictures` cuts out the strokes
# and makes them as large, as centred and as dark as the digits of MNIST.  A network reads well only
# what looks like its training data.

# %%
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import tinygrad_mnist as tm
from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.datasets import load_mnist, write_idx
from tinygrad_mnist.datasets.picture import read_pictures
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots
from tinygrad_mnist.training import fit

narrate()  # run as a script, the lesson tells its prose too

folder = Path(tempfile.mkdtemp())
paper = Image.new("L", (600, 400), 225)
pen = ImageDraw.Draw(paper)
pen.line([(350, 120), (460, 120), (390, 290)], fill=40, width=16, joint="curve")  # a seven, to the right
paper.save(folder / "seven.png")
digit = read_pictures(folder / "seven.png", (28, 28))
print(f"from {paper.size[0]} x {paper.size[1]} pixels to an array of shape {digit.shape}")
sheet = 1 - np.asarray(paper, float) / 255
plots.images([sheet, digit[0]], ["the picture", "as it is read"], "What the network gets")

# %% [markdown]
# `load_pretrained("record")` is a network that comes with the package.

# %%
reader = tm.load_pretrained("record")
with tm.no_grad():
    probabilities = ops.softmax(reader(digit)).data[0]
for number in probabilities.argsort()[::-1][:3]:
    print(f"a {number} with probability {probabilities[number]:.2%}")
assert probabilities.argmax() == 7

# %% [markdown]
# ## A data set of your own
#
# Any arrays will do: images of one size, and a whole number for the class of each.  Here are three shapes,
# drawn at random places.


# %%
def draw_shape(kind, rng):
    """Return a disk (0), a frame (1) or a cross (2).  -> (16, 16) of uint8"""
    image = Image.new("L", (16, 16))
    pen, size = ImageDraw.Draw(image), int(rng.integers(5, 9))
    left, top = (int(place) for place in rng.integers(1, 15 - size, 2))
    box = [left, top, left + size, top + size]
    if kind == 0:
        pen.ellipse(box, fill=255)
    elif kind == 1:
        pen.rectangle(box, outline=255)
    else:
        pen.line(box, fill=255)
        pen.line([left, top + size, left + size, top], fill=255)
    return np.asarray(image)


rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 1200).astype(np.uint8)
shapes = np.array([draw_shape(kind, rng) for kind in labels])
names = [("disk", "frame", "cross")[kind] for kind in labels[:6]]
print(shapes.shape, shapes.dtype, "and", labels.shape, labels.dtype)
plots.images(shapes[:6], names, "Six of 1,200 images of three classes")

# %% [markdown]
# Saved in the four files of MNIST, they can be used everywhere: here, with
# `tinygrad-mnist train --data FOLDER`, and on the page to play with.

# %%
for part, rows in (("train", slice(0, 1000)), ("t10k", slice(1000, 1200))):
    write_idx(folder / f"{part}-images-idx3-ubyte", shapes[rows])
    write_idx(folder / f"{part}-labels-idx1-ubyte", labels[rows])
data = load_mnist(folder, validation=100)
print(f"{len(data.train)} to learn from, {len(data.validation)} to watch, {len(data.test)} for the test")

# %% [markdown]
# Look before you train: are the images upright, the labels right, the classes about equally frequent?

# %%
counts = np.bincount(data.train.labels)
for number, count in enumerate(counts):
    print(f"class {number}: {count} images, ink {data.train.images[data.train.labels == number].mean():.3f}")
assert counts.min() > 0.8 * counts.mean()

# %% [markdown]
# Then as with the digits.  The picture shows the test images that are misread, with what the network
# believes.

# %%
model = nn.Sequential(nn.Flatten(), nn.Linear(256, 64, rng=rng), nn.ReLU(), nn.Linear(64, 3, rng=rng))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
train = data.train.loader(32, shuffle=True)
history = fit(model, nn.CrossEntropyLoss(), optimizer, train, epochs=40, progress=False)
with tm.no_grad():
    probabilities = ops.softmax(model(data.test.images)).data
wrong = np.flatnonzero(probabilities.argmax(axis=1) != data.test.labels)
print(f"{1 - len(wrong) / len(data.test):.1%} of the test images are named right")
assert len(wrong) < 0.1 * len(data.test)
plots.misread_images(
    data.test.images[wrong], data.test.labels[wrong], probabilities[wrong], ["disk", "frame", "cross"]
)
