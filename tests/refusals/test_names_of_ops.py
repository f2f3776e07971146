"""Messages name an op without a name by op, module and source line, or as the graph does."""

import copy
import re

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn, no_grad, ops
from tinygrad_mnist.checking import check_gradients, diagnose
from tinygrad_mnist.graph import Graph


def computed():
    return ops.sin(Tensor(np.ones((2, 3)), requires_grad=True))  # here


def stale():
    x = Tensor(np.ones(2), requires_grad=True)
    y = ops.sum(x * x)  # here
    with no_grad():
        x += 1.0
    return y


MESSAGES = {
    "backward from an array": lambda: computed().backward(),
    "a gradient of another shape": lambda: ops.sin(computed()).backward(np.ones(2)),
    "assigned data": lambda: setattr(computed(), "data", np.ones((2, 3))),
    "requires_grad set to False": lambda: setattr(computed(), "requires_grad", False),
    "a conversion to an array": lambda: np.asarray(computed()),
    "a conversion to a number": lambda: float(computed()),
    "a value changed before a backward pass": lambda: stale().backward(),
    "a value changed before a diagnosis": lambda: diagnose(stale()),
    "shapes that do not fit": lambda: computed() @ computed(),
    "mixed dtypes": lambda: computed() * np.ones((2, 3), np.float32),
    "a check with respect to a computed value": lambda: check_gradients(lambda x: x.sum(), computed()),
    "no dependence": lambda: tm.autograd.grad(computed().sum(), [Tensor(1.0, requires_grad=True)]),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_op_without_a_name_is_named_by_its_line(case):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        MESSAGES[case]()
    said = str(caught.value)
    assert "test_names_of_ops.py:" in said
    if case != "a value changed before a diagnosis":
        assert not re.search(r"[a-z]_\d", said.replace("test_names_of_ops", "")), said


def test_op_in_a_module_is_named_with_its_path():
    y = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh())(np.ones((4, 2), np.float32))  # here
    with pytest.raises(tm.errors.GradientError) as caught:
        y.backward()
    place = r"tanh \(in Sequential/Tanh\[1\], recorded at test_names_of_ops.py:\d+: y = .*# here\) has shape"
    assert re.match(place, str(caught.value))


def test_op_with_a_name_is_named_by_it():
    y = computed()
    y.name = "hidden"
    with pytest.raises(tm.errors.GradientError, match=r"^hidden has shape"):
        y.backward()


def test_copy_of_an_op_is_called_a_copy():
    with pytest.raises(tm.errors.GradientError, match=r"^sin \(a copy\) has shape"):
        copy.deepcopy(computed()).backward()


def test_text_of_a_tensor_names_its_op_without_a_number():
    assert repr(computed()).endswith("op=sin)")


def test_message_in_the_graph_of_an_error_has_the_names_of_the_graph():
    def failing(x):
        return ops.sin(ops.sin(x)) @ ops.sin(x)  # the same op three times on one line

    with pytest.raises(tm.errors.ShapeError) as caught:
        failing(Tensor(np.ones((2, 3)), requires_grad=True, name="v"))
    node = Graph(caught.value).nodes[-1]
    said = "matmul cannot take sin_2 (2, 3) float64 and sin_3 (2, 3) float64: the inner lengths"
    assert node.message.startswith(said)
    assert node.inputs == ("sin_2", "sin_3")


def test_message_in_the_graph_of_an_error_names_leaves_and_arrays():
    with pytest.raises(tm.errors.ShapeError) as caught:
        Tensor(np.ones((2, 3)), requires_grad=True) @ np.ones((2, 3))
    node = Graph(caught.value).nodes[-1]
    left, right = node.inputs
    assert f"cannot take {left} (2, 3) float64 and {right} (2, 3) float64" in node.message


def test_refusal_of_a_diagnosis_has_the_names_of_the_graph():
    loss = stale()
    x, product = (node.name for node in Graph(loss).nodes[:2])
    with pytest.raises(tm.errors.StaleGradientError, match=f"^{x} was changed in place after {product} had"):
        diagnose(loss)
