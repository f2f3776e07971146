"""Mutation testing: change the package in small ways, and see that the tests notice.

    python -m tests.mutants graph --count 60 --seed 1

draws mutants of a room, runs those tests that run the changed lines, the quickest first, and prints each
mutant that no test notices. Read it: a test is missing, or the mutant changes nothing that is promised.
"""

import argparse
import ast
import itertools
import json
import os
import queue
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.run_tests import TIMED_OUT, run_tests
from tests.mutants.sample import Mutant, draw

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "build" / "mutants"
PACKAGE = "tinygrad_mnist"
# Each room: its folder, and the tests that are asked beside its docstrings' examples.
ROOMS = {
    "autodiff": ("autodiff", "tests/autodiff tests/nn tests/program tests/graph tests/test_cli_derive.py"),
    "program": ("program", "tests/program tests/autodiff/test_primitives.py tests/test_cli_derive.py"),
    "checking": ("checking", "tests/checking tests/report/test_plots.py"),
    "nn": ("nn", "tests/nn tests/optim tests/test_by_hand.py tests/training/test_loop.py tests/graph"),
    "optim": ("optim", "tests/optim tests/nn tests/program/test_training.py tests/training/test_step.py"),
    "graph": ("graph", "tests/graph tests/test_cli_graph.py"),
    "report": ("report", "tests/report tests/training/test_run_report.py"),
    "training": ("training", "tests/training tests/test_cli.py tests/test_cli_derive.py"),
    "doctor": (
        "doctor",
        "tests/doctor tests/training/test_anomaly.py",
    ),
    "learn": ("learn", "tests/learn"),
    "play": ("play", "tests/play tests/test_cli_play.py"),
}
OF_ALL_ROOMS = "tests/test_hints.py tests/test_masked_arrays.py tests/refusals tests/test_long_values.py"
AT_IMPORT = (
    "tests/test_defaults.py"  # what runs when a module is loaded belongs to no test: this one reads it
)


_STAMPS = itertools.count(1)


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.mutants", description=__doc__.split("\n\n")[0])
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--count", type=int, default=60, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60, help="of the processor, for a mutant")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--again", nargs="+", metavar="MUTANT", help="these mutants, by the names that were printed"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for worker in range(options.workers):
            trees.put(_copy_of_the_tree(Path(folder) / str(worker)))
        record = _record(options.room, trees.queue[0])
        code, output = run_tests(trees.queue[0], [AT_IMPORT])
        if code:
            sys.exit(f"{AT_IMPORT} fails without a mutant: mend that first\n{output}")
        if options.again:
            mutants = [Mutant(file, operator, int(at)) for file, operator, at in map(_split, options.again)]
        else:
            mutants = draw(_files(options.room, trees.queue[0]), trees.queue[0], options.count, options.seed)
        with ThreadPoolExecutor(options.workers) as pool:
            noticed = sum(
                pool.map(lambda mutant: _is_noticed(mutant, trees, record, options.seconds), mutants)
            )
    print(f"{options.room}, seed {options.seed}: {noticed} of {len(mutants)} mutants are noticed")


def _split(name: str) -> list[str]:
    return name.split(":")


def _copy_of_the_tree(folder: Path) -> Path:
    left_out = shutil.ignore_patterns(".*", "build", "dist", "runs", "*.egg-info", "__pycache__")
    return shutil.copytree(ROOT, folder, ignore=left_out)


def _files(room: str, tree: Path) -> list[Path]:
    inside = sorted((tree / PACKAGE / ROOMS[room][0]).rglob("*.py"))
    if room == "learn":  # learners' files, and checks that these files prove
        return [file for file in inside if not {"exercises", "template"} & set(file.parts)]
    return [file for file in inside if room != "training" or file.parent.name != "doctor"]


def _record(room: str, tree: Path) -> dict:
    """The seconds and lines of each test of the room, recorded where something has changed since."""
    file = RECORDS / f"{room}.json"
    sources = [*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    if not file.exists() or file.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        RECORDS.mkdir(parents=True, exist_ok=True)
        folder, tests = ROOMS[room]
        tests = [f"{PACKAGE}/{folder}", *OF_ALL_ROOMS.split(), *tests.split()]
        code, output = run_tests(tree, ["-p", "tests.mutants.record", f"--record-tests-to={file}", *tests])
        if code:
            print(output)
    return json.loads(file.read_text())


def _is_noticed(mutant: Mutant, trees: "queue.Queue[Path]", record: dict, seconds: float) -> bool:
    tree = trees.get()
    file = tree / mutant.file
    source = file.read_text()
    try:
        tests = _tests_of(mutant, source, record, seconds)
        _write(file, mutant.code(source))
        (tree / "chosen_tests").write_text("\n".join(tests))
        code, output = run_tests(tree, ["-x", "--tb=no", "@chosen_tests"], timeout=20 * seconds + 60)
    finally:
        _write(file, source)
        trees.put(tree)
    if code:
        failures = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
        by = "the time-out" if code == TIMED_OUT else next(iter(failures), output[-300:])
        print(f"noticed   {mutant.name}   {by}", flush=True)
    else:
        print(f"SURVIVED  {mutant.name}   {len(tests)} tests\n{mutant.diff(source)}\n", flush=True)
    return code != 0


def _write(file: Path, source: str) -> None:
    """Write with a time of its own: a compiled file is known by its source's size, and time in seconds."""
    file.write_text(source)
    os.utime(file, (next(_STAMPS),) * 2)


def _tests_of(mutant: Mutant, source: str, record: dict, seconds: float) -> list[str]:
    """The tests that run the changed lines, or else what is around them: the quickest first.

    The quickest of each line of the function goes before all others, whatever it costs: together they take
    every branch.  A case of a parametrised test counts as if it took the time of those before it too.
    """
    names, lines = list(record["seconds"]), record["lines"].get(mutant.file, {})
    itself, *around = _wider_and_wider(mutant.rows(source), source)
    found = {test for row in itself for test in lines.get(str(row), [])}
    chosen, total = ([] if found else [AT_IMPORT]), 0.0
    for rows in around:
        found = found or {test for row in rows for test in lines.get(str(row), [])}
    if not found:  # compiled code, which is not traced: the tests of what stands beside it
        folder, files = Path(mutant.file).parent, record["lines"]
        beside = [files[file] for file in files if Path(file).parent == folder]
        found = {test for lines in beside for tests in lines.values() for test in tests}
    function = _function_around(mutant.rows(source), source)
    of_lines = [found.intersection(lines.get(str(row), [])) for row in function]
    of_each_line = {
        min(tests, key=lambda test: record["seconds"][names[test]]) for tests in of_lines if tests
    }
    cases: dict[str, int] = {}
    ranked = [(0.0, record["seconds"][names[test]], names[test]) for test in of_each_line]
    for name in sorted((names[test] for test in found - of_each_line), key=record["seconds"].__getitem__):
        function = name.split("[")[0]
        cases[function] = cases.get(function, 0) + 1
        ranked.append((cases[function] * record["seconds"][name], record["seconds"][name], name))
    for rank, cost, name in sorted(ranked):
        if rank and total > seconds:
            break
        total += cost
        chosen.append(name)
    return chosen


def _wider_and_wider(rows: range, source: str) -> list[range]:
    """The statement, the functions and classes around it from the inside, the file."""
    around = [
        range(node.lineno, node.end_lineno + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and node.lineno <= rows[0] and rows[-1] <= (node.end_lineno or 0)
    ]
    return [rows, *sorted(around, key=len), range(1, source.count("\n") + 2)]


def _function_around(rows: range, source: str) -> range:
    """The smallest function or class around the lines, or else only these."""
    around = [
        range(node.lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.lineno <= rows[0]
        and rows[-1] <= (node.end_lineno or 0)
    ]
    return min(around, key=len, default=rows)


if __name__ == "__main__":
    main()
