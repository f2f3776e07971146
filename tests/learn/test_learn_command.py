"""The command learn: progress, checks, hints, solutions, reset, reports, a class's own set."""

import json
import re
import shutil
import threading
from itertools import starmap
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from tinygrad_mnist.cli import main
from tinygrad_mnist.learn.exercise import OURS, read_set
from tinygrad_mnist.learn.judge import judge
from tinygrad_mnist.learn.template import write_template
from tinygrad_mnist.learn.watch import saved
from tinygrad_mnist.learn.work_folder import WorkFolder


def run(*arguments):
    return CliRunner().invoke(main, ["learn", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty folder, in which the test runs; checks run in this process, which is quicker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygrad_mnist.learn.work_folder.grade", judge)
    for room in ("work_folder", "proof"):
        monkeypatch.setattr(f"tinygrad_mnist.learn.{room}.grade_all", lambda files: starmap(judge, files))
    return tmp_path


def solve(folder, number):
    exercise = read_set(OURS)[number - 1]
    shutil.copy(exercise.solution, folder / f"{exercise.name}.py")


def test_learn_copies_the_tasks_and_names_the_next(here):
    result = run()
    assert result.exit_code == 0
    assert f"learn: 0 of {len(read_set(OURS))} exercises solved" in result.output
    assert "Open learn/01_product.py, fill the hole, then:  tinygrad-mnist learn check\n" in result.output
    assert (here / "learn/01_product.py").read_text() == (OURS / "01_product/task.py").read_text()


def test_check_says_file_line_sentence_then_note_and_next(here):
    run()
    open_hole = run("check")
    assert open_hole.exit_code == 1
    assert re.search(
        r"^learn/01_product\.py:\d+: `rule_a` still gives `\.\.\.`", open_hole.output, re.MULTILINE
    )
    shutil.copy(OURS / "01_product/wrong_copied.py", here / "learn/01_product.py")
    assert "your rule for b is that of a; for g = 1, a = 2, b = 3 it gives 3, and" in run("check", 1).output
    solve(here / "learn", 1)
    right = run("check")
    assert right.exit_code == 0
    assert "1  The derivative of a product: solved" in right.output
    assert "vector-Jacobian products" in right.output
    assert "Next: 2" in right.output
    assert " x  1" in run().output


def test_folder_is_kept_and_named_in_what_to_run(here):
    assert (
        "Open anna/01_product.py, fill the hole, then:  tinygrad-mnist learn anna check" in run("anna").output
    )
    (here / "anna/01_product.py").write_text("print('mine')")
    assert "  | mine\n" in run("anna", "check", 1).output
    assert (here / "anna/01_product.py").read_text() == "print('mine')"
    assert not (here / "learn").exists()


def test_command_inside_the_folder_works_on_it(here, monkeypatch):
    run()
    monkeypatch.chdir(here / "learn")
    assert "\n01_product.py:" in run("check").output


def test_hints_come_one_by_one_and_then_the_solution(here):
    run()
    assert "2 of its hints are not shown" in (run("hint"), run("solution", 1))[1].output
    shown = [run("hint", 1).output for _ in range(3)]
    assert [text[:11] for text in shown] == ["Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert "For a solution:  tinygrad-mnist learn solution 1" in run("check").output
    assert "return g * a" in run("solution", 1).output


def test_solution_is_shown_once_it_is_solved(here):
    run()
    assert run("solution", 1).exit_code == 2
    solve(here / "learn", 1)
    run("check")
    assert run("solution", 1).exit_code == 0


def test_reset_keeps_the_version_of_the_learner(here):
    run()
    for n in (1, 2):
        (here / "learn/01_product.py").write_text(f"version = {n}")
        assert f"your version is learn/01_product.mine{n}.py" in run("reset", 1).output
    assert (here / "learn/01_product.mine2.py").read_text() == "version = 2"
    assert "rule_a" in (here / "learn/01_product.py").read_text()


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"version": 2, "exercises": []}', '{"version": 1, "exercises": [3]}']
)
def test_damaged_state_is_a_sentence_with_the_way_out(content, here):
    run()
    (here / "learn/learn.json").write_text(content)
    result = run("check")
    assert result.exit_code == 2
    assert "delete learn/learn.json, and your files are checked anew" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["chek"], "there is no folder chek: did you mean  main learn check"),
        (["check", 99], "N is 99: expected a number from 1 to "),
        (["file"], "FOLDER is file, a file: expected a folder"),
        (["new", "full"], "DIR is full, which has something in it: expected a new folder"),
    ],
)
def test_arguments_that_fit_nothing_are_refused(arguments, sentence, here):
    (here / "file").write_text("")
    (here / "full").mkdir()
    (here / "full/x").write_text("")
    run()
    result = run(*arguments)
    assert (result.exit_code, sentence in result.output) == (2, True), result.output


@pytest.mark.parametrize("words", [["check"], ["hint"], ["solution", 1], ["reset", 1], ["--json"], ["prove"]])
def test_folder_without_exercises_is_refused_and_not_made(words, here):
    result = run("nope", *words)
    said = "there are no exercises in nope: copy them first,  tinygrad-mnist learn nope\n"
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert list(here.iterdir()) == []


def test_first_check_names_the_command_that_copies_the_exercises(here):
    assert "in learn: copy them first,  tinygrad-mnist learn\n" in run("check").output


def test_collected_file_without_a_state_is_checked(here):
    (here / "anna").mkdir()
    solve(here / "anna", 1)
    assert run("anna", "check", 1).exit_code == 0


@pytest.fixture
def own_set(here):
    """Return a class's set with two exercises."""
    write_template(here / "class")
    shutil.copytree(here / "class/01_square", here / "class/02_again")
    return here / "class"


def test_reports_for_a_teacher_have_every_exercise(own_set, here):
    run("class")
    shutil.copy(own_set / "01_square/wrong_one_x.py", own_set / "01_square.py")
    result = run("class", "--json", "--junit", "class.xml")
    assert result.exit_code == 1
    record = json.loads(result.output)
    assert (record["solved"], record["of"]) == (0, 2)
    assert [row["status"] for row in record["exercises"]] == ["wrong", "not yet"]
    assert record["exercises"][0]["line"] == 2
    suite = ElementTree.parse(here / "class.xml").getroot().find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "2", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    assert "your rule is that of one x" in suite.find("testcase/failure").get("message")
    (own_set / "01_square.py").write_text("print('\\x1b\\x00<&')\n\n\ndef rule(g, x):\n    return g * x\n")
    run("class", "--junit", "class.xml")
    printed = ElementTree.parse(here / "class.xml").getroot().find("testsuite/testcase/system-out").text
    assert printed == "\\x1b\\x00<&\n"
    for number in (1, 2):
        shutil.copy(own_set / "01_square/solution.py", next(own_set.glob(f"0{number}*.py")))
    assert run("class", "--json").exit_code == 0


def test_set_of_a_teacher_checks_a_folder_without_one(own_set, here):
    result = run("anna", "--set", "class")
    assert (
        "Open anna/01_square.py, fill the hole, then:  tinygrad-mnist learn anna --set class check"
        in result.output
    )
    shutil.copy(own_set / "01_square/solution.py", here / "anna/01_square.py")
    assert run("anna", "--set", "class", "check", 1).exit_code == 0
    assert "--set is anna: expected a folder with exercises" in run("anna", "--set", "anna").output


def test_new_set_runs_and_proves_itself(here):
    assert run("new", "class").exit_code == 0
    assert "1  The derivative of a square" in run("class").output
    proof = run("class", "prove")
    assert (proof.exit_code, "All are judged as they should be." in proof.output) == (0, True), proof.output
    (here / "class/01_square/wrong_new.py").write_text("# forgets\ndef rule(g, x):\n    return g * 2 * x\n")
    proof = run("class", "prove")
    assert proof.exit_code == 1
    assert "! 01_square/wrong_new.py: passed\n    expected  wrong: forgets" in proof.output


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("exercise.toml", "title = ", "exercise.toml is damaged"),
        ("exercise.toml", "title = 3", "exercise.toml: 'hints' is missing"),
        ("task.py", None, "task.py is missing"),
    ],
)
def test_damaged_set_is_told_with_its_file(name, content, sentence, own_set):
    path = own_set / "02_again" / name
    path.unlink() if content is None else path.write_text(content)
    result = run("class")
    assert (result.exit_code, sentence in result.output) == (2, True), result.output


def test_set_whose_proof_cannot_be_run_is_told(own_set):
    (own_set / "02_again/wrong_x.py").write_text("def rule(g, x):\n    return x\n")
    assert "wrong_x.py begins with 'def rule(g, x):': expected a comment" in run("class", "prove").output
    (own_set / "02_again").rename(own_set / "01_again")
    assert "class/01_again and class/01_square have one number: rename one" in run("class").output


def test_saved_file_is_yielded_at_each_save(own_set):
    work = WorkFolder(own_set)
    found = saved(work)
    path = work.file(work.exercises[1])
    for text in ("x = 1", "x = 12"):
        timer = threading.Timer(0.1, path.write_text, [text])
        timer.start()
        assert next(found) is work.exercises[1]
        timer.join()
