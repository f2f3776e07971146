"""A warning names the line that called the package, however deep inside it is given."""

import numpy as np
import pytest

from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.training import Checkpoints, evaluate, fit

X = np.random.default_rng(0).normal(size=(61, 4)).astype(np.float32)
BATCHES = Loader(X, np.zeros(61, int), 61)


class Branching(nn.Module):
    """Looks at its input with Python, as a program cannot."""

    def __init__(self):
        self.inner = nn.Linear(4, 3)

    def forward(self, x):
        return self.inner(x) * float(np.max(x))


def rooted(output, target):
    return ops.mean(ops.softmax_cross_entropy(output, target)) * len(target) ** 0.5


def trained(model=None, loss=None, epochs=1, **options):
    model = model or nn.Sequential(nn.Linear(4, 3, rng=0))
    fit(model, loss or nn.CrossEntropyLoss(), optim.SGD(model.parameters(), 0.1), BATCHES,
        epochs=epochs, **options)  # fmt: skip


def resumed(folder, damaged=None):
    for epochs in (1, 2):
        trained(epochs=epochs, callbacks=[Checkpoints(folder)])
    if damaged:
        max(folder.glob(f"*{damaged}")).write_text("{")
    trained(nn.Sequential(nn.Linear(4, 3, rng=1)), epochs=3, callbacks=[Checkpoints(folder)])


def unwritable(folder):
    (folder / "file").write_text("")
    trained(callbacks=[Checkpoints(folder / "file")])


WARNINGS = {
    "neither mean nor sum, evaluated": (
        lambda folder: evaluate(nn.Linear(4, 3), rooted, BATCHES), "neither the mean nor the sum",
    ),
    "neither mean nor sum, trained": (lambda folder: trained(loss=rooted), "neither the mean nor the sum"),
    "not to be captured": (lambda folder: trained(Branching()), "training continues op by op"),
    "other weights": (resumed, "the weights given to fit are not those"),
    "damaged JSON": (lambda folder: resumed(folder, ".json"), "skipped"),
    "damaged arrays": (lambda folder: resumed(folder, ".safetensors"), "skipped"),
    "not to be written": (unwritable, "could not be written"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("call", "said"), WARNINGS.values(), ids=WARNINGS)
def test_warning_names_the_line_outside_of_the_package(call, said, tmp_path):
    with pytest.warns(Warning, match=said) as caught:
        call(tmp_path)
    assert {warning.filename for warning in caught if said in str(warning.message)} == {__file__}
