"""Numbers and arrays made of Tensors: silent, with a warning, or refused, as in PyTorch."""

import math
import warnings

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn, no_grad
from tinygrad_mnist.errors import CaptureError, GradientError, GraphCutWarning
from tinygrad_mnist.program import compile

plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")

UNSEEN = {
    "float": float,
    "int": int,
    "complex": complex,
    "math.exp": math.exp,
    "math.floor": math.floor,
    "%f": lambda x: "%f" % x,  # noqa: UP031
    "Tensor": Tensor,
    "Tensor with a gradient": lambda x: Tensor(x, requires_grad=True),
    "Parameter": nn.Parameter,
    "np.array": np.array,
    "np.float64": np.float64,
}
SAYING_SO = {
    "item": lambda x: x.item(),
    "tolist": lambda x: x.tolist(),
    "data": lambda x: x.data,
    "numpy": lambda x: x.numpy(),
    "detach": lambda x: x.detach(),
    "format": lambda x: f"{x:.2f} {x} {x!r}",
    "bool": bool,
    "compared": lambda x: x > 1,
}


def leaf():
    return Tensor(1.7, requires_grad=True, name="w")


@pytest.mark.parametrize("convert", UNSEEN.values(), ids=UNSEEN)
def test_implicit_conversion_warns_that_the_graph_is_cut(convert):
    with pytest.warns(GraphCutWarning, match="of a Tensor that requires a gradient"):
        convert(leaf())


@pytest.mark.parametrize("convert", (UNSEEN | SAYING_SO).values(), ids=UNSEEN | SAYING_SO)
@pytest.mark.parametrize("cut", ["detached", "under no_grad", "computed under no_grad"])
def test_conversion_that_cuts_no_graph_is_silent(convert, cut):
    x = leaf()
    if cut == "detached":
        convert(x.detach())
        return
    with no_grad():
        result = x * 1
        convert(x)
    convert(result)


@pytest.mark.parametrize("convert", SAYING_SO.values(), ids=SAYING_SO)
def test_explicit_conversion_is_silent(convert):
    convert(leaf() * 2)


def test_warning_is_given_once_per_line_and_names_it():
    x = leaf()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            x * math.exp(x * 1)  # this line, of another tensor each time
    assert [(w.category, w.filename) for w in caught] == [(GraphCutWarning, __file__)]


@pytest.mark.parametrize("convert", [np.asarray, np.array, lambda y: np.array([y, y]), np.median])
def test_array_of_a_computed_tensor_is_refused(convert):
    with pytest.raises(TypeError, match=r"\.data"):
        convert(leaf() * 2)


SAYING_A_NUMBER = {"item": lambda x: x.item(), "tolist": lambda x: x.tolist()}


@pytest.mark.parametrize("convert", (UNSEEN | SAYING_A_NUMBER).values(), ids=[*UNSEEN, *SAYING_A_NUMBER])
def test_conversion_under_a_transform_is_refused(convert):
    with pytest.raises(GradientError, match="would cut the graph silently"):
        tm.grad(lambda x: x * convert(x))(np.array(1.7))


@pytest.mark.parametrize("look", [lambda x: f"{x:.2f} {x}", bool, lambda x: x > 1, lambda x: x in [x]])
def test_value_under_a_transform_can_be_printed(look):
    assert tm.grad(lambda x: x * x if look(x) else x)(np.array(1.75)) == 3.5


@pytest.mark.parametrize(
    "convert", [float, int, complex, math.exp, np.array, np.float64, lambda x: [*x.tolist()]]
)
def test_conversion_under_a_capture_is_refused(convert):
    with pytest.raises(CaptureError, match="captured"):
        compile(lambda x: x * convert(x))(Tensor(1.7))


@pytest.mark.parametrize(
    ("look", "named"),
    [
        (lambda x: x * x[Tensor([0, 1])], "an index"),
        (lambda x: x * np.argmax(x), "np.argmax"),
        (lambda x: x * np.isfinite(x).all(), "all of an array"),
        (lambda x: x * x.argmax(), "argmax()"),
        (lambda x: x * np.median(x.detach()), "np.median"),
        (lambda x: x * len(x.tolist()), "tolist()"),
        (lambda x: x * np.asarray(x), "np.asarray()"),
        (lambda x: x if x.sum() > 0 else -x, "bool()"),
    ],
)
def test_conversion_under_a_capture_is_named(look, named):
    with pytest.raises(CaptureError) as caught:
        compile(look)(Tensor([1.7, 2.0]))
    assert f"{named} was asked for" in str(caught.value)


def test_array_of_a_tensor_is_read_only():
    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(x)[0] = 5
    assert np.array(x).flags.writeable


def test_array_of_a_tensor_takes_dtype_and_copy():
    x = Tensor([1.0, 2.0])
    assert np.asarray(x, np.float32).dtype == np.float32
    assert np.asarray(x, copy=True).flags.writeable
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, np.float32, copy=False)


@pytest.mark.parametrize("function", [np.median, np.std, np.linalg.norm, np.atleast_1d, np.add.reduce])
def test_function_without_a_rule_works_without_gradients(function):
    x = np.array([1.0, 4.0, 2.0])
    np.testing.assert_array_equal(function(Tensor(x)), function(x))


def test_functions_that_join_take_tensors_without_gradient():
    assert np.column_stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])]).tolist() == [[1.0, 3.0], [2.0, 4.0]]


@pytest.mark.parametrize(
    "draw", [plt.plot, plt.hist, lambda x: plt.scatter(x, x), lambda x: plt.imshow(x[None])]
)
def test_tensor_can_be_plotted(draw):
    plt.switch_backend("Agg")
    try:
        draw(Tensor([1.0, 3.0, 2.0]))
        with pytest.warns(GraphCutWarning):
            draw(Tensor([1.0, 3.0, 2.0], requires_grad=True))
    finally:
        plt.close("all")
