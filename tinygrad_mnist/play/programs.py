"""The programs of a page: captured from the network, and printed as one script."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from typing import Any

import numpy as np

from tinygrad_mnist import Tensor, autograd, compile, optim
from tinygrad_mnist.play.mistakes import Mistake
from tinygrad_mnist.play.network import LOSSES, Network
from tinygrad_mnist.program.program import Program
from tinygrad_mnist.typing import Array

_MOMENTUM = 0.9  # any but 0, so that the velocities are in the program; a page passes its own


def captured(network: Network, batch: int, lr: float, mistakes: list[Mistake]) -> dict[str, Program]:
    """Return the programs by name: look, loss, blame, step, and the last two with each mistake.

    ``look(x)`` returns the answer and the output of each layer, ``loss(x, target)`` the loss. ``blame(x,
    target)`` returns the loss, the answer, the outputs, and the gradients of the outputs, of x and of the
    parameters. ``step(x, targets)`` is a step of SGD with momentum on a batch, and returns its loss. All are
    in float64, and in evaluation: batch normalization keeps its mean and variance.
    """
    programs = {"look": _look(network), "loss": _loss(network)}
    for mistake in (None, *mistakes):
        suffix = f":{mistake.id}" if mistake else ""
        with mistake.rule if mistake else nullcontext():
            programs[f"blame{suffix}"] = _blame(network)
            programs[f"step{suffix}"] = _step(network, batch, lr)
    return programs


def described(programs: dict[str, Program], network: Network) -> dict[str, dict[str, Any]]:
    """Return what a page has to know of each program: names of its states and numbers, and a title."""
    return {
        name: {
            "states": [_name_on_page(state.name, network) for state in program.states],
            "numbers": [number.name for number in program.numbers],
            "title": _TITLES[name.partition(":")[0]],
        }
        for name, program in programs.items()
    }


def script(programs: dict[str, Program]) -> str:
    """Return a script that defines PROGRAMS: by name a function of the states that returns the step.

    Functions that several programs use stand in it once.
    """
    builds: list[str] = []
    functions: dict[str, None] = {}
    for name, program in programs.items():
        build, _, used = program.javascript.partition("\n}\n")
        build = build.replace("export function build", "function build", 1)
        builds.append(f"programs[{json.dumps(name)}] = (() => {{\n{build}\n}}\nreturn build;\n}})();")
        functions |= dict.fromkeys(text.strip("\n") for text in _BETWEEN.split(used))
    head = 'const PROGRAMS = (() => {\n"use strict";\nconst programs = {};'
    return "\n\n".join([head, *builds, *functions, "return programs;\n})();\n"])


_BETWEEN = re.compile(r"\n\n(?=/\*\*|function |const )")
_TITLES = {
    "look": "The network forward",
    "loss": "The network forward, and its loss",
    "blame": "The network forward and backward",
    "step": "A step of training",
}


def _look(network: Network) -> Program:
    def look(x: Any) -> Any:
        values = network.layers(x)
        return network.answer(values[-1]), *values

    return compile(look).trace(_zeros(network, 1))


def _loss(network: Network) -> Program:
    kind = LOSSES[network.loss]()

    def loss(x: Any, target: Any) -> Any:
        return kind(network.layers(x)[-1], target)

    return compile(loss).trace(_zeros(network, 1), _targets(network, 1))


def _blame(network: Network) -> Program:
    loss, parameters = LOSSES[network.loss](), list(network.layers.parameters())

    def blame(x: Any, target: Any) -> Any:
        x.requires_grad = True
        values = network.layers(x)
        value = loss(values[-1], target)
        gradients = autograd.grad(value, [*values, x, *parameters])
        return value, network.answer(values[-1]), *values, *gradients

    return compile(blame).trace(_zeros(network, 1), _targets(network, 1))


def _step(network: Network, batch: int, lr: float) -> Program:
    loss, parameters = LOSSES[network.loss](), list(network.layers.parameters())
    optimizer = optim.SGD(parameters, lr=lr, momentum=_MOMENTUM)
    for parameter in parameters:  # a step without a gradient makes the velocities, and changes nothing
        parameter.grad = Tensor(np.zeros(parameter.shape))
    optimizer.step()
    optimizer.zero_grad()

    def step(x: Any, targets: Any) -> Any:
        optimizer.zero_grad()
        value = loss(network.layers(x)[-1], targets)
        value.backward()
        optimizer.step()
        return value

    return compile(step).trace(_zeros(network, batch), _targets(network, batch))


def _zeros(network: Network, count: int) -> Array:
    return np.zeros((count, network.inputs))


def _targets(network: Network, count: int) -> Array:
    return np.zeros(count, np.int64) if network.takes_logits else np.zeros((count, network.sizes[-1]))


def _name_on_page(name: str, network: Network) -> str:
    """The name of a parameter in the reader's network; of its velocity with v_ before it."""
    own = name.removeprefix("v_")
    return name.replace(own, network.names[own])
