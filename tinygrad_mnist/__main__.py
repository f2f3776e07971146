"""``python -m tinygrad_mnist`` is the command line."""

from tinygrad_mnist.cli import main

main(prog_name="tinygrad-mnist")
