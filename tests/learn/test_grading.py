"""The grader's tools: which sentence a difference gets, and with which numbers."""

import numpy as np
import pytest

from tinygrad_mnist.learn import Finding, Work, agree, is_empty, numbers, require_filled, slopes

RIGHT = np.array([1.0, -5.0, 3.0])


def said(call, *arguments, **settings):
    with pytest.raises(Finding) as caught:
        call(*arguments, **settings)
    return caught.value


@pytest.mark.parametrize(
    ("got", "sentence"),
    [
        ([1.0, -9.0, 4.0], "x is -9 at [1], and the difference quotient says -5.000"),
        ([1.0, np.nan, 9.0], "x is nan at [1], and the difference quotient says -5.000"),
        ([1.0, -5.0, 3.001], "x is 3.001 at [2], and the difference quotient says 3.000"),
        ([-0.0, -5.0, 3.0], "x is 0 at [0], and the difference quotient says 1.000"),
        ([1j, -5.0, 3.0], "x is 0+1j at [0], and the difference quotient says 1.000"),
        ([1.0, -5.0], "x is an array of shape (2,), and it should be an array of shape (3,)"),
        (7.0, "x is a number, and it should be an array of shape (3,)"),
        ("7", "x gives '7': it should be a number or an array"),
        (np.array(["a", "b", "c"]), "x gives an array of shape (3,): it should be a number or an array"),
        (-RIGHT, "the sign; x is 5 at [1], and the difference quotient says -5.000"),
        (RIGHT.sum(), "the sum; x is a number, and it should be an array of shape (3,)"),
    ],
)
def test_difference_gets_the_sentence_of_its_mistake_or_numbers(got, sentence):
    finding = said(agree, "x", got, RIGHT, {}, {"the sign": -RIGHT, "the sum": RIGHT.sum()}, line=3)
    assert (finding.sentence, finding.line, finding.open) == (sentence, 3, False)


def test_noise_of_a_difference_quotient_is_no_difference():
    agree("x", RIGHT * (1 + 1e-7), RIGHT, {})
    assert "x is" in said(agree, "x", RIGHT * (1 + 1e-5), RIGHT, {}).sentence


def test_inputs_are_shown_with_numbers_where_they_are_short():
    given = {"a": 2.0, "b": np.array([1.0, 2.5]), "c": np.eye(2), "d": np.zeros(5), "n": 3, "f": "exp"}
    assert said(agree, "`f`", 1.0, 2.0, given, {"known": 1.0}).sentence == (
        "known; for a = 2, b = [1, 2.5], c = [[1, 0], [0, 1]], d = an array of shape (5,), n = 3, f = exp "
        "it gives 1, and the difference quotient says 2.000"
    )


def test_work_says_what_is_missing_and_where():
    source = b"answer = ...\nspeed = 3\n"
    work = Work({"answer": ..., "speed": 3, "half": lambda x: None}, source)
    finding = said(work.get, "answer")
    assert (finding.sentence, finding.line, finding.open) == (
        "`answer` is still `...`: write your answer in its place",
        1,
        True,
    )
    assert said(work.get, "answr").sentence.startswith("`answr` is missing; there is `answer`")
    assert (
        said(work.get, "colour").sentence == "`colour` is missing: the check looks for a thing of that name"
    )
    assert said(work.call, "speed", 1.0).sentence == "`speed` is 3: it should be a function"
    assert said(work.call, "half", 1.0).open
    assert work.line("colour") is None


def test_value_that_is_not_there_yet_is_open():
    for value in (..., None, (1.0, ...), (None, 1.0)):
        assert said(require_filled, "`f`", value).open
    require_filled("`f`", (1.0, 0.0))


def test_values_of_engines_are_taken_by_their_numbers():
    class Tensor:
        data = np.array([2.0])

    assert numbers("x", Tensor()).tolist() == [2.0]


@pytest.mark.parametrize("position", [0, 1])
def test_slopes_are_the_gradient_for_the_g_that_arrives(position):
    a, b, g = np.array([[1.0, 2.0]]), np.array([[3.0], [-100.0]]), np.array([[2.0]])
    right = (g @ b.T, a.T @ g)[position]
    assert np.allclose(slopes(np.matmul, a, b, position=position, g=g), right, rtol=1e-7)
    assert (a.tolist(), b.tolist()) == ([[1.0, 2.0]], [[3.0], [-100.0]])


def test_function_without_a_statement_is_empty():
    def empty(x): ...

    def written(x):
        x += 1

    assert is_empty(empty)
    assert not is_empty(written)
