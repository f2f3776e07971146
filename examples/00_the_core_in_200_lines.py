# %% [markdown]
# # The core in 200 lines
#
# This page builds an autodiff framework from nothing but NumPy, and trains a network with it that reads
# handwritten digits.  It takes 200 lines of code, not counting comments and blank lines.  The names
# are those of the package `tinygrad_mnist`: when you have read this page, you can find your way in the
# package.
#
# You need some NumPy and the chain rule.  Each of the eleven steps adds one idea, gives the reason for it,
# and prints something to look at.  Run the page step by step, and change whatever you like.

# %% [markdown]
# ## 1. An op is data
#
# A computation, however long, is made of a few small functions: a sum, a product, an exponential.  We call
# such a function an *op*, and its definition here a *primitive*.  To differentiate a computation, we need
# to know two things about each of its ops: how to compute the result, and how to carry a gradient backward
# through it.
#
# Take $y = a b$, somewhere in the middle of a computation that ends in a single number $L$.  Suppose that we
# know $g = dL/dy$, which says how much $L$ changes when $y$ changes a little.  The chain rule then gives the
# derivatives with respect to both inputs:
#
# $$
# \frac{dL}{da} = g b \qquad \frac{dL}{db} = g a
# $$
#
# That is one *rule* per input.  A rule gets $g$, the result $y$ and the inputs, and returns the gradient with
# respect to its input.  A primitive holds the forward function and the rules.  It is data: the rest of this
# page reads it, for one purpose after another.
#
# NumPy's own functions can be forwards: `np.add`, `np.multiply`.

# %%
import itertools

import numpy as np

from tinygrad_mnist.lesson import narrate

narrate()  # run as a script, the lesson tells its prose too


class Primitive:
    """An op as data: a forward function on arrays and one rule per input."""

    def __init__(self, forward):
        self.forward = forward
        self.name = forward.__name__
        self.rules = ()

    def vjps(self, *rules):
        self.rules = rules  # "vjp": vector-Jacobian product, the usual name for what a rule computes


primitive = Primitive  # in lower case, since step 5 uses it as a decorator
add, multiply = primitive(np.add), primitive(np.multiply)
add.vjps(lambda g, y, a, b: g, lambda g, y, a, b: g)
multiply.vjps(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)

print("1. multiply: forward(3, 4) =", multiply.forward(3.0, 4.0))
print("   its rules at g = 1:", [rule(1.0, 12.0, 3.0, 4.0) for rule in multiply.rules])

# %% [markdown]
# ## 2. The type of the box decides
#
# `multiply(a, b)` should compute if a and b are arrays.  But we will also need a record of what was
# computed, and sometimes only a formula as text.  Three versions of each op would be a lot of work.
# Instead we put values into *boxes*, and an op that meets a box leaves the decision to it:
#
# - arrays and numbers: the op computes;
# - a `Text`: the box writes down the formula;
# - a `Tensor`, in the next step: the box computes and records.
#
# Boxes come with operators, so that a * b means multiply(a, b).  Some ops will also have *settings*, such
# as a shape.  They are passed by keyword and are never differentiated.
#
# Two details of Python: a class can get a method after its definition, and that is how our program grows.
# And `__array_ufunc__ = None` tells NumPy to leave array * box to the box.


# %%
class Box:
    """A value that decides what an op does with it."""

    __array_ufunc__ = None
    __add__ = __radd__ = lambda a, b: add(a, b)
    __mul__ = __rmul__ = lambda a, b: multiply(a, b)
    __sub__ = lambda a, b: a + -1.0 * b
    __rsub__ = lambda a, b: b + -1.0 * a


def call(op, *inputs, **settings):
    for x in inputs:
        if isinstance(x, Box):
            return x.apply(op, inputs, settings)
    return op.forward(*inputs, **settings)


Primitive.__call__ = call


class Text(Box, str):
    """A box that holds a formula, as a string, and computes nothing."""

    def apply(self, op, inputs, settings):
        return Text(f"{op.name}({', '.join(map(str, inputs))})")


g, y, a, b = (Text(letter) for letter in "gyab")
print("2. arrays compute:", multiply(np.array([1.0, 2.0]), 3.0))
print("   text writes:   ", a * b + 1.0)
print("   a rule as text:", multiply.rules[0](g, y, a, b))

# %% [markdown]
# The last line is worth a second look.  The rule `g * b` met boxes, so it did what boxes of this kind do.
# Rules are written with operators and ops only, never with `np.`, so that they *speak the language of their
# inputs*.  Step 6 will use this to get second derivatives.
#
# ## 3. A Tensor records, and a serial number is the order
#
# A `Tensor` computes with the arrays inside, and its result is a Tensor that remembers the op, the inputs
# and the settings.  These memories form a *graph*: each Tensor points to those it was made from.
#
# Soon we will walk through this graph backward, and must visit each Tensor before its inputs.  There are
# clever algorithms that find such an order.  We need none of them.  An input is always made before the
# result, so we number the Tensors as they are made.  Largest number first is the order.
#
# Arrays and numbers among the inputs are constants: nothing flows back to them.


# %%
class Tensor(Box):
    """A box that computes and records."""

    counter = itertools.count()

    def __init__(self, value, op=None, inputs=(), settings=None):
        self.value = np.asarray(value)
        self.op, self.inputs, self.settings = op, inputs, settings or {}
        self.serial, self.grad = next(Tensor.counter), None

    shape = property(lambda self: self.value.shape)

    def apply(self, op, inputs, settings):
        value = op(*map(peeled, inputs), **settings)  # one box less: now arrays compute
        return Tensor(value, op, inputs, settings)


def peeled(x):
    return x.value if isinstance(x, Tensor) else x


def upstream(output):
    """Return all Tensors that `output` was made from, itself included, latest first."""
    found, stack = {output.serial: output}, [output]
    while stack:
        for x in stack.pop().inputs:
            if isinstance(x, Tensor) and x.serial not in found:
                found[x.serial] = x
                stack.append(x)
    return [found[serial] for serial in sorted(found, reverse=True)]


a, b = Tensor(3.0), Tensor(4.0)
y = a * b + a
print("3. y = a b + a =", y.value)
for tensor in upstream(y):
    print(f"   {tensor.serial}: {tensor.op.name if tensor.op else 'given':9}{tensor.value}")

# %% [markdown]
# ## 4. The walk backward
#
# Now the chain rule, for any graph.  Start at the output, whose gradient with respect to itself is 1.
# Visit the Tensors, latest first.  At each one, pass its gradient to the rules of its op: each rule returns
# the part for one input.  Above, a was used twice, so it receives two contributions.  They are added: if a
# changes a little, both uses change y, and small changes add up.
#
# When a Tensor is visited, everything made from it has been visited before, so its gradient is complete.
#
# `walk` yields each Tensor with its gradient; the caller decides what to do with them.
# `backward` stores them in `.grad`.  (Step 5 explains `unbroadcast`, which does nothing yet.  Step
# 6 explains `on_tensors`.)


# %%
unbroadcast = lambda g, shape: g


def walk(output, seed, on_tensors=False):
    """Yield each Tensor behind `output` with its gradient, latest first; `seed` is the output's."""
    gradients = {output.serial: seed}
    for tensor in upstream(output):
        g = gradients.pop(tensor.serial)
        yield tensor, g
        # Arguments of the rules: boxes, or the arrays inside.
        y, *values = (tensor, *tensor.inputs) if on_tensors else map(peeled, (tensor, *tensor.inputs))
        for x, rule in zip(tensor.inputs, tensor.op.rules if tensor.op else (), strict=True):
            if isinstance(x, Tensor):
                part = unbroadcast(rule(g, y, *values, **tensor.settings), x.shape)
                gradients[x.serial] = gradients[x.serial] + part if x.serial in gradients else part


def backward(output):
    for tensor, g in walk(output, np.ones(output.shape)):
        tensor.grad = g


backward(y)
print("4. y = a b + a: dy/da = b + 1 =", a.grad, " dy/db = a =", b.grad)

# %% [markdown]
# ## 5. Broadcasting is undone in one place
#
# NumPy stretches small arrays: in `x + bias`, with shapes (2, 3) and (3,), each bias is added to two rows.
# It is used twice, so its gradient is the sum over both uses.  The rule of `add` returns g, whose shape is
# (2, 3), and ignores this.  Must every rule take care of it?  No: the walk can see which shape the gradient
# should have, and sums over the stretched axes for all rules.
#
# The sum must be an op as well, so that it has a rule of its own.  Its rule stretches g again, with
# `broadcast_to`.  The rule of `broadcast_to` returns g as it is, since the walk will sum it.  Both ops
# have a setting, `shape`, and their rules get it too.


# %%
@primitive
def sum_to(x, *, shape):
    """Sum over the axes along which `shape` would be stretched to the shape of x."""
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, length in enumerate(shape) if length == 1), keepdims=True)


broadcast_to = primitive(np.broadcast_to)
sum_to.vjps(lambda g, y, x, shape: broadcast_to(g, shape=x.shape))
broadcast_to.vjps(lambda g, y, x, shape: g)


def unbroadcast(g, shape):
    return g if g.shape == shape else sum_to(g, shape=shape)


def total(x):
    return sum_to(x, shape=())


x, bias = Tensor(np.zeros((2, 3))), Tensor(np.zeros(3))
backward(total(x + bias))
print("5. gradient of a bias added to two rows:", bias.grad)

# %% [markdown]
# ## 6. Gradients of gradients, for free
#
# So far the walk gave arrays to the rules, and they computed.  Give them Tensors instead, and what the
# rules do is recorded: the gradient is a Tensor with a graph of its own, ready for another walk.  That is
# all that `on_tensors` does.
#
# `grad(f)` is the function that computes the gradient of f.  Here too the box decides: it returns an array
# for an array, and a Tensor for a Tensor.  So grad(grad(f)) works, and grad(grad(grad(f))) as well.
#
# The two new ops have rules that reuse the result y: the derivative of exp is exp itself, and that of tanh is
# $1 - \tanh^2$.


# %%
exp, tanh = primitive(np.exp), primitive(np.tanh)
exp.vjps(lambda g, y, x: g * y)
tanh.vjps(lambda g, y, x: g * (1.0 - y * y))


def grad(f):
    """Return the function that computes the gradient of f, which must return a single number."""

    def gradient(x):
        if not isinstance(x, Tensor):
            return gradient(Tensor(x)).value
        new = x * 1.0  # a Tensor of its own for this call: wherever else f uses x, it is a constant
        arrived = {tensor.serial: g for tensor, g in walk(f(new), Tensor(1.0), on_tensors=True)}
        return arrived.get(new.serial, Tensor(np.zeros(x.shape)))  # 0 if f does not depend on it

    return gradient


t = np.tanh(0.5)
print("6. tanh'(0.5)   =", grad(tanh)(0.5), " formula:", 1 - t**2)
print("   tanh''(0.5)  =", grad(grad(tanh))(0.5), "formula:", -2 * t * (1 - t**2))
print("   tanh'''(0.5) =", grad(grad(grad(tanh)))(0.5), "formula:", (1 - t**2) * (6 * t**2 - 2))

# %% [markdown]
# ## 7. Check it
#
# A wrong rule does not crash.  It returns a number, and the network learns a little worse.  So we compare
# with two other methods, which use no rules at all:
#
# - *Central differences*: change one entry by a small step $h$, up and down, and divide the difference of the
#   results by $2 h$.  The step is a compromise: if it is too large, the curve is not straight; if it is too
#   small, the difference is mostly rounding.
# - *The complex step*: go in the imaginary direction, which Python writes as 1j.  Taylor's formula
#   says that $f(x + ih) = f(x) + ih f'(x) - \dots$, so $f'(x)$ is the imaginary part divided by $h$.  Nothing
#   is subtracted, so $h$ can be tiny, and the result is right to almost the last digit.
#
# Both just call f on arrays, which works because ops compute when they meet arrays.
#
# A check is worth something only if it can fail.  So we also check a tanh with a mistake in its rule: the
# square is missing.


# %%
rows, point = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]]), np.array([0.5, -0.3, 0.8])


def f(x, activation=tanh):
    return total(activation(rows + x) * exp(-1.0 * x))


def error(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


# Each row of np.eye(3) is a step of length 1 along one entry.
differences = np.array([(f(point + 1e-6 * e) - f(point - 1e-6 * e)) / 2e-6 for e in np.eye(3)])
exact = np.array([f(point + 1e-30j * e).imag / 1e-30 for e in np.eye(3)])
wrong_tanh = primitive(np.tanh)
wrong_tanh.vjps(lambda g, y, x: g * (1.0 - y))
wrong = grad(lambda x: f(x, wrong_tanh))(point)
print(f"7. relative error, compared with the complex step: our gradient {error(grad(f)(point), exact):.0e},")
print(f"   differences {error(differences, exact):.0e}, with the mistake {error(wrong, exact):.0e}")
assert error(grad(f)(point), exact) < 1e-14 < error(differences, exact) < 1e-8 < error(wrong, exact)

# %% [markdown]
# ## 8. A picture of the graph
#
# A graph that is recorded can be drawn: one line of text per Tensor, one per arrow.  The format is DOT;
# Graphviz and many web pages turn it into a picture.  The numbers are the serial numbers, which count on
# from step 3.


# %%
def to_dot(output):
    lines = ["digraph {"]
    for tensor in reversed(upstream(output)):
        lines.append(f'  {tensor.serial} [label="{tensor.op.name if tensor.op else "given"} {tensor.shape}"]')
        lines += [f"  {x.serial} -> {tensor.serial}" for x in tensor.inputs if isinstance(x, Tensor)]
    return "\n".join([*lines, "}"])


print("8.", to_dot(f(Tensor(point))))

# %% [markdown]
# ## 9. A network
#
# Three more ops.  `matmul` and `transpose` make a linear layer: `x @ weight.T + bias`, with one row of x per
# image.  Two linear layers in a row could be replaced by one; `tanh` between them makes the network able to
# do more.
#
# The last layer gives each image ten scores, one per digit.  The loss compares them with the label: *softmax
# cross-entropy*, $\log \sum_j e^{z_j} - z_c$ for the scores $z$ and the right digit $c$, averaged over the
# images.  It is small when the right score is much larger than the others.  exp overflows for scores above
# 709, so `logsumexp` subtracts the largest score first and adds it again at the end.  Its rule contains
# $e^{x - y}$, the famous softmax: the scores of an image turned into probabilities that add up to 1.
#
# *Stochastic gradient descent* (SGD) moves each parameter a little against its gradient.  It puts a new
# array into the Tensor.  The next forward pass records a new graph, and Python frees the old one.


# %%
matmul, transpose = primitive(np.matmul), primitive(np.transpose)


@primitive
def logsumexp(x):
    """log(sum(exp(x))) of each row; (n, k) -> (n, 1)"""
    largest = x.max(axis=1, keepdims=True)
    return largest + np.log(np.exp(x - largest).sum(axis=1, keepdims=True))


matmul.vjps(lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g)
transpose.vjps(lambda g, y, x: g.T)
logsumexp.vjps(lambda g, y, x: g * exp(x - y))
Box.__matmul__ = lambda a, b: matmul(a, b)
Box.__rmatmul__ = lambda a, b: matmul(b, a)
Box.T = property(transpose)


class Linear:
    def __init__(self, in_features, out_features, rng):
        bound = 1 / np.sqrt(in_features)
        self.weight = Tensor(rng.uniform(-bound, bound, (out_features, in_features)))
        self.bias = Tensor(np.zeros(out_features))

    def __call__(self, x):
        return x @ self.weight.T + self.bias


def cross_entropy(scores, labels):
    """Mean over n images; scores: (n, k), labels: (n,) from 0 to k - 1."""
    chosen = scores * np.eye(scores.shape[1])[labels]  # the right score of each row; 0 elsewhere
    return (total(logsumexp(scores)) - total(chosen)) * (1 / len(labels))


def descend(parameters, lr):
    for parameter in parameters:
        parameter.value = parameter.value - lr * parameter.grad


rng = np.random.default_rng(0)
first, last = Linear(64, 30, rng), Linear(30, 10, rng)
parameters = [first.weight, first.bias, last.weight, last.bias]
start = [parameter.value for parameter in parameters]


def network(x):
    return last(tanh(first(x)))


print("9. parameters:", sum(parameter.value.size for parameter in parameters))

# %% [markdown]
# ## 10. It learns
#
# The data are 1,797 handwritten digits of 8 x 8 pixels: 1,237 to learn from, 200 that we leave aside here,
# and 360 for the test.  We go through the training images 30 times, in a new order each time, 32 images per
# step.  A network that guesses has a loss of about $\log 10 = 2.30$ and reads a tenth of the digits right;
# this one reads 91.1 % right.  Its random numbers have a fixed seed, so you will get the same.

# %%
from tinygrad_mnist.datasets import load_digits

data = load_digits()
images, labels = data.train.images.reshape(-1, 64).astype(float), data.train.labels
test_images, test_labels = data.test.images.reshape(-1, 64).astype(float), data.test.labels
orders = [rng.permutation(len(images)) for _ in range(30)]
batches = [order[i : i + 32] for order in orders for i in range(0, len(images), 32)]


def accuracy(scores):
    return np.mean(scores.argmax(axis=1) == test_labels)


for step, batch in enumerate(batches):
    loss = cross_entropy(network(images[batch]), labels[batch])
    backward(loss)
    descend(parameters, lr=0.5)
    if step % 195 == 0:
        print("10." if step == 0 else "   ", f"step {step:4}  loss {loss.value:.4f}")
core_accuracy = accuracy(network(test_images).value)
print(f"    {core_accuracy:.1%} of the test digits are read right")

# %% [markdown]
# ## 11. The same in the package
#
# Does the package compute the same?  We build the network again, with the same initial weights, and train
# it on the same batches.  The package computes some steps in another order, so the last digits may differ.
#
# Then a table says where in the package each piece is, and what the package adds to it.  Nearly all of it
# is of one kind: *guards*.  This page trusts its reader; the package checks, and says in a sentence what is
# wrong.  The table is also a good order in which to read the package.

# %%
from tinygrad_mnist import nn, optim

model = nn.Sequential(nn.Linear(64, 30, dtype=float), nn.Tanh(), nn.Linear(30, 10, dtype=float))
for parameter, value in zip(model.parameters(), start, strict=True):
    parameter.data = value
optimizer = optim.SGD(model.parameters(), lr=0.5)
for batch in batches:
    optimizer.zero_grad()
    nn.CrossEntropyLoss()(model(images[batch]), labels[batch]).backward()
    optimizer.step()
worst = max(error(p.value, q.data) for p, q in zip(parameters, model.parameters(), strict=True))
print(f"11. largest relative difference of the weights after {len(batches)} steps: {worst:.0e}")
print(f"    accuracy: {core_accuracy:.1%} here, {accuracy(model(test_images).data):.1%} in the package")
assert worst < 1e-9

pieces = [
    ("Primitive, call", "autodiff/primitive.py", "refuse a missing rule, an unknown setting, a name in use"),
    ("Text", "autodiff/formula.py", "is called Symbol there; writes signs and brackets"),
    ("Tensor", "autodiff/tensor.py", "refuses mixed dtypes; its errors name shapes and your line"),
    ("walk, unbroadcast", "autodiff/backward.py", "refuse changed arrays and gradients of a wrong shape"),
    ("exp, tanh, sum_to", "autodiff/ops/", "are a few of many; float32 stays float32"),
    ("grad", "autodiff/transforms.py", "takes several arguments; refuses a result of many numbers"),
    ("checks of step 7", "checking/", "measure the rounding; say what they could not test"),
    ("to_dot", "graph/", "draws layers as boxes, and gradients"),
    ("Linear, cross_entropy", "nn/", "refuse images and labels that do not fit"),
    ("descend", "optim/sgd.py", "is the class SGD there; adds momentum"),
]
for piece, place, guards in pieces:
    print(f"    {piece:22} {place:23} {guards}")
