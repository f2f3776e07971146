"""Names that people look for in rooms of data, training and gradients, with what to write here."""

from __future__ import annotations

_LOADER = "write `tm.datasets.Loader(x.data, labels, 2)`"
_DIGITS = "write `tm.datasets.load_mnist()`: images, labels and the split are in it"

DATASETS = {
    "DataLoader": _LOADER,
    "Dataset": _LOADER,
    "MNIST": _DIGITS,
    "TensorDataset": _LOADER,
    "train_test_split": "write `tm.datasets.load_digits(validation=300)`",
}

TRAINING = {
    "Trainer": "write `training.fit(model, loss, optimizer, batches, epochs=1)`",
    "train": "write `training.fit(model, loss, optimizer, batches, epochs=1)`",
    "train_step": "write `training.make_train_step(model, loss, optimizer)`",
}

AUTOGRAD = {
    "Function": "write an op: `tm.primitive` and a rule for each input, as in examples/08_your_own_op.py",
    "backward": "write `loss(model(batches[0][0]), batches[0][1]).backward()`",
    "functional": "write `tm.jacobian(np.sin)(np.ones(3))`, and so for hessian, vjp, jvp and hvp",
    "gradcheck": "write `tm.checking.check_gradients(np.sum, np.ones(3))`",
    "no_grad": "write `tm.no_grad()`",
}
