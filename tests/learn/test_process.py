"""Whatever a learner's file does, it harms nothing and gets one sentence with its line."""

import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tinygrad_mnist.learn.exercise import OURS, read_exercise
from tinygrad_mnist.learn.judge import judge
from tinygrad_mnist.learn.process import grade

PRODUCT = read_exercise(OURS / "01_product")
RIGHT = PRODUCT.solution.read_text()

IN_PROCESS = {
    "syntax": ("\ndef rule_a(g, a, b:\n", 2, "Python cannot read your file: '(' was never closed"),
    "zero bytes": ("x = 1\0", None, "Python cannot read your file"),
    "import": ("import os\nimport tensorlow", 2, "imports 'tensorlow', which is not installed"),
    "name": ("def rule_a(g, a, b):\n    return gg * b", 2, "uses `gg`, which is not defined"),
    "missing": ("def rule_aa(g, a, b):\n    return g * b", None, "`rule_a` is missing; there is `rule_aa`"),
    "exit": ("import sys\nsys.exit(0)", 2, "calls exit(): leave it out"),
    "flood": ("while True:\n    try:\n        print('x' * 99)\n    except Exception:\n        pass", 3,
              "prints more than 20,000 characters"),
    "recursion": ("def rule_a(g, a, b):\n    return rule_a(g, a, b)", 2, "calls itself without an end"),
    "memory": ("import numpy as np\nx = np.ones(10**15)", 2, "asks for more memory"),
    "error": ("def rule_a(g, a, b):\n    return g / 0", 2, "your code stops with ZeroDivisionError"),
    "text": ("def rule_a(g, a, b):\n    return 'b'", 1, "`rule_a` gives 'b': it should be a number"),
    "return": ("def rule_a(g, a, b):\n    g * b", 1, "`rule_a` gives None: does it end in `return`?"),
    "arguments": ("def rule_a(g, a):\n    return g", 1, "`rule_a(g, a)` is called with 3 inputs"),
    "hole": ("def rule_a(g, a, b):\n    half = ...\n    return half * b", 3, "your code meets a `...` here"),
    "closed": ("import sys\nsys.stdout.close()\nprint(1)", None, "`rule_a` is missing"),
    "escape": ("raise ValueError('\\x1b[2J')", 1, "ValueError: \\x1b[2J"),
    "shape": ("def rule_a(g, a, b):\n    return [g, b]", 1, "an array of shape (2,), and it should be a"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "line", "sentence"), IN_PROCESS.values(), ids=IN_PROCESS)
def test_file_that_fails_gets_a_sentence_with_its_line(source, line, sentence, tmp_path):
    path = tmp_path / "01_product.py"
    path.write_text(source)
    outcome = judge(PRODUCT, path)
    assert sentence in outcome.sentence
    assert outcome.line == line
    assert not outcome.passed


def test_missing_file_is_told_with_the_way_to_write_it(tmp_path):
    assert (
        "the file is missing: `tinygrad-mnist learn reset 1` writes it"
        in judge(PRODUCT, tmp_path / "x.py").sentence
    )


def test_input_that_is_changed_is_told(tmp_path):
    exercise = read_exercise(OURS / "05_broadcast")
    path = tmp_path / "05_broadcast.py"
    path.write_text("def sum_to(g, shape):\n    g += 1\n    return g.sum(axis=0)")
    assert "`sum_to` changes its input 1" in judge(exercise, path).sentence


def graded(tmp_path, source, seconds=10.0):
    path = tmp_path / "01_product.py"
    path.write_text(source)
    return grade(replace(PRODUCT, seconds=seconds), path)


def test_process_says_what_the_file_printed_and_leaves_no_file(tmp_path):
    outcome = graded(tmp_path, f"print('hello')\nopen('left', 'w').close()\n{RIGHT}")
    assert (outcome.status, outcome.printed) == ("passed", "hello\n")
    assert [path.name for path in tmp_path.iterdir()] == ["01_product.py"]


@pytest.mark.long
def test_process_survives_loops_exits_memory_and_floods(tmp_path):
    loop = graded(
        tmp_path, "x = 1\nwhile True:\n    try:\n        x += 1\n    except BaseException:\n        pass", 1.0
    )
    assert "does not come to an end within 1 seconds" in loop.sentence
    assert loop.line in (2, 3, 4)
    power = graded(tmp_path, "x = 10**10**8", 0.5)  # leaves no other thread a turn
    assert "does not come to an end within 0.5 seconds" in power.sentence
    assert "ends its process before" in graded(tmp_path, "import os\nos._exit(0)").sentence
    assert "ends Python by SIGKILL" in graded(tmp_path, "import os\nos.kill(os.getpid(), 9)").sentence
    memory = graded(tmp_path, "x = bytearray(6 * 2**30)")
    assert (memory.line, "4 GB" in memory.sentence) == (1, True)
    flood = "import os\nfor _ in range(1000):\n    os.write(1, b'{}' * 5000)\n    os.write(2, b'!' * 9999)\n"
    assert graded(tmp_path, flood + RIGHT).passed


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_process_ends_what_the_file_started(tmp_path):
    source = f"import subprocess\nprocess = subprocess.Popen(['sleep', '600'])\nprint(process.pid)\n{RIGHT}"
    outcome = graded(tmp_path, source)
    assert outcome.passed
    status, ended = Path(f"/proc/{int(outcome.printed)}/stat"), time.monotonic() + 60
    while status.exists() and ") Z " not in status.read_text():  # Z: nobody has asked for its status
        assert time.monotonic() < ended
        time.sleep(0.01)


def test_broken_check_of_a_class_is_told_as_such(tmp_path):
    folder = tmp_path / "01_product"
    shutil.copytree(PRODUCT.folder, folder)
    (folder / "check.py").write_text("def chek(work): pass")
    outcome = judge(read_exercise(folder), folder / "solution.py")
    assert "the check of this exercise cannot be used: DataError" in outcome.sentence
    assert json.dumps(outcome.record())
