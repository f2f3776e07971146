"""Random programs of the lines in `operation_lines`: drawn, run on Tensors or on arrays, printed."""

import itertools
import warnings
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from tests.fuzz.operation_lines import HELPERS, LINES, Line
from tests.fuzz.operation_settings import Verbatim, text_of
from tinygrad_mnist import Tensor, no_grad
from tinygrad_mnist.checking.strategies import broadcastable_shapes, distinct_arrays

LAYOUTS = {
    "plain": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "reversed": lambda x: x[::-1].copy()[::-1] if x.ndim else x,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
}
WILD = (0.0, -0.0, 1.0, -1.0, 1e30, -1e30, 1e-30, np.inf, -np.inf, np.nan, 90.0, -750.0)
PRECISIONS = (np.float32, np.float64)  # of S and D in a program
MOST_ELEMENTS, LARGEST, NEAREST = 60, 30.0, 0.01


@dataclass(frozen=True)
class Leaf:
    """An input of a program.

    `kind`: "variable" (requires a gradient), "parameter" (likewise, and outlives the call) or "constant".
    """

    shape: tuple[int, ...]
    dtype: str
    kind: str
    layout: str

    @property
    def is_learned(self):
        return self.kind != "constant"


@dataclass(frozen=True)
class Step:
    """A line with its operands and settings; `mode`: "" or "silent" (under no_grad), "detached", "update"."""

    line: Line
    operands: tuple[int, ...]
    settings: dict
    mode: str = ""

    def text(self, template):
        names = [f"v{position}" for position in self.operands]
        return template.format(*names, **{name: text_of(value) for name, value in self.settings.items()})


@dataclass
class Program:
    """Leaves, steps and which values are its outputs; value i is ``v{i}`` in its text.

    Attributes
    ----------
    wild
        Whether zeros, infinities and NaN occur among the leaves: then there is no gradient to check.
    """

    leaves: tuple[Leaf, ...]
    seed: int
    wild: bool
    steps: list[Step] = field(default_factory=list)
    outputs: tuple[int, ...] = ()

    # Its inputs

    def arrays(self, fresh=0, dtypes=PRECISIONS):
        """Values for the leaves, others for another `fresh`."""
        rng = np.random.default_rng([self.seed, fresh])
        values = distinct_arrays([leaf.shape for leaf in self.leaves], rng)
        if self.wild:
            values = [np.where(rng.random(v.shape) < 0.5, rng.choice(WILD, v.shape), v) for v in values]
        kinds = dict(zip("SD", dtypes))
        with np.errstate(all="ignore"):
            return [LAYOUTS[leaf.layout](v.astype(kinds[leaf.dtype])) for leaf, v in zip(self.leaves, values)]

    def tensors(self, arrays):
        return [Tensor(a, requires_grad=leaf.is_learned) for leaf, a in zip(self.leaves, arrays)]

    def weights(self, values):
        """Return the gradients from which the backward pass of each output starts."""
        rng = np.random.default_rng(self.seed)
        return [rng.uniform(0.5, 1.5, values[i].shape).astype(values[i].dtype) for i in self.outputs]

    # Its text

    def lines(self):
        """The program for Tensors, a statement a step."""
        for position, step in enumerate(self.steps, len(self.leaves)):
            expression = step.text(step.line.ours)
            if step.mode == "update":
                target = f"v{step.operands[0]}"
                yield from ("with no_grad():", f"    {target} {expression}", f"v{position} = {target}")
            elif step.mode == "silent":
                # With a plus since flatten() may hand out its operand as it is, and with it its gradient.
                yield from ("with no_grad():", f"    v{position} = +({expression})")
            else:
                yield f"v{position} = " + (
                    f"({expression}).detach()" if step.mode == "detached" else expression
                )

    @property
    def names(self):
        return [f"v{i}" for i in range(len(self.leaves) + len(self.steps))]

    def source(self):
        header = f"def program({', '.join(self.names[: len(self.leaves)])}):"
        return "\n    ".join([header, *self.lines(), f"return [{', '.join(self.names)}]"])

    def __str__(self):
        """A script of its own, with the leaves' values."""
        lines = ["from tests.fuzz.operation_lines import *", "from tinygrad_mnist import Tensor, no_grad"]
        lines += ["from numpy import float32, float64, inf, nan", "S, D = float32, float64"]
        lines += ["rng = [np.random.default_rng(i) for i in range(4)]"]
        for name, leaf, values in zip(self.names, self.leaves, self.arrays()):
            built = f"{name} = Tensor({text_of(values)}, requires_grad={leaf.is_learned})"
            lines += [f"{built}  # {leaf.kind}, {leaf.layout}"]
        return "\n".join([*lines, *self.lines(), f"outputs = [{', '.join(f'v{i}' for i in self.outputs)}]"])

    def _repr_pretty_(self, printer, cycle):
        printer.text("...")  # for Hypothesis: the error has the program as a note

    # Running it

    def function(self, dtypes=PRECISIONS):
        """The program as a function of Tensors that returns all values, with random generators of its own."""
        namespace = {**HELPERS, **settings_for(dtypes), "no_grad": no_grad}
        exec(compile(self.source(), "<program>", "exec"), namespace)
        return namespace["program"]

    def on_arrays(self, arrays, keep=lambda position, value: value, dtypes=PRECISIONS):
        """NumPy's values; `keep` is asked what stands for a value through which no gradient passes."""
        settings = settings_for(dtypes)
        values = list(arrays)
        for position, step in enumerate(self.steps, len(self.leaves)):
            value = self.step_on_arrays(step, values, settings, lambda x, at=position: keep((at, "mask"), x))
            if step.mode in ("silent", "detached"):
                value = keep(position, value)
            elif step.mode == "update":  # the new value is the variable that the gradient is for
                before = values[step.operands[0]]
                value = keep(position, value) + (before - keep((position, "before"), before))
                values[step.operands[0]] = value
            values.append(value)
        return values

    def step_on_arrays(self, step, values, settings, keep=lambda value: value):
        """Return NumPy's result of one step from the values before."""
        names = {f"v{i}": values[i] for i in step.operands}
        return np.asarray(
            eval(step.text(step.line.reference), {**HELPERS, **settings, **names, "keep": keep})
        )


def settings_for(dtypes):
    """Return the values of S, D and rng, with new generators."""
    return {"S": dtypes[0], "D": dtypes[1], "rng": [np.random.default_rng(i) for i in range(4)]}


# Drawing them

UPDATES = [
    Line(f"{sign}= 0.5 * {{1}}", f"{{0}} {sign} 0.5 * {{1}}", fits=lambda a, b: a.shape == b.shape)
    for sign in "+-"
] + [Line("*= 0.9", "{0} * 0.9"), Line("/= 1.25", "{0} / 1.25")]


@st.composite
def programs(draw, most_steps=10, wild=None, lines=tuple(LINES)):
    """Programs that NumPy runs; unless wild, well-conditioned and away from kinks and ties."""
    wild = draw(st.booleans()) if wild is None else wild
    least = 0 if draw(st.integers(0, 5)) == 5 else 1
    shapes = draw(
        broadcastable_shapes(3)
        | st.sampled_from(
            [((2, 3), (3, 2), (3,)), ((3, 3), (3, 3), ()), ((2, 3), (4, 3), (4,)), ((0, 2), (2,), (1,))]
        )
    )
    dtypes = draw(st.sampled_from(["D", "S"]))
    kinds = st.sampled_from(["variable", "variable", "parameter", "constant"])
    leaves = tuple(
        Leaf(
            shape[least:] if not least else shape, dtypes, draw(kinds), draw(st.sampled_from(sorted(LAYOUTS)))
        )
        for shape in shapes
    )
    program = Program(leaves, draw(st.integers(0, 2**32 - 1)), wild)
    values = program.arrays()
    for _ in range(draw(st.integers(1, most_steps))):
        _add_step(draw, program, values, lines)
    picked = st.lists(st.sampled_from(range(len(values))), min_size=1, max_size=3, unique=True)
    last = len(values) - 1
    program.outputs = tuple(sorted({last, *draw(picked)}))
    return program


def _add_step(draw, program, values, lines):
    """Draw a step and run it on NumPy; leave it out where nothing fits or it is not well-conditioned."""
    mode = draw(st.sampled_from(["", "", "", "", "", "", "", "silent", "detached", "update"]))
    line = draw(st.sampled_from(UPDATES if mode == "update" else lines))
    candidates = [
        positions
        for positions in itertools.product(range(len(values)), repeat=line.operands)
        if _fits(program, values, line, positions, mode)
    ]
    if not candidates:
        return
    positions = draw(st.sampled_from(candidates[::-1]))
    operands = [values[i] for i in positions]
    step = Step(line, positions, draw(line.settings(*operands)), mode)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = program.step_on_arrays(step, values, settings_for(PRECISIONS))
    except (ValueError, IndexError):
        _assert_refused(step, operands)
        return
    if value.size <= MOST_ELEMENTS and (program.wild or _is_tame(step, operands, value)):
        program.steps.append(step)
        values.append(value)
        if mode == "update":
            values[positions[0]] = value


def _assert_refused(step, operands):
    """Check that Tensors refuse what NumPy refuses, such as the maximum of nothing."""
    names = {f"v{i}": Tensor(x, requires_grad=True) for i, x in zip(step.operands, operands)}
    try:
        result = eval(step.text(step.line.ours), {**HELPERS, **settings_for(PRECISIONS), **names})
    except (ValueError, IndexError):
        return
    raise AssertionError(f"NumPy refuses {step.text(step.line.ours)} of {operands}, and we answer {result}")


def _fits(program, values, line, positions, mode):
    operands = [values[i] for i in positions]
    if len({x.dtype for x in operands}) != 1 or not line.fits(*operands):
        return False
    if mode == "update" and not _may_be_updated(program, positions[0]):
        return False
    return program.wild or line.tame(*operands)


def _may_be_updated(program, position):
    """A leaf that requires a gradient and that no step has read: else its graph would be stale."""
    if position >= len(program.leaves) or not program.leaves[position].is_learned:
        return False
    return all(position not in step.operands for step in program.steps)


def _is_tame(step, operands, value):
    if not np.isfinite(value).all() or np.abs(value).max(initial=0) > LARGEST:
        return False
    if step.line.margin is None:
        return True
    known = {name: v for name, v in step.settings.items() if not isinstance(v, Verbatim)}
    return bool(np.min(step.line.margin(*operands, **known), initial=1) > NEAREST)
