"""Attributes are watched only while a function is captured: reading one costs nothing else."""

import numpy as np
import pytest

from tinygrad_mnist import compile, nn
from tinygrad_mnist.autodiff.observed import LATEST, Observed, reads_noted


def is_watched():
    return "__getattribute__" in vars(Observed)


def test_reads_are_watched_in_the_block_alone():
    assert not is_watched()
    with reads_noted():
        with reads_noted():
            assert is_watched()
        assert is_watched()
    assert not is_watched()


def test_reads_are_not_watched_after_a_capture_that_failed():
    layer = nn.Linear(2, 1, rng=0)

    def fails(x):
        assert is_watched()
        raise ArithmeticError(str(layer(x).shape))

    with pytest.raises(ArithmeticError):
        compile(fails)(np.ones((3, 2), np.float32))
    assert not is_watched()


class Holder(Observed):
    OPEN = ("free",)


@pytest.mark.parametrize(
    ("change", "noted"),
    [
        (lambda h: setattr(h, "p", 0.5), True),
        (lambda h: setattr(h, "new", None), True),
        (lambda h: setattr(h, "p", h.p), False),
        (lambda h: setattr(h, "free", 2), False),
        (lambda h: delattr(h, "p"), True),
        (lambda h: h.p, False),
    ],
    ids=["set", "new", "set to itself", "open", "deleted", "read"],
)
def test_change_is_noted_if_a_program_may_depend_on_it(change, noted):
    holder = Holder()
    holder.p, holder.free = 0.25, 1
    before = LATEST[0]
    change(holder)
    assert (LATEST[0] is not before) == noted
