"""The scripts of the page to play with."""

from pathlib import Path

import tinygrad_mnist.play

PAGE = Path(tinygrad_mnist.play.__file__).with_name("page")
