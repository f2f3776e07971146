"""Upper limits of settings, whether typed or read from a file that may come from anywhere."""

MOST_UNITS = 1_000_000  # per layer
MOST_LAYERS = 1_000
MOST_THREADS = 1_024
MOST_COUNT = 2**53  # epochs, steps, rows: a float is exact up to here
MOST_LETTERS = 4_096  # in a name or a path
