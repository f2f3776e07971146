"""The text of a program as JavaScript: its names and comments, what it refuses, and where it runs."""

import json
import re

import numpy as np
import pytest

from tests.program.javascript_in_node import as_json
from tests.program.networks import batch, classifier, quadratic
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile

X = np.arange(12.0).reshape(3, 4)
HOSTILE = "*/ </script><!-- <SCRIPT> \u2028 \n `${1}` \\"


def program_of(function, *arguments):
    compiled = compile(function)
    for _ in range(2):
        compiled(*arguments)
    return compiled.program


RESERVED = ["new", "function", "arguments", "eval", "Float64Array"]
OURS = ["dot", "fill", "memory", "places", "generator0", "step"]


@pytest.mark.parametrize("name", [*RESERVED, *OURS, "\u03bb"])
def test_any_name_of_an_argument_may_stand_in_the_text(node, name):
    function = eval(f"lambda {name}, add, x: (({name} * 2 + add) @ x)[[1, 0]]")
    given = X, X + 1, X[0]
    found, _ = node.run(program_of(function, *given).javascript, (), (), given)
    np.testing.assert_allclose(found, ((X * 2 + X + 1) @ X[0])[[1, 0]])


def test_names_that_only_python_can_spell_stay_different(node):
    one, other = (Tensor(X + i, name=name) for i, name in enumerate(("x\u00b2", "x\u00b3")))
    program = program_of(lambda x: x * one + other, X)
    found, _ = node.run(program.javascript, [state.get() for state in program.states], (), [X])
    np.testing.assert_array_equal(found, (X * X + X + 1).ravel())


def test_name_of_a_module_or_a_tensor_cannot_end_its_comment(node):
    kind = type(HOSTILE, (nn.Module,), {"forward": lambda self, x: x * self.w * 2})
    layer = kind()
    layer.w = nn.Parameter(X, name=HOSTILE)
    text = program_of(lambda x: layer(x), X).javascript
    assert not re.search(r"</|<!--|<script|\u2028", text, re.IGNORECASE)
    found, _ = node.run(text, [X], (), [X])
    np.testing.assert_array_equal(found, (X * X * 2).ravel())


def test_module_imports_nothing_and_holds_only_what_it_uses():
    text = program_of(lambda x: x + 1.0, X).javascript
    assert not re.search(r"\bimport\b(?!\()|\beval\b|new Function", text)
    assert set(re.findall(r"^(?:export )?function (\w+)", text, re.MULTILINE)) == {
        *("build", "add", "array", "copy", "fill", "inOrder"),
        *("orderOf", "result", "rows", "sizeOf", "strideOf"),
    }


def test_line_of_an_instruction_says_what_it_makes():
    training = classifier()
    text = program_of(training.step, *batch(np.random.default_rng(0), training)).javascript
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    assert "dot(x, W1_T, z1); // (7, 5) float32 Sequential/Linear[1]" in lines
    assert "const W1_T = view(W1, [6, 5], [1, 6]);" in lines


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.int8, bool])
def test_arguments_are_taken_in_c_order_and_converted(node, dtype):
    x, y = np.asfortranarray(X.astype(dtype)), X.T[::-1].astype(dtype)

    def step(x, y):
        parts = x[1:, ::-2], (x > 3).sum(axis=0), x.astype(np.float64) / 2
        return ops.transpose(x + x) * y, x * 0 - x if dtype is not bool else x > 0, *parts

    expected = step(x, y)
    found, _ = node.run(program_of(step, x, y).javascript, (), (), [x, y])
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, np.ravel(other.data))


def test_several_calls_and_several_programs_share_the_states(node):
    """The states are changed where they lie, and the memory of one call is used by the next."""
    training = quadratic(dtype=np.float64)
    x, y = batch(np.random.default_rng(0), training)
    program = program_of(training.step, x, y)
    before = [state.get().copy() for state in program.states]
    losses = [training.step(x, y).item() for _ in range(3)]
    for count, loss in enumerate(losses, 1):
        found, after = node.run(program.javascript, before, (), [x, y], [[0.3]] * count)
        assert found == pytest.approx(loss, rel=1e-12)
    for one, other in zip(after, (state.get() for state in program.states)):
        np.testing.assert_allclose(one, other.ravel(), rtol=1e-12)


WEIGHT = Tensor(X + 1, requires_grad=True, name="weight")


def whole_structure(x):
    twice = x * 2
    return {
        "a": [x, (twice, twice)],
        "__proto__": ((x * WEIGHT).sum(),),
        HOSTILE: [None, True, -0.5, HOSTILE, WEIGHT],
        5: [],
    }


def test_result_has_the_structure_of_the_function(node):
    program = program_of(whole_structure, X)
    assert not re.search(r"</|<!--|<script|\u2028", program.javascript, re.IGNORECASE)
    asked = """
const keys = (x) => x?.constructor === Object ? Object.entries(x).map(([key, value]) => [key, keys(value)])
  : ArrayBuffer.isView(x) ? [...x] : Array.isArray(x) ? x.map(keys) : x;
const made = build;
export { whole as build };
const whole = (...states) => (x) => { throw new Error(JSON.stringify(keys(made(...states)(x)))); };
"""
    text = program.javascript.replace("export function build", "function build") + asked
    with pytest.raises(RuntimeError) as raised:
        node.run(text, [state.get() for state in program.states], (), [X])
    x, weight = X.ravel().tolist(), (X + 1).ravel().tolist()
    twice = [2 * number for number in x]
    assert json.loads(str(raised.value).removeprefix("Error: ")) == [
        ["5", []],
        ["a", [x, [twice, twice]]],
        ["__proto__", [572]],
        [HOSTILE, [None, True, -0.5, HOSTILE, weight]],
    ]


def left(x):
    WEIGHT.grad = None
    loss = (WEIGHT * x).sum()
    loss.backward()
    return (loss,)


def test_gradients_that_are_left_follow_the_result():
    program = program_of(left, X)
    assert "return [[result(loss)], result(dW1)];" in program.javascript
    WEIGHT.grad = None


def whole(x):
    return np.linalg.inv(np.asarray(x))


@pytest.fixture
def op():
    """Turn a function into an op without rules, for the time of a test."""
    before = dict(REGISTRY)

    def make(function):
        made = primitive(function)
        made.vjps(*[None] * function.__code__.co_argcount)
        return made

    yield make
    REGISTRY.clear()
    REGISTRY.update(before)


def taken(x, indices):
    modes = [np.take(x, indices, axis, mode=mode) for axis in (0, 1) for mode in ("clip", "wrap")]
    flat = [np.take(x, indices, mode=mode) for mode in ("raise", "clip", "wrap")]
    return np.concatenate([np.ravel(part) for part in (*modes, *flat, np.dot(x[None, None], x.T[None]))])


def test_own_op_of_places_and_products_of_stacks_is_printed(node, op):
    called, given = op(taken), (X, np.array([[5, -2], [0, -7]]))
    found, _ = node.run(
        program_of(lambda *pair: called(*map(Tensor, pair)), *given).javascript, (), (), given
    )
    np.testing.assert_allclose(found, taken(*given))


def turned(x):
    return (x.T.ravel() if isinstance(x, np.ndarray) else ops.flatten(ops.transpose(x))) * 2.0


@pytest.mark.parametrize(
    ("function", "x", "sentence"),
    [
        (lambda x: x * x, X * 1j, "is of complex128: expected float32"),
        (lambda x: x * 2, X.astype(np.float16), "is of float16: expected float32"),
        (lambda x: x * 2, X.astype(np.uint64), "is of uint64: expected float32"),
        (lambda x: np.heaviside(x, x), X, "np.heaviside of float64 is called: expected"),
        (lambda x: (x > 1) @ (x.T > 1), X, "@ multiplies truth values: expected numbers"),
        (
            lambda x: np.maximum.accumulate(np.hypot.accumulate(x)),
            X,
            "np.hypot.accumulate is called: expected",
        ),
        (lambda x: np.logaddexp.reduce(x), X, "np.logaddexp.reduce is called: expected"),
        (turned, np.asfortranarray(X), "another order than C order: expected"),
        (
            nn.Dropout(0.5, rng=np.random.Generator(np.random.MT19937(0))),
            X,
            "rng draws by MT19937: expected PCG64, .* write np.random.default_rng",
        ),
    ],
)
def test_program_without_a_form_is_refused_by_name(function, x, sentence):
    with np.errstate(all="ignore"):
        program = program_of(function, x)
    with pytest.raises(CaptureError, match=rf"cannot be printed as JavaScript: .*{sentence}"):
        program.javascript  # noqa: B018


def test_op_that_is_called_as_a_whole_is_refused_by_name(op):
    called = op(whole)
    program = program_of(lambda x: called(Tensor(x)), np.eye(3))
    with pytest.raises(CaptureError, match=r"whole is a Python function: expected .* ops"):
        program.javascript  # noqa: B018


def test_state_in_another_order_is_refused_by_name():
    weight = Tensor(np.asfortranarray(X), name="weight")
    program = program_of(lambda x: x * weight, X)
    with pytest.raises(CaptureError, match="weight is an array in another order than C order: expected"):
        program.javascript  # noqa: B018


LAYER = nn.Linear(4, 3, rng=0, dtype=np.float64)
TABLE = nn.Embedding(5, 2, rng=0)


@pytest.mark.parametrize(
    ("function", "given", "wrong", "sentence"),
    [
        (lambda x: x + 1, X, X[:2], "x is of length 8: expected 12, \\(3, 4\\) in C order"),
        (
            lambda y: nn.CrossEntropyLoss()(Tensor(X), y),
            np.array([0, 1, 2]),
            np.array([0, 4, 2]),
            "label 4 of example 1 is out of range: 4 classes have the labels 0 to 3$",
        ),
        (
            lambda y: nn.CrossEntropyLoss()(Tensor(X), y),
            np.array([0, 1, 2]),
            np.array([0, 1, -1]),
            "label -1 of example 2 is .*; write ignore_index=-1 to leave such examples out of a loss",
        ),
        (
            TABLE,
            np.array([0, 1]),
            np.array([0, 5]),
            "number 5 at position 1 .* the rows 0 to 4$",
        ),
        (
            lambda x: nn.BCELoss()(x, np.ones((3, 4))),
            X / 12,
            X,
            "a loss of probabilities was given numbers from 0 to 11: end the network in Softmax",
        ),
        (
            lambda x: nn.BCELoss()(x, np.ones((3, 4))),
            X / 12,
            X / 12 - 0.5,
            "a loss of probabilities was given numbers from -0.5 to 1: end",
        ),
    ],
)
def test_call_with_wrong_values_is_an_error_with_the_sentence(node, function, given, wrong, sentence):
    program = program_of(function, given)
    states = [state.get() for state in program.states]
    node.run(program.javascript, states, (), [given])
    with pytest.raises(RuntimeError, match=sentence):
        node.run(program.javascript, states, (), [wrong])


@pytest.mark.parametrize(
    ("wrong", "found"),
    [(np.zeros(12, np.float32), r"Float32Array\(12\)"), (np.zeros(3), r"Float64Array\(3\)")],
)
def test_state_of_another_kind_is_an_error_by_name(node, wrong, found):
    program = program_of(LAYER, X)
    with pytest.raises(RuntimeError, match=rf"W1 is {found}: expected Float64Array\(12\)"):
        node.run(program.javascript, [wrong, np.zeros(3)], (), [X])


@pytest.mark.parametrize(
    ("dtype", "wrong", "sentence"),
    [
        (float, [1, None], r"x\[1\] is null: expected a number"),
        (float, [[1, 2], 3], r"x\[0\] is 1,2: expected a number"),
        (float, "12", r"x\[0\] is 1: expected a number"),
        (float, 3, "x is of length undefined: expected 2"),
        (int, [0, 0.5], r"x\[1\] is 0.5: expected a whole number from -9007199254740991 to 9007199254740991"),
        (np.int8, [300, 1], r"x\[0\] is 300: expected a whole number from -128 to 127"),
        (bool, [True, 2], r"x\[1\] is 2: expected a whole number from 0 to 1"),
    ],
)
def test_argument_that_its_dtype_cannot_hold_is_an_error(node, dtype, wrong, sentence):
    program = program_of(lambda x: x * 1, np.ones(2, dtype))
    node.run(program.javascript, (), (), [[1, True]])
    with pytest.raises(RuntimeError, match=sentence):
        node.run(program.javascript, (), (), [wrong])


@pytest.mark.parametrize("spoiled", [{}, {"bit_generator": "PCG64"}, {"state": {"state": 2**100, "inc": 1}}])
def test_generator_whose_bits_are_missing_is_an_error(node, spoiled):
    program = program_of(nn.Dropout(0.5, rng=1), X)
    state = as_json(program.recording.generators[0])
    node.run(program.javascript, (), [state], [X])
    given = state | spoiled if "state" in spoiled else spoiled
    with pytest.raises(RuntimeError, match=r"the generator (is|has) .*: expected"):
        node.run(program.javascript, (), [given], [X])


IN_PAGE = """async ([text, states, generators, inputs, times]) => {
  const source = `${text}
const run = (states, generators, inputs, times) => {
  const step = build(...states.map((x) => Float64Array.from(x)), ...generators);
  for (let i = 1; i < times; i++) step(...inputs);
  return step(...inputs);
};`;
  const blob = (rest) => URL.createObjectURL(new Blob([source, rest], { type: "text/javascript" }));
  const { run } = await import(blob("export { run };"));
  const worker = new Worker(blob("onmessage = ({ data }) => postMessage(run(...data));"), { type: "module" });
  const answered = new Promise((resolve, reject) => {
    Object.assign(worker, { onmessage: resolve, onerror: reject });
  });
  worker.postMessage([states, generators, inputs, times]);
  return [run(states, generators, inputs, times), (await answered).data];
}"""


@pytest.mark.long
def test_page_and_worker_give_what_node_gives(node, browser):
    training = classifier(dtype=np.float64, dropout=0.3)
    given = batch(np.random.default_rng(0), training)
    program = program_of(training.step, *given)
    text, generators = program.javascript, program.recording.generators
    states = [state.get() for state in program.states]
    expected, _ = node.run(text, states, generators, given, [[]] * 50)
    lists = [x.ravel().tolist() for x in states], [*map(as_json, generators)]
    tab = browser.new_page()
    page = {"body": "<!doctype html><title>A page</title>", "content_type": "text/html"}
    tab.route("**/*", lambda route: route.fulfill(**page))
    tab.goto("https://page.test/")
    inputs = [x.ravel().tolist() for x in given]
    assert tab.evaluate(IN_PAGE, [text, *lists, inputs, 50]) == [expected, expected]
    tab.close()
