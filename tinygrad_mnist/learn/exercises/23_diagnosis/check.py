"""Ask the doctor about the learner's three settings."""

import runpy
from pathlib import Path

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.learn import fail

TASK = runpy.run_path(str(Path(__file__).with_name("task.py")), run_name="task")
GIVEN = {name: TASK[name] for name in ("pixels", "weights", "lr")}


def check(work):
    settings = {name: work.get(name) for name in GIVEN}
    for name, value in settings.items():
        if not isinstance(value, float | int) or not np.isfinite(value) or value < 0:
            fail(f"{name} is {shown(value)}: it should be a number", work.line(name))
    if settings["pixels"] == 0:
        fail("pixels is 0: the pixels are divided by it", work.line("pixels"))
    found = TASK["diagnosis"](**{name: float(value) for name, value in settings.items()}).findings
    if found:
        first = found[0]
        words = (
            f"the doctor finds {first.name}: {first.what} Measured: {first.evidence}. To do: {first.remedy}"
        )
        fail(words, work.line("pixels"), open=settings == GIVEN)
