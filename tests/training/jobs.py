"""A small training with all kinds of state, to stop and to resume."""

import numpy as np

from tests.training.callbacks import Calls
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.training import fit

EPOCHS, STEPS = 3, 9  # of 16 rows, the last of 7
RNG = np.random.default_rng(5)
INPUTS = RNG.standard_normal((135, 6)).astype(np.float32)
LABELS = RNG.integers(0, 4, 135)


class Job:
    """Every kind of state: dropout, momentum, weight decay, a schedule, a loader that shuffles."""

    def __init__(
        self,
        seed=1,
        hidden=12,
        batch_size=16,
        p=0.3,
        momentum=0.9,
        schedule=True,
        lr=0.1,
        activation=nn.Tanh,
        loss=nn.CrossEntropyLoss,
        t_max=EPOCHS,
        inputs=INPUTS,
        shuffle_seed=3,
    ):
        rng = np.random.default_rng(seed)
        self.model = nn.Sequential(
            nn.Linear(6, hidden, rng=rng),
            activation(),
            nn.Dropout(p, rng=np.random.default_rng(seed + 1)) if p else nn.Sigmoid(),
            nn.Linear(hidden, 4, rng=rng),
        )
        self.loss = loss()
        self.optimizer = optim.SGD(self.model.parameters(), lr, momentum, weight_decay=1e-3)
        self.schedule = optim.CosineAnnealingLR(self.optimizer, t_max) if schedule else None
        self.train = Loader(inputs, LABELS, batch_size, shuffle=True, seed=shuffle_seed)
        self.validation = Loader(INPUTS[:50], LABELS[:50], 50)

    def fit(self, checkpoints=None, epochs=EPOCHS, callbacks=(), **options):
        parts = self.model, self.loss, self.optimizer, self.train, self.validation
        callbacks = [*callbacks, *([checkpoints] if checkpoints else [])]
        return fit(*parts, epochs=epochs, schedule=self.schedule, callbacks=callbacks, **options)

    def end(self, history):
        """Return all results of a training, without the seconds."""
        weights = {name: array.tobytes() for name, array in self.model.state_dict().items()}
        velocities = [s.velocity.tobytes() for s in self.optimizer.param_groups[0].states]
        records = [{**record, "seconds": 0} for record in history.records()]
        return weights, velocities, self.optimizer.lr, records, history.findings, self.train.epoch


def uninterrupted(**options):
    job = Job()
    return job.end(job.fit(**options))


END = uninterrupted()


class Killed(BaseException):
    """Replacement for SIGKILL: nothing in the training catches it."""


def killed_after(steps):
    left = [steps]

    def kill(training):
        left[0] -= 1
        if not left[0]:
            raise Killed

    return Calls(after_step=kill)
