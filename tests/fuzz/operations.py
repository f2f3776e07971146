"""Random programs of all ops: Tensors against NumPy, gradients against differences, replay against eager.

The long form::

    python -m tests.fuzz.operations --seconds 300

prints how many programs ran and which primitives they met.  A failure prints the smallest program found that
fails, as a script, and the seed to find it again with ``--seed``.
"""

import argparse
import collections
import contextlib
import sys
import time
import warnings

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

import tinygrad_mnist as tm
from tests.fuzz.operation_programs import PRECISIONS, programs, settings_for
from tinygrad_mnist import Tensor
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.program import compile

DOUBLE = (np.float64, np.float64)
STEP = 1e-4
STEEPEST = 1e6  # a gradient above says more about the program than about the rules


# Forward


def check_forward(program):
    """Each value is NumPy's from the same operands: shape, dtype and bits, or within the line's rounding."""
    arrays = program.arrays()
    before = [a.copy() for a in arrays]
    values = program.function()(*program.tensors(arrays))
    inner, settings_of_numpy = [v._data for v in values], settings_for(PRECISIONS)
    for position, step in enumerate(program.steps, len(program.leaves)):
        if step.mode == "update":
            continue
        expected = program.step_on_arrays(step, inner, settings_of_numpy)
        assert_within(inner[position], expected, [inner[i] for i in step.operands], step)
    _check_updates(program, before, inner)
    for array, copy in zip(arrays, before):
        np.testing.assert_array_equal(array, copy, err_msg="an input was changed")


def _check_updates(program, leaves, inner):
    """A leaf that was changed in place holds what NumPy gives for the changes, one after the other."""
    values = [*leaves, *inner[len(leaves) :]]
    for step in program.steps:
        if step.mode == "update":
            target = step.operands[0]
            values[target] = program.step_on_arrays(step, values, {})
    for found, expected in zip(inner[: len(leaves)], values):
        np.testing.assert_array_equal(found, expected, err_msg="a leaf after its updates")


def assert_within(found, expected, operands, step):
    """The same shape and dtype, and the same bits but for the rounding that the line is allowed."""
    what = step.text(step.line.ours)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    if not step.line.rounding:
        np.testing.assert_array_equal(found, expected, err_msg=what)
        return
    finite = [np.abs(x[np.isfinite(x)]).max(initial=1.0) for x in (*operands, expected)]
    if all(np.isfinite(x).all() for x in operands) and max(finite) < 1e3:
        bound = step.line.rounding * np.finfo(expected.dtype).eps * max(finite) * max(expected.size, 1)
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound, err_msg=what)


# Gradients


def backward(program, values):
    """A backward pass from each output that has a gradient."""
    for i, weight in zip(program.outputs, program.weights(values)):
        if values[i].requires_grad:
            values[i].backward(weight)


def gradients(program, dtypes):
    """The gradients of the leaves, zeros where there is none."""
    leaves = program.tensors(program.arrays(dtypes=dtypes))
    values = program.function(dtypes)(*leaves)
    backward(program, values)
    for leaf in leaves:
        assert leaf.grad is None or (leaf.grad.shape, leaf.grad.dtype) == (leaf.shape, leaf.dtype)
    _check_ownership(leaves, values)
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad for leaf in leaves]


def _check_ownership(leaves, values):
    """A gradient belongs to its tensor alone."""
    found = [leaf.grad for leaf in leaves if leaf.grad is not None]
    for i, gradient in enumerate(found):
        others = [*found[:i], *(v._data for v in values)]
        assert not any(np.may_share_memory(gradient, other) for other in others), "a shared gradient"
        assert gradient.flags.writeable


def check_gradients(program):
    """In float64 against central differences of NumPy's program, in its own dtypes against float64."""
    exact = gradients(program, DOUBLE)
    checked = _against_differences(program, exact)
    for leaf, single, double in zip(program.leaves, gradients(program, PRECISIONS), exact):
        largest = max(np.abs(g).max(initial=1.0) for g in exact)
        if leaf.is_learned and largest < STEEPEST:
            np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-3 * largest)
    return checked


def _against_differences(program, exact):
    scalar, arrays = _scalar(program)
    checked = collections.Counter()
    for leaf, array, gradient in zip(program.leaves, arrays, exact):
        for index in np.ndindex(array.shape if leaf.is_learned else (0,)):
            slope, doubt = _slope(scalar, arrays, array, index)
            checked["entries"] += 1
            if doubt > 1e-3 * max(1.0, abs(slope)):
                checked["in doubt"] += 1
                continue
            assert abs(gradient[index] - slope) <= 4 * doubt + 1e-6 * abs(slope), (
                f"{gradient[index]} at {index} of v{program.leaves.index(leaf)}, by differences {slope}"
            )
    return checked


def _scalar(program):
    """NumPy's program as a function without arguments of arrays that are changed from outside."""
    arrays = [np.array(a) for a in program.arrays(dtypes=DOUBLE)]
    kept = {}
    values = program.on_arrays(arrays, lambda key, value: kept.setdefault(key, value.copy()), DOUBLE)
    weights = program.weights(values)

    def scalar():
        moved = program.on_arrays(arrays, lambda key, value: kept[key], DOUBLE)
        return sum(float(np.sum(moved[i] * w)) for i, w in zip(program.outputs, weights))

    return scalar, arrays


def _slope(scalar, arrays, array, index):
    """Central differences with two steps, extrapolated (Richardson, 1911), and how far to trust them."""
    middle = array[index]

    def difference(step):
        ends = []
        for sign in (1, -1):
            array[index] = middle + sign * step
            ends.append(scalar())
        return (ends[0] - ends[1]) / (2 * step), 1e-15 * 100 * max(1.0, *map(abs, ends)) / step

    (wide, _), (narrow, rounding) = difference(STEP), difference(STEP / 2)
    array[index] = middle
    return (4 * narrow - wide) / 3, abs(wide - narrow) + rounding


def check_second_order(program):
    """The gradient's own derivative along a direction against central differences of the gradient."""
    if any(step.mode for step in program.steps) or not any(leaf.is_learned for leaf in program.leaves):
        return False
    chosen = [i for i, leaf in enumerate(program.leaves) if leaf.is_learned]
    arrays = [np.array(a) for a in program.arrays(dtypes=DOUBLE)]
    directions = [np.random.default_rng(1).standard_normal(arrays[i].shape) for i in chosen]

    def scalar(*variables):
        filled = [Tensor(a) for a in arrays]
        for i, variable in zip(chosen, variables):
            filled[i] = variable
        values = program.function(DOUBLE)(*filled)
        return sum((values[i] * w).sum() for i, w in zip(program.outputs, program.weights(values)))

    at = [arrays[i] for i in chosen]
    slopes = tm.grad(scalar, tuple(range(len(at))))
    if not any(np.abs(g).max(initial=0) > 0 for g in slopes(*at)):
        return False
    products = tm.hvp(scalar, tuple(at), tuple(directions))
    moved = [slopes(*(a + sign * STEP * d for a, d in zip(at, directions))) for sign in (1, -1, 0.5, -0.5)]
    for product, a, b, c, d in zip(products, *moved):
        wide, narrow = (a - b) / (2 * STEP), (c - d) / STEP
        largest = max(np.abs(g).max(initial=1.0) for g in (a, b))
        bound = 4 * np.abs(wide - narrow) + 1e-10 * largest / STEP + 1e-6 * np.abs(narrow)
        sure = np.abs(wide - narrow) < 1e-2 * np.maximum(1, np.abs(narrow))
        assert (np.abs(product - (4 * narrow - wide) / 3) <= bound)[sure].all(), (product, narrow)
    return True


# Replay


class Replica:
    """The program as a training step would have it: parameters outside, outputs and gradients returned."""

    def __init__(self, program):
        self.program, self.function = program, program.function()
        arrays = program.arrays()
        self.parameters = {
            i: Tensor(a, requires_grad=True)
            for i, (leaf, a) in enumerate(zip(program.leaves, arrays))
            if leaf.kind == "parameter"
        }
        self.weights = None

    def arguments(self, fresh):
        return [a for i, a in enumerate(self.program.arrays(fresh)) if i not in self.parameters]

    def __call__(self, *arguments):
        remaining = iter(arguments)
        leaves = []
        for i, leaf in enumerate(self.program.leaves):
            if i in self.parameters:
                self.parameters[i].grad = None
                leaves.append(self.parameters[i])
            else:
                leaves.append(Tensor(next(remaining), requires_grad=leaf.is_learned))
        values = self.function(*leaves)
        self.weights = self.weights or self.program.weights(values)
        for i, weight in zip(self.program.outputs, self.weights):
            if values[i].requires_grad:
                values[i].backward(weight)
        found = [leaf.grad for i, leaf in enumerate(leaves) if i not in self.parameters]
        return [values[i] + 0.0 for i in self.program.outputs], [g for g in found if g is not None]

    def state(self):
        return [array for p in self.parameters.values() for array in (p.data, p.grad)]


def bits(tree):
    """Shape, dtype and bits of each, NaN always the same: the processor chooses its sign."""
    arrays = _arrays_of(tree)
    return [(a.shape, a.dtype, np.where(np.isnan(a), np.nan, a).astype(a.dtype).tobytes()) for a in arrays]


def _arrays_of(tree):
    return [np.asarray(x._data if isinstance(x, Tensor) else x) for x in tree if x is not None]


def check_replay(program):
    """A captured program gives the eager result bit for bit, with fresh values at each call."""
    eager, replayed = Replica(program), Replica(program)
    compiled = compile(replayed)
    for fresh in (0, 1, 2, 1):
        expected = eager(*eager.arguments(fresh))
        found = compiled(*replayed.arguments(fresh))
        for mine, theirs in zip(found, expected):
            assert bits(mine) == bits(theirs), f"call {fresh}: the program differs from the function"
        assert bits(replayed.state()) == bits(eager.state()), f"call {fresh}: parameters or gradients differ"


def check_printed(program):
    """The printed derivation, run by itself, gives the function's results for other values too."""
    if "dropout" in program.source():
        return False  # it makes its random numbers itself
    eager, replayed = Replica(program), Replica(program)
    compiled = compile(replayed)
    compiled(*replayed.arguments(0))
    eager(*eager.arguments(0))
    namespace = {}
    exec(compiled.program.derivation, namespace)
    states = [np.array(state.get()) for state in compiled.program.states]
    found = namespace["step"](*replayed.arguments(1), *states)
    outputs, slopes = eager(*eager.arguments(1))
    expected = [*outputs, *slopes]
    found = found if isinstance(found, tuple) else (found,)
    for mine, theirs in zip(*(_arrays_of(tree) for tree in (found[: len(expected)], expected)), strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype), "the printed derivation"
        # Not the bits: on paper a number is NumPy's scalar, whose power rounds differently than an array's.
        close = 1e3 * np.finfo(mine.dtype).eps if mine.dtype.kind == "f" else 0
        scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=1)
        np.testing.assert_allclose(mine, theirs, close, close * scale, err_msg="the printed derivation")
    return True


# All of it


def check(program):
    """Everything that is promised of a program."""
    with np.errstate(all="ignore"), warnings.catch_warnings(), told_about(program):
        warnings.simplefilter("ignore")
        check_forward(program)
        check_replay(program)
        counts = collections.Counter(programs=1, steps=len(program.steps), wild=program.wild)
        if program.seed % 3 == 1:
            counts["printed"] += check_printed(program)
        if not program.wild:
            counts += check_gradients(program)
            if program.seed % 3 == 2:
                counts["in second order"] += check_second_order(program)
        return counts


@contextlib.contextmanager
def told_about(program):
    """An error says for which program."""
    try:
        yield
    except Exception as error:
        error.add_note(f"\n{program}")
        raise


@contextlib.contextmanager
def primitives_met():
    """Count the primitives that are applied to Tensors in the block."""
    apply, counter = Tensor._apply, collections.Counter()

    def counting(self, primitive, inputs, attributes):
        counter[primitive.name] += 1
        return apply(self, primitive, inputs, attributes)

    Tensor._apply = counting
    try:
        yield counter
    finally:
        Tensor._apply = apply


def own_primitives():
    """The names of the package's own primitives."""
    return {
        name
        for name, p in REGISTRY.items()
        if p.forward.__module__.startswith("tinygrad_mnist.autodiff.ops.")
    }


def stream(number, count, body, *, drawn=None, shrink=True):
    """Run `body` on `count` programs drawn from a seed; on a failure, shrink it."""

    def quietly(program):
        with np.errstate(all="ignore"):
            body(program)

    options = {"max_examples": count, "deadline": None, "database": None, "report_multiple_bugs": False}
    quiet = {"suppress_health_check": list(HealthCheck), "phases": [Phase.generate, *[Phase.shrink] * shrink]}
    seed(number)(settings(**options, **quiet)(given(programs() if drawn is None else drawn)(quietly)))()


def run(seconds, first_seed):
    """Streams of programs until the time is over; the counts."""
    counts = collections.Counter()

    def body(program):
        counts.update(check(program))

    start = time.monotonic()
    number = first_seed
    with primitives_met() as met:
        while time.monotonic() - start < seconds:
            print(f"\rseed {number}: {counts['programs']} programs", end="", file=sys.stderr, flush=True)
            stream(number, 100, body)
            number += 1
    return counts, met


def main(arguments=None):
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0, help="of the first hundred programs")
    options = parser.parse_args(arguments)
    counts, met = run(options.seconds, options.seed)
    own = own_primitives()
    print(", ".join(f"{number} {what}" for what, number in counts.items()))
    never = ", ".join(sorted(own - set(met))) or "none"
    print(f"{len(own & set(met))} of {len(own)} primitives; never met: {never}")
    print("applied least often:", ", ".join(f"{name} {n}" for name, n in met.most_common()[:-6:-1]))


if __name__ == "__main__":
    main()
