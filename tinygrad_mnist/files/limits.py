"""The most that a setting may be, whether it is typed or read from a file that comes from anywhere."""

MOST_UNITS = 1_000_000  # of a layer
MOST_LAYERS = 1_000
MOST_THREADS = 1_024
MOST_COUNT = 2**53  # of epochs, steps, rows: what a float still counts
MOST_LETTERS = 4_096  # of a name or a path
