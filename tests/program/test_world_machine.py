"""Random changes of everything between calls: the program gives the bits of the function, or refuses."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.program.networks import Training, batch
from tinygrad_mnist import Tensor, nn, no_grad
from tinygrad_mnist.errors import GradientError, StaleGradientError
from tinygrad_mnist.program import compile


class Side(Training):
    """A training whose every part may change: lists, dicts, constants and arrays from outside."""

    def __init__(self, seed, backend="numpy"):
        rng = np.random.default_rng(seed)
        layers = [nn.Linear(6, 5, rng=rng), nn.Softmax(), nn.Dropout(0.3, rng=rng), nn.Linear(5, 3, rng=rng)]
        super().__init__(nn.Sequential(*layers), nn.CrossEntropyLoss(), lr=0.3, momentum=0.5 * (seed % 2))
        self.layers, self.dropout = layers, layers[2]
        self.scale = Tensor(np.linspace(1, 2, 15, dtype=np.float32).reshape(3, 5), requires_grad=True)
        self.table = np.linspace(0, 1, 15, dtype=np.float32).reshape(3, 5)
        self.kind = seed % 4
        self.run = compile(self.step, backend=backend)

    def step(self, x, y):
        self.optimizer.zero_grad()
        output = self.model(x)
        if self.kind == 1:  # a penalty on copies and views
            weight = self.layers[3].weight
            output = output + (weight.detach() * self.scale * Tensor(weight.detach())).sum(axis=1) * 0.01
        if self.kind == 2:
            output = output + (self.scale.reshape(-1) * self.layers[3].weight.T.reshape(-1)).sum()
        if self.kind == 3:
            output = output * self.layers[0].weight.T[0, :3] + self.table[:, 0] * self.scale.T.sum(axis=0)
        loss = self.loss(output, y)
        loss.backward()
        self.optimizer.step()
        return loss

    def parameters(self):
        return list(dict.fromkeys([*self.model.parameters(), *self.optimizer.params, self.scale]))

    def bits(self):
        used = self.optimizer.params  # whose gradients a program does not keep
        kept = [p for p in self.parameters() if all(p is not other for other in used)]
        grads = [None if p.grad is None else p.grad.tobytes() for p in kept]
        return self.state(), [p.data.tobytes() for p in self.parameters()], grads, self.table.tobytes()


ORDERS = (
    np.ascontiguousarray,
    np.asfortranarray,
    lambda a: a[::-1].copy()[::-1],
    lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
)


def pick(side, n):
    parameters = side.parameters()
    return parameters[n % len(parameters)]


def replaced(side, n, rng):
    parameter = pick(side, n)
    parameter.data = ORDERS[n % 4](rng.uniform(-1, 1, parameter.shape).astype(np.float32))


def shared(side, n, rng):
    alike = [p for p in side.parameters() if p.shape == pick(side, n).shape]
    alike[0].data = alike[-1].data


def loaded(side, n, rng):
    side.model.load_state_dict({k: ORDERS[n % 4](v[::-1]) for k, v in side.model.state_dict().items()})


def frozen(side, n, rng):
    parameter = pick(side, n)
    parameter.requires_grad = not parameter.requires_grad


def in_place(side, n, rng):
    with no_grad():
        side.scale *= 0.5 if side.scale.requires_grad else 1.0
    side.table[:] = rng.random((3, 5), np.float32)


def numbers(side, n, rng):
    name = ("lr", "momentum", "weight_decay", "dampening")[n % 4]
    kind = (float, np.float64, np.float32, lambda x: np.array(x))[n % 3]
    setattr(side.optimizer, name, kind((0.0, 0.1, 0.7)[n % 3]))


def dropout(side, n, rng):
    side.dropout.p = (0.0, 0.25, 0.5)[n % 3]


def generator(side, n, rng):
    side.dropout.rng = np.random.default_rng(n)


def mode(side, n, rng):
    side.model.train(bool(n % 2))


def new_parameter(side, n, rng):
    layer = side.layers[0] if n % 2 else side.layers[3]
    layer.weight = nn.Parameter(rng.uniform(-1, 1, layer.weight.shape).astype(np.float32))


def bias(side, n, rng):
    side.layers[0].bias = None if n % 2 else nn.Parameter(np.ones(5, np.float32))


def layer(side, n, rng):
    setattr(side.model, "1", (nn.Tanh(), nn.Softmax(), nn.ReLU())[n % 3])


def axis(side, n, rng):
    side.layers[1].dim = (0, 1, -1)[n % 3]


def listed(side, n, rng):
    *groups, last = side.optimizer.param_groups
    known = side.parameters()[n % len(side.parameters())]
    if all(known is not p for p in side.optimizer.params):
        side.optimizer.add_param_group({"params": [known]})
    elif groups:
        last.params[-1].grad = None  # the one that an update has used is not kept by a program
        side.optimizer.param_groups = tuple(groups)


def velocities(side, n, rng):
    for state in (state for group in side.optimizer.param_groups for state in group.states):
        state.velocity = None if state.velocity is None else ORDERS[n % 4](state.velocity)


def gradients(side, n, rng):
    parameter = pick(side, n)
    parameter.grad = None if n % 2 else np.ones(parameter.shape, np.float32)


def loss(side, n, rng):
    side.loss.inputs = ("logits", "probabilities")[n % 2]


def nothing(side, n, rng):
    pass


MUTATIONS = (
    *(replaced, shared, loaded, frozen, in_place, numbers, dropout, generator, mode, new_parameter, bias),
    *(layer, axis, listed, velocities, gradients, nothing, nothing),
)
ERRORS = (GradientError, StaleGradientError)


def called(step, x, y, *, recording=True):
    try:
        if recording:
            return step(x, y).data.tobytes()
        with no_grad():
            return step(x, y).data.tobytes()
    except ERRORS as error:
        return type(error)


mutations = st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 11))
plans = st.lists(st.tuples(st.lists(mutations, max_size=2), st.booleans()), min_size=3, max_size=8)


@given(st.integers(0, 7), plans)
@settings(deadline=None, max_examples=max(1, settings.default.max_examples // 5))
def test_any_change_between_calls_is_followed(seed, plan):
    eager, replayed = Side(seed), Side(seed)
    rng = np.random.default_rng(seed)
    for i, (changes, again) in enumerate(plan):
        for mutate, n in changes if i > 1 else ():
            for side in (eager, replayed):
                mutate(side, n, np.random.default_rng(n))
        for _ in range(1 + 2 * again):
            x, y = batch(rng, eager)
            recording = (i + seed) % 5 != 4
            found = called(replayed.run, x, y, recording=recording)
            assert found == called(eager.step, x, y, recording=recording)
            if isinstance(found, type):  # eager has drawn and zeroed before its error; a capture is undone
                return
            assert replayed.bits() == eager.bits()
