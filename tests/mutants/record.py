"""A pytest plugin that notes the processor seconds of each test that passes, and the lines that it runs.

Loaded with ``-p tests.mutants.record``. It writes the file of ``--record-tests-to``:
``{"seconds": {test: seconds}, "lines": {file: {line: [places of the tests in "seconds"]}}}``.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

# Started on import, before the package is: what its modules run when they are loaded belongs to no test.
COVERAGE = coverage.Coverage(source_pkgs=["tinygrad_mnist"], data_file=None, config_file=False)
COVERAGE.start()
SECONDS: dict[str, float] = {}
NOT_PASSED: set[str] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    COVERAGE.switch_context(item.nodeid)
    start = time.process_time()
    try:
        return (yield)
    finally:
        SECONDS[item.nodeid] = time.process_time() - start
        COVERAGE.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if not report.passed:
        NOT_PASSED.add(report.nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-tests-to")


def pytest_sessionfinish(session: pytest.Session) -> None:
    COVERAGE.stop()
    data, root = COVERAGE.get_data(), Path.cwd()
    seconds = {test: SECONDS[test] for test in SECONDS if test not in NOT_PASSED}
    place = {test: index for index, test in enumerate(seconds)}
    lines = {
        str(Path(file).relative_to(root)): {
            line: sorted(place[test] for test in tests if test in place)
            for line, tests in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    Path(session.config.getoption("--record-tests-to")).write_text(
        json.dumps({"seconds": seconds, "lines": lines})
    )
