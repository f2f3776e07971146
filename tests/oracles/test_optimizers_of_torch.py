"""Every optimizer beside PyTorch's over 50 steps, for each of its options."""

import itertools

import numpy as np
import pytest

from tests.optim.options import CASES, IDS
from tinygrad_mnist import Tensor, nn, optim

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SHAPES = [(3, 4), (4,), ()]
SGD = [
    {"momentum": momentum, "weight_decay": decay, **rest}
    for momentum, decay in itertools.product((0.0, 0.9), (0.0, 0.1))
    for rest in ({}, *([{"nesterov": True}, {"dampening": 0.3}] if momentum else []))
]
ALL = [*CASES, *((optim.SGD, {"lr": 0.1, **options}) for options in SGD)]


def both(start, kind, groups, options):
    """Our parameters and PyTorch's, each with an optimizer; a group is positions and settings."""
    ours = [Tensor(x.copy(), requires_grad=True) for x in start]
    theirs = [torch.tensor(x, requires_grad=True) for x in start]
    for tensors, maker in ((ours, kind), (theirs, getattr(torch.optim, kind.__name__))):
        listed = [{"params": [tensors[i] for i in positions], **own} for positions, own in groups]
        yield tensors, maker(listed, **options)


def train(kind, options, groups=(([0, 1, 2], {}),), between=lambda ours, theirs, step: None, steps=50):
    """The largest difference of the parameters over all steps."""
    rng = np.random.default_rng(0)
    start = [np.asarray(rng.standard_normal(shape)) for shape in SHAPES]
    (ours, one), (theirs, other) = both(start, kind, groups, options)
    worst = 0.0
    for step in range(steps):
        for position, (p, q) in enumerate(zip(ours, theirs)):
            g = np.asarray(rng.standard_normal(p.shape))
            is_missing = position == 1 and step % 3 == 0
            p.grad, q.grad = (None, None) if is_missing else (g.copy(), torch.tensor(g))
        between((ours, one), (theirs, other), step)
        one.step(), other.step()
        worst = max(worst, *(np.abs(p.data - q.detach().numpy()).max() for p, q in zip(ours, theirs)))
    return worst


@pytest.mark.parametrize(("kind", "options"), ALL, ids=[*IDS, *(f"SGD {o}" for o in SGD)])
def test_fifty_steps_end_at_torchs_weights(kind, options):
    assert train(kind, options) < 1e-12


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad])
def test_groups_with_own_settings_are_torchs(kind):
    groups = [([2, 0], {"lr": 0.05, "weight_decay": 0.1}), ([1], {})]

    def change(ours, theirs, step):
        if step == 20:
            for _, optimizer in (ours, theirs):
                optimizer.param_groups[1]["lr"] = 0.02

    assert train(kind, {"lr": 0.1}, groups, change) < 1e-12


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_clipped_by_norm_fifty_steps_end_at_torchs_weights(p):
    def clip(ours, theirs, step):
        norm = nn.utils.clip_grad_norm_(ours[0], 0.5, p)
        expected = torch.nn.utils.clip_grad_norm_(theirs[0], 0.5, p)
        assert norm == pytest.approx(expected.item(), rel=1e-12)

    assert train(optim.Adam, {"lr": 0.1}, between=clip) < 1e-12


def test_clipped_by_value_fifty_steps_end_at_torchs_weights():
    def clip(ours, theirs, step):
        nn.utils.clip_grad_value_(ours[0], 0.3)
        torch.nn.utils.clip_grad_value_(theirs[0], 0.3)

    assert train(optim.Adam, {"lr": 0.1}, between=clip) < 1e-12
