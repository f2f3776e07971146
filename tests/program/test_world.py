"""What changes between calls, beside the arguments: the program follows as the function itself would."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.program.networks import Training, batch, classifier, quadratic
from tinygrad_mnist import Tensor, nn, no_grad, ops, optim
from tinygrad_mnist.errors import CaptureError, GradientError, StaleGradientError
from tinygrad_mnist.program import compile

# Tensors around weights are what is tested here; that they cut a graph is told elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_mnist.errors.GraphCutWarning")

X = np.linspace(-1, 1, 6)
BINDINGS = {
    "detach": lambda w, x: (w - w.detach() * 0.5) * x.reshape(2, 3),
    "copy": lambda w, x: (w * Tensor(w, requires_grad=True)) * x.reshape(2, 3),
    "shared": lambda w, x: w * Tensor(w) * x.reshape(2, 3),
    "dtype": lambda w, x: w * Tensor(w, dtype=np.float32).astype(np.float64) * x.reshape(2, 3),
    "cast": lambda w, x: w.astype(np.float32).astype(np.float64) * x.reshape(2, 3),
    "parameter": lambda w, x: w * nn.Parameter(w) * x.reshape(2, 3),
    "reshape": lambda w, x: w.reshape(-1) ** 2 * x,
    "transposed": lambda w, x: w.T.reshape(-1) * w.reshape(-1) * x,
    "rows": lambda w, x: (w.reshape(3, 2) @ w.reshape(2, 3)).reshape(-1)[:6] * x,
    "sum": lambda w, x: (w.sum(axis=0) ** 2) * x[:3] + (w @ w.T).sum(),
}
ORDERS = {
    "rows": lambda a: a.copy(),
    "columns": np.asfortranarray,
    "transposed": lambda a: a.T.copy().T,
    "gaps": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
}


def both(make):
    """The same step twice: with its own tensors, and compiled with its own."""
    eager, replayed = make(), make()
    return eager, replayed, compile(replayed.step)


def outcome(step, *arguments):
    """The bits of what a step gives, or the kind of error and what it says of the operands."""
    try:
        found = step(*arguments)
    except (GradientError, StaleGradientError) as error:
        return type(error)
    return found.data.tobytes()


def simple(binding):
    def make():
        w = Tensor(np.linspace(0.5, 1.5, 6).reshape(2, 3), requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = binding(w, x).sum()
            loss.backward()
            optimizer.step()
            return loss

        return SimpleNamespace(w=w, optimizer=optimizer, step=step)

    return make


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("binding", BINDINGS)
def test_replaced_data_in_any_memory_order_are_used(binding, order):
    eager, replayed, compiled = both(simple(BINDINGS[binding]))
    rng = np.random.default_rng(0)
    for i in range(8):
        if i in (3, 6):
            data = rng.uniform(0.5, 1.5, (2, 3))
            for side in (eager, replayed):
                side.w.data = ORDERS[order](data) if i == 3 else data.copy()
        assert outcome(compiled, X) == outcome(eager.step, X)
        assert replayed.w.data.tobytes() == eager.w.data.tobytes()


def test_two_tensors_with_one_array_are_distinguished():
    def make():
        w = Tensor(X.copy(), requires_grad=True)
        other, array = Tensor(w), w.data
        return SimpleNamespace(w=w, step=lambda x: array * x + (w * x) * other + Tensor(w))

    eager, replayed, compiled = both(make)
    for i in range(6):
        if i == 3:
            eager.w.data, replayed.w.data = X + 1, X + 1
        assert outcome(compiled, X) == outcome(eager.step, X)


def dropout(training):
    return next(module for module in training.model.modules() if isinstance(module, nn.Dropout))


def replace_layer(training):
    training.model[1].weight = nn.Parameter(np.ones((5, 6), np.float32))


def exchange_parameters(training):
    group = training.optimizer.param_groups[0]
    group.params = (nn.Parameter(np.ones((5, 6), np.float32)), *group.params[1:])


def drop_a_parameter(training):
    group = training.optimizer.param_groups[0]
    group.params, group.states = group.params[:-1], group.states[:-1]


def freeze(name, value=False):
    def change(training):
        for full, parameter in training.model.named_parameters():
            if full.endswith(name):
                parameter.requires_grad = value

    return change


CHANGES = {
    "frozen": freeze("weight"),
    "frozen and not": lambda t: (freeze("bias")(t), freeze("bias", True)(t)),
    "dropout": lambda t: setattr(dropout(t), "p", 0.75),
    "no dropout": lambda t: setattr(dropout(t), "p", 0.0),
    "generator": lambda t: setattr(dropout(t), "rng", np.random.default_rng(9)),
    "evaluation": lambda t: t.model.eval(),
    "weight": replace_layer,
    "no bias": lambda t: setattr(t.model[1], "bias", None),
    "layer": lambda t: setattr(t.model, "2", nn.Tanh()),
    "layer removed": lambda t: delattr(t.model, "2"),
    "axis": lambda t: setattr(t.model[2], "dim", 0),
    "loss": lambda t: setattr(t, "loss", t.loss),
    "nesterov": lambda t: setattr(t.optimizer, "nesterov", True),
    "momentum": lambda t: setattr(t.optimizer, "momentum", 0.0),
    "decay": lambda t: setattr(t.optimizer, "weight_decay", 0.1),
    "rate": lambda t: setattr(t.optimizer, "lr", np.float64(0.05)),
    "array rate": lambda t: setattr(t.optimizer, "lr", np.array(0.05)),
    "parameters": exchange_parameters,
    "parameter": drop_a_parameter,
    "forward": lambda t: setattr(t.model[2], "forward", ops.tanh),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_a_read_value_changes_the_program(change):
    """The change comes before, and once more after the program was replayed."""
    options = {"momentum": 0.9, "dropout": 0.3, "activation": nn.Softmax}
    eager, replayed, compiled = both(lambda: classifier(**options))
    rng = np.random.default_rng(1)
    for i in range(9):
        if i == 5:
            CHANGES[change](eager), CHANGES[change](replayed)
        x, y = batch(rng, eager)
        assert outcome(compiled, x, y) == outcome(eager.step, x, y)
        assert replayed.state() == eager.state()


class Blocks(nn.Module):
    """Reads lists, dicts and an object of its own."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.layers = [nn.Linear(6, 6, rng=rng), nn.Linear(6, 6, rng=rng)]
        self.named = {"gain": 2.0}
        self.config = SimpleNamespace(slope=0.5, powers=[1, 2])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x) * self.named["gain"]
        return (x**p * self.config.slope for p in self.config.powers)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.layers.append(nn.Linear(6, 6, rng=np.random.default_rng(1))),
        lambda m: m.layers.reverse(),
        lambda m: m.named.update(gain=3.0),
        lambda m: setattr(m.config, "slope", 0.25),
        lambda m: m.config.powers.pop(),
        lambda m: setattr(m.layers[0], "bias", None),
    ],
)
def test_contents_of_an_attribute_are_compared(change):
    def make():
        model = Blocks()
        return SimpleNamespace(model=model, step=lambda x: ops.stack(list(model(x))))

    eager, replayed, compiled = both(make)
    x = np.ones((2, 6), np.float32)
    for i in range(6):
        if i == 3:
            change(eager.model), change(replayed.model)
        assert outcome(compiled, x) == outcome(eager.step, x)


def test_attributes_of_a_layer_that_is_not_called_count_too():
    def make():
        layer, optimizer = nn.Linear(3, 2, rng=np.random.default_rng(0)), optim.SGD([Tensor(1.0)], lr=0.5)
        return SimpleNamespace(layer=layer, o=optimizer, step=lambda x: x @ layer.weight.T * optimizer.lr)

    eager, replayed, compiled = both(make)
    x = np.ones((2, 3), np.float32)
    for i in range(8):
        for side in (eager, replayed):
            if i == 3:
                side.layer.weight = nn.Parameter(np.ones((2, 3), np.float32))
            if i == 5:
                side.o.lr = 0.25
        assert outcome(compiled, x) == outcome(eager.step, x)


def test_no_grad_around_a_call_is_no_grad_inside():
    training = quadratic()
    compiled = compile(training.step)
    x, y = batch(np.random.default_rng(0), training)
    for _ in range(3):
        compiled(x, y)
    before = training.state()
    with no_grad(), pytest.raises(GradientError):
        compiled(x, y)
    assert training.state() == before
    compiled(x, y)
    assert training.state() != before


def test_outside_graph_becomes_stale_as_without_a_program():
    def make():
        w = Tensor(X.copy(), requires_grad=True)
        v = Tensor(X + 1, requires_grad=True)
        return SimpleNamespace(w=w, outside=w * w, v=v)

    def step_of(side):
        def step(x):
            side.v.grad = side.w.grad = None
            (side.outside * side.v * x).sum().backward()
            return side.w.grad * 1.0 if isinstance(side.w.grad, Tensor) else Tensor(side.w.grad)

        return step

    eager, replayed = make(), make()
    compiled = compile(step_of(replayed))
    for i in range(6):
        if i == 4:
            for side in (eager, replayed):
                with no_grad():
                    side.w -= 1.0
        assert outcome(compiled, X) == outcome(step_of(eager), X)


@pytest.mark.parametrize(
    "change",
    [
        lambda m, x: setattr(m, "last", x),
        lambda m, x: setattr(m, "count", m.count + 1),
        lambda m, x: m.seen.append(x),
        lambda m, x: m.eval(),
        lambda m, x: delattr(m, "count"),
        lambda m, x: setattr(m.weight, "requires_grad", False),
    ],
)
def test_function_that_leaves_an_attribute_changed_is_refused(change):
    model = nn.Linear(6, 2)
    model.count, model.seen = 0, []

    def function(x):
        change(model, x)
        return model(x)

    model(X.astype(np.float32))
    before = dict(vars(model)), model.training, model.weight.requires_grad
    with pytest.raises(CaptureError, match="is changed while a program is captured"):
        compile(function)(X.astype(np.float32))
    model.seen.clear()
    assert (dict(vars(model)), model.training, model.weight.requires_grad) == before


def test_restored_mode_is_not_a_change():
    training = classifier(dropout=0.5)

    def function(x):
        training.model.eval()
        output = training.model(x)
        training.model.train()
        return output

    compiled = compile(function)
    x, _ = batch(np.random.default_rng(0), training)
    assert len({compiled(x).data.tobytes() for _ in range(4)}) == 1
    assert all(module.training for module in training.model.modules())


def test_nothing_changed_means_no_comparison():
    """A change of another model costs one comparison of what was read; the next call none."""
    training, other = quadratic(), quadratic()
    compiled = compile(training.step)
    x, y = batch(np.random.default_rng(0), training)
    for _ in range(3):
        compiled(x, y)
    program = compiled.program
    other.model.eval()
    other.model[0].weight = nn.Parameter(np.ones((5, 6), np.float32))
    training.optimizer.lr = 0.01
    for _ in range(3):
        compiled(x, y)
    assert compiled.program is program
    assert len(compiled._programs) == 1


@pytest.mark.parametrize("kind", ["array", "view", "list", "labels", "rows"])
def test_arrays_of_the_closure_are_read_at_each_call(kind):
    """An index, and targets of another dtype than the output."""
    index = np.array([0, 1, 2])
    part, listed = index[::2], [0, 1]
    rows = np.eye(3)[index]
    use = {
        "array": lambda x: x[index],
        "view": lambda x: x[part],
        "list": lambda x: x[listed],
        "labels": lambda x: nn.CrossEntropyLoss()(x, index),
        "rows": lambda x: nn.MSELoss()(x, rows),
    }[kind]
    compiled = compile(use)
    x = np.random.default_rng(0).random((3, 3), np.float32)
    for i in range(7):
        if i in (3, 5):
            index[:], listed[0], rows[:] = (index + 1) % 3, 2, rows[::-1].copy() * i
        assert compiled(x).data.tobytes() == use(Tensor(x)).data.tobytes()


@pytest.mark.parametrize("change", ["order", "frozen", "dropout"])
def test_native_code_follows_too(change):
    pytest.importorskip("numba")
    make = {
        "order": simple(BINDINGS["reshape"]),
        "frozen": lambda: quadratic(sizes=(6, 3)),
        "dropout": lambda: Training(
            nn.Sequential(nn.Dropout(0.3, rng=np.random.default_rng(0)), nn.Linear(6, 3, rng=1)),
            nn.QuadraticLoss(),
        ),
    }[change]
    eager, native = make(), make()
    compiled = compile(native.step, backend="native")
    rng = np.random.default_rng(0)
    for i in range(7):
        if i == 4:
            for side in (eager, native):
                if change == "order":
                    side.w.data = np.asfortranarray(np.linspace(2, 1, 6).reshape(2, 3))
                else:
                    (freeze("weight") if change == "frozen" else CHANGES["dropout"])(side)
        arguments = (X,) if change == "order" else batch(rng, eager)
        found, expected = compiled(*arguments).item(), eager.step(*arguments).item()
        assert found == pytest.approx(expected, rel=1e-5)
    assert compiled._programs[-1].binding.backend == "native"
    for p, q in zip(native.optimizer.params, eager.optimizer.params):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.array, np.longdouble])
def test_rate_of_numpy_is_a_plain_number(kind):
    """In float64 the update of a float32 parameter would be rounded once more."""

    def make():
        w = Tensor(np.zeros(200, np.float32), requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (w * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        return SimpleNamespace(w=w, optimizer=optimizer, step=step)

    eager, replayed, compiled = both(make)
    plain = make()
    for i in range(5):
        if i == 3:
            plain.optimizer.lr = float(kind(0.05))
            eager.optimizer.lr = replayed.optimizer.lr = kind(0.05)
            for side in (eager, replayed, plain):
                side.w.data = np.zeros(200, np.float32)
        x = np.random.default_rng(i).random(200, np.float32)
        compiled(x), eager.step(x), plain.step(x)
        assert replayed.w.data.tobytes() == eager.w.data.tobytes() == plain.w.data.tobytes()
