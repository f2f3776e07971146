"""The peak memory of `train` on MNIST: ``python -m tests.fuzz.memory --epochs 50``.

What a training may take is 1.3 times the 60,000 training images in float32, and 150 MB for everything else;
and fifty epochs may take no more than two.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

MEGABYTE = 10**6
IMAGES = 60_000 * 28 * 28 * 4 / MEGABYTE
MOST = 1.3 * IMAGES + 150
GROWTH = 5.0  # MB: what the allocator does from run to run
CODE = """
import sys
from tinygrad_mnist.cli import main
try:
    main(sys.argv[1:])
finally:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)
"""


def peak(epochs: int, *options: str) -> float:
    """The largest resident memory of a process that trains on MNIST, in MB."""
    with tempfile.TemporaryDirectory() as place:
        arguments = ["train", "--dataset", "mnist", "--epochs", str(epochs), "--output", f"{place}/run"]
        done = subprocess.run(
            [sys.executable, "-c", CODE, *arguments, *options],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    return int(done.stderr.split()[-2]) * 1024 / MEGABYTE


def main() -> int:
    """Print the peaks; the exit status is 1 when one is too high."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=50)
    epochs = parser.parse_args().epochs
    few, many = peak(2), peak(epochs)
    print(f"peak memory of 2 epochs {few:.0f} MB, of {epochs} epochs {many:.0f} MB; at most {MOST:.0f} MB")
    return 0 if many <= MOST and many <= few + GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
