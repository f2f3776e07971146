"""Each exercise: the task is open, the solution passes, each wrong answer is refused with its sentence."""

import re
import runpy

import pytest

from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.learn import earlier, planted
from tinygrad_mnist.learn.exercise import OURS, read_set
from tinygrad_mnist.learn.judge import judge
from tinygrad_mnist.learn.outcome import Outcome
from tinygrad_mnist.learn.proof import Case, cases

EXERCISES = read_set(OURS)
CASES = [
    pytest.param(case, id=f"{case.exercise.name}-{case.path.stem}")
    for exercise in EXERCISES
    for case in cases(exercise)
]


@pytest.mark.parametrize("case", CASES)
def test_check_says_of_each_file_what_it_should(case):
    outcome = judge(case.exercise, case.path)
    assert case.accepts(outcome), outcome


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_exercise_has_three_hints_and_three_wrong_answers(exercise):
    assert len(exercise.hints) == 3
    assert exercise.note
    found = cases(exercise)
    assert [case.status for case in found[:2]] == ["not yet", "passed"]
    assert len(found) >= 5
    assert all(case.words for case in found[2:])


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_task_runs_as_a_script_with_its_hole(exercise, capsys, monkeypatch):
    monkeypatch.delitem(REGISTRY, "swish", raising=False)  # of the same op in another file
    runpy.run_path(str(exercise.task), run_name="__main__")
    assert capsys.readouterr().out, "the script shows nothing"


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_exercise_needs_only_what_came_before(exercise):
    numbers = {each.name.partition("_")[2]: each.number for each in EXERCISES}
    needed = [
        numbers[name]
        for path in exercise.folder.glob("*.py")
        for name in re.findall(r'earlier\("(\w+)"\)', path.read_text())
        if not path.name.startswith("wrong")
    ]
    assert all(number < exercise.number for number in needed)


def test_exercises_are_numbered_in_one_row():
    assert [exercise.number for exercise in EXERCISES] == list(range(1, len(EXERCISES) + 1))


@pytest.mark.parametrize(
    ("status", "sentence", "accepted"),
    [("wrong", "g is not used", True), ("wrong", "g is used", False), ("not yet", "g is not used", False)],
)
def test_proof_asks_for_the_status_and_the_words(status, sentence, accepted):
    case = Case(EXERCISES[0], EXERCISES[0].task, "wrong", "is not used")
    assert case.accepts(Outcome("01_product", status, sentence)) == accepted


def test_name_or_number_that_is_missing_is_told():
    with pytest.raises(DataError, match="name is 'sgdd': expected one of product, value"):
        earlier("sgdd")
    with pytest.raises(ValueError, match="number is 4: expected 1, 2 or 3"):
        planted(4)
