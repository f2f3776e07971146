"""Count the comparisons with each installed framework: ``python -m tests.oracles --rounds 3``."""

import argparse
import importlib.util

import numpy as np

from tests.oracles import test_frameworks
from tests.oracles.test_frameworks import FRAMEWORKS, OPS, assert_agree, pairs


def count(name, dtype, seed):
    """The number of arrays that agree with a framework's, and a line for each job that does not."""
    agreeing, differing = 0, []
    for op in OPS:
        for job, mine, theirs in pairs(name, op, dtype, seed):
            try:
                agreeing += assert_agree(mine, theirs, job, f"{op} in {name}, {dtype.__name__}")
            except AssertionError as error:
                differing.append(" ".join(str(error).split()))
    return agreeing, differing


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    test_frameworks.DRAWS = 0  # all comparisons for JAX too
    for name in FRAMEWORKS:
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed")
            continue
        for dtype in (np.float64, np.float32, np.float16) if name == "torch" else (np.float64,):
            found = [count(name, dtype, seed) for seed in range(options.rounds)]
            differing = [line for _, lines in found for line in lines]
            print(
                f"{name} {dtype.__name__}: {sum(n for n, _ in found)} arrays agree, {len(differing)} differ"
            )
            print(*differing, sep="\n", end="\n" if differing else "")


if __name__ == "__main__":
    main()
