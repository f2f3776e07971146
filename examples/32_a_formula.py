# %% [markdown]
# # A formula
#
# "Building a neural network from scratch in R" ends with a class that is used in one line,
# `NeuralNetwork$new(Species ~ ., data = iris, hidden = 5)`, and with a list of exercises for the reader:
# other activations, more layers or none, regularisation, changing learning rates, regression.  This lesson
# writes that line in Python and does the exercises.
#
# (It needs the extra `formula`.)

# %%
import numpy as np
import pandas
from sklearn.model_selection import cross_val_score

from tinygrad_mnist import nn
from tinygrad_mnist.checking import check_gradients
from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.estimator import NeuralNetwork
from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too

iris = load_iris().columns()  # names and columns; a pandas or polars frame would do as well
network = NeuralNetwork("Species ~ .", data=iris, hidden=5).fit()
print(network)
print(f"{network.score():.1%} of the flowers are classified correctly")
assert network.score() > 0.97

# %% [markdown]
# The dot stands for all other columns.  The network classifies new flowers:

# %%
new = {
    "Sepal.Length": [5.0, 6.1],
    "Sepal.Width": [3.4, 2.8],
    "Petal.Length": [1.5, 4.9],
    "Petal.Width": [0.2, 1.7],
}
for name, row in zip(network.predict(new), network.predict_proba(new)):
    print(f"{name}: {', '.join(f'{p:.1%} {c}' for p, c in zip(row, network.classes_))}")

# %% [markdown]
# ## The score on flowers not used for training
#
# Divide the flowers into five parts, and classify each part by a network trained on the other four.  The
# estimator follows scikit-learn's conventions, so scikit-learn's tools can do that.  More hidden units learn
# the training flowers by heart, and do not classify more of the others correctly.

# %%
frame = pandas.DataFrame(iris)
for settings in (
    {"hidden": 0},
    {"hidden": 5},
    {"hidden": (50, 50)},
    {"hidden": (50, 50), "weight_decay": 0.003},
):
    seen = NeuralNetwork("Species ~ .", data=frame, **settings).fit().score()
    scores = cross_val_score(NeuralNetwork("Species ~ .", **settings), frame, frame["Species"], cv=5)
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    print(f"{told:36} seen {seen:.1%}, unseen {scores.mean():.1%}")
    assert scores.mean() > 0.9

# %% [markdown]
# ## Two classes, and numbers
#
# Two classes need one output, the log-odds; without a hidden layer that is logistic regression.  For numbers
# the loss is the squared error, as a share of the variance of the targets.

# %%
iris["virginica"] = iris["Species"] == "virginica"
odds = NeuralNetwork("virginica ~ `Petal.Width` + `Petal.Length`", data=iris, hidden=0).fit()
print(odds, f"  {odds.score():.1%}", sep="\n")
assert odds.model_[-1].weight.shape == (1, 2)

width = NeuralNetwork(
    "`Petal.Width` ~ Species * `Petal.Length`",
    data=iris,
    task="regression",
    activation="tanh",
    schedule="cosine",
).fit()
print(width, f"  R^2 {width.score():.3f}", sep="\n")
assert np.isclose(width.loss_, 1 - width.score())

# %% [markdown]
# ## It is the same framework inside
#
# `model_` is an ordinary module: draw its graph, look at its weights, check its gradients.

# %%
inputs = np.random.default_rng(0).standard_normal((20, 4))
report = check_gradients(network.model_, nn.CrossEntropyLoss(), (inputs, np.arange(20) % 3))
assert report.ok
report
