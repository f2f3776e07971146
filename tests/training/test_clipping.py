"""Bounds of the gradients in `fit`: the bits of a loop that clips, on every way a step is run."""

import numpy as np
import pytest

from tests.training.jobs import EPOCHS, Job, Killed, killed_after
from tinygrad_mnist import nn
from tinygrad_mnist.training import Checkpoints

BOUNDS = [{"clip_norm": 0.05}, {"clip_value": 0.01}, {"clip_norm": 0.04, "clip_value": 0.02}]


def by_hand(clip_norm=None, clip_value=None):
    """Train in a loop written by hand: the value is clipped first, then the norm."""
    job, params = Job(), None
    for _ in range(EPOCHS):
        for inputs, labels in job.train:
            job.optimizer.zero_grad()
            job.loss(job.model.train()(inputs), labels).backward()
            params = list(job.model.parameters())
            if clip_value:
                nn.utils.clip_grad_value_(params, clip_value)
            if clip_norm:
                nn.utils.clip_grad_norm_(params, clip_norm)
            job.optimizer.step()
        job.schedule.step()
    return [array.tobytes() for array in job.model.state_dict().values()]


def weights(job):
    return [array.tobytes() for array in job.model.state_dict().values()]


@pytest.mark.parametrize("how", [{"backend": "numpy"}, {"backend": "eager"}, {"detect_anomaly": True}])
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_gradients_are_clipped_as_by_hand(bounds, how):
    job = Job()
    job.fit(**bounds, **how)
    assert weights(job) == by_hand(**bounds) != by_hand()


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_clipped_training_resumes_to_the_same_bits(bounds, tmp_path):
    with pytest.raises(Killed):
        Job().fit(Checkpoints(tmp_path, every_steps=2), callbacks=[killed_after(12)], **bounds)
    resumed = Job()
    resumed.fit(Checkpoints(tmp_path, every_steps=2), **bounds)
    assert weights(resumed) == by_hand(**bounds)


def test_other_bounds_are_refused_on_resuming(tmp_path):
    Job().fit(Checkpoints(tmp_path), clip_norm=0.5)
    with pytest.raises(ValueError, match=r"clip_norm is 0\.1: expected 0\.5, as at its first step"):
        Job().fit(Checkpoints(tmp_path), epochs=EPOCHS + 1, clip_norm=0.1)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1", True, np.array([1.0, 2.0])])
@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_bound_that_is_not_above_0_is_refused(name, value):
    with pytest.raises((TypeError, ValueError), match=f"{name} is .*: expected a finite number > 0"):
        Job().fit(**{name: value})
