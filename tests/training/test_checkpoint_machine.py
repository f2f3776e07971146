"""Training, kills, signals and damaged files in any order: the end is the same, or an error says why."""

import contextlib
import shutil
import signal
import tempfile
import warnings
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.training.callbacks import Calls
from tests.training.jobs import END, EPOCHS, STEPS, Job, Killed, killed_after
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.training import Checkpoints

FRACTIONS = st.floats(0, 1, exclude_max=True)  # of what is there: how long a file is depends on the clock
DAMAGES = st.sampled_from(["cut", "flip", "empty", "remove", "lengthen", "exchange"])


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.damaged = False

    def teardown(self):
        shutil.rmtree(self.folder)

    def fit(self, every_steps=None, **options):
        """Return the results of a run as in a new process, or None if no checkpoint is whole."""
        job = Job()
        with warnings.catch_warnings(action="ignore" if self.damaged else "error"):
            try:
                checkpoints = Checkpoints(self.folder, every_steps=every_steps, keep=2)
                return job.end(job.fit(checkpoints, backend="eager", **options))  # quicker for a few steps
            except CheckpointError as error:
                if not self.damaged or "none of the" not in str(error):
                    raise
                self.begin_again()
                return None

    @rule(steps=st.integers(1, EPOCHS * STEPS), every_steps=st.integers(1, 7))
    def train_and_be_killed(self, steps, every_steps):
        with contextlib.suppress(Killed):
            self.fit(every_steps, callbacks=[killed_after(steps)])

    @rule(steps=st.integers(1, STEPS), number=st.sampled_from([signal.SIGINT, signal.SIGTERM]))
    def train_and_be_asked_to_stop(self, steps, number):
        left = [steps]

        def on_step(training):
            left[0] -= 1
            if not left[0]:
                signal.raise_signal(number)

        self.fit(callbacks=[Calls(after_step=on_step)])

    @rule(which=FRACTIONS, other=FRACTIONS, where=FRACTIONS, damage=DAMAGES)
    def damage_a_file(self, which, other, where, damage):
        paths = sorted(self.folder.iterdir())
        if not paths:
            return
        self.damaged = True
        path = paths[int(which * len(paths))]
        content = path.read_bytes()
        place = int(where * len(content))
        if damage == "remove":
            path.unlink()
        elif damage == "exchange":
            path.write_bytes(paths[int(other * len(paths))].read_bytes())
        elif content:
            flipped = content[:place] + bytes([content[place] ^ 64]) + content[place + 1 :]
            changed = {"cut": content[:place], "flip": flipped, "empty": b"", "lengthen": content + b"\0"}
            path.write_bytes(changed[damage])

    @rule()
    def begin_again(self):
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.damaged = False

    @rule()
    def go_on_to_the_end(self):
        end = self.fit()
        assert end is None or end == END

    @invariant()
    def nothing_is_left_half_written(self):
        assert not list(self.folder.glob("*.tmp"))
        if not self.damaged:
            with warnings.catch_warnings(action="error"):
                for checkpoint in Checkpoints(self.folder).newest_first():
                    checkpoint.arrays(10**6)


TestMachine = Machine.TestCase
TestMachine.settings = settings(stateful_step_count=12)
