"""The command `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.command import Command
from tinygrad_mnist.cli.options import run_argument, weights_option


@click.command(
    cls=Command,
    short_help="Write a network for other programs.",
    examples=(
        "runs/MNIST-20260101-120000 -o digits.onnx",
        "runs/MNIST-20260101-120000 -o digits.safetensors",
    ),
)
@run_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="File to write: .onnx for onnxruntime and others (needs the extra onnx), .safetensors for PyTorch, "
    ".py for Python with NumPy alone, its weights in .npz beside it.",
)  # fmt: skip
@weights_option
def export(run: Path, output: Path, weights: Any) -> None:
    """Write a trained network in a format that other programs read.

    RUN is the folder that `train` wrote. In .onnx and .py the network takes any number of images, with pixels
    from 0 to 1, and returns what its loss takes: for cross-entropy the logits. The .safetensors file has the
    weights under the names and in the shapes of the same network in PyTorch.
    """
    import numpy as np

    from tinygrad_mnist import formats
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.run_folder import load_run

    if output.suffix not in (".onnx", ".safetensors", ".py"):
        raise click.BadParameter(f"{output}: expected a name that ends in .onnx, .safetensors or .py")
    trained = load_run(run, weights)
    if output.suffix == ".safetensors":
        formats.save(trained.model, output)
    else:
        formats.export(trained.model.eval(), output, np.zeros((1, *trained.image_shape), np.float32))
    console.say(f"wrote {output}")
