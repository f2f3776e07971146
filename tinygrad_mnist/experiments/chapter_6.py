"""Chapter 6: one handwritten 5, shown to a 784-28-10 network 250 times.

From "Chapter 6 NN: MNIST", one person's notes on neural networks in R.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking import GradReport, check_gradients
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.experiments.chapter_6_printed import ERRORS, GUESSES, OUTPUTS
from tinygrad_mnist.experiments.experiment import (
    NOTHING,
    Comparison,
    Experiment,
    ExperimentOptions,
    ExperimentResult,
    in_parallel,
    speed,
)
from tinygrad_mnist.experiments.networks import LinearInFours, linear, mnist, pixels, raw
from tinygrad_mnist.experiments.r_language import RRandom, column, significant
from tinygrad_mnist.program import compile
from tinygrad_mnist.report import Section
from tinygrad_mnist.typing import Array

SEED = 1
ALPHA = 0.25
ITERATIONS = 250
HIDDEN, DIGITS, TRUTH = 28, 10, 5
SECONDS_IN_R = 0.034
MANY_SEEDS, FEW_SEEDS = range(1, 201), range(1, 21)
ENDING_AT_5 = {"as published": "129", "gradient": "131"}  # of 200 seeds, counted with R
ENDING_AT_5_SCALED = ("12", "16")  # of 20 seeds: pixels 0 to 255, and 0 to 1

Step = Callable[[Any, Any], Any]


def network(seed: int) -> nn.Sequential:
    """Build the network from draws in the article's order: both matrices, then both vectors."""
    stream = RRandom(seed)
    w1, w2 = stream.normal_matrix(HIDDEN, 784), stream.normal_matrix(DIGITS, HIDDEN)
    b1, b2 = stream.normal(HIDDEN), stream.normal(DIGITS)
    return nn.Sequential(linear(w1, b1), nn.Sigmoid(), LinearInFours(w2, b2), nn.Sigmoid())


def step_of(model: nn.Sequential, *, as_published: bool) -> Step:
    """Return the step of an iteration, which returns the outputs (1, 10) before its update.

    With `as_published` the update is the article's.  It adds alpha times the descent direction to the
    weights.  From the biases it subtracts the same product times alpha: they climb, at the rate alpha**2.
    """
    optimizer = optim.SGD(model.parameters(), lr=ALPHA)
    biases = [parameter for name, parameter in model.named_parameters() if name.endswith("bias")]
    loss = nn.QuadraticLoss()

    def step(image: Any, label: Any) -> Tensor:
        optimizer.zero_grad()
        output: Tensor = model(image)
        loss(output, label).backward()
        if as_published:
            for bias in biases:
                bias.grad = -ALPHA * bias.grad
        optimizer.step()
        return output

    return step


def learn(seed: int, image: Array, *, as_published: bool) -> tuple[Array, int]:
    """Train on an image (1, 784); return all outputs (250, 10) and the count of first-layer weights moved."""
    model = network(seed)
    before = model.state_dict()["0.weight"]
    step, label = compile(step_of(model, as_published=as_published)), np.array([TRUTH])
    outputs = np.concatenate([step(image, label).data for _ in range(ITERATIONS)])
    return outputs, int((model.state_dict()["0.weight"] != before).sum())


def ending_at_truth(seeds: range, image: Array, as_published: bool) -> int:
    """Count the seeds that end with the right guess."""
    return sum(int(learn(s, image, as_published=as_published)[0][-1].argmax()) == TRUTH for s in seeds)


def check(seed: int, image: Array) -> GradReport:
    """Check the gradient against the article's step, whose changes are divided by minus alpha."""
    model, label = network(seed), np.array([TRUTH])
    before = model.state_dict()
    step_of(model, as_published=True)(image, label)
    moved = {name: (before[name] - after) / ALPHA for name, after in model.state_dict().items()}
    model.load_state_dict(before)
    return check_gradients(model, nn.QuadraticLoss(), (image, label), sample=40, by_hand=moved)


def blamed(report: GradReport) -> str:
    """Name the parameters whose step is not along the gradient."""
    notes = [note for note in report.notes if "derived by hand differs" in note]
    return ", ".join(note.removeprefix("the gradient of ").split()[0] for note in notes) or "none"


def run(options: ExperimentOptions) -> ExperimentResult:
    """Repeat the article's run digit by digit, and compare its step with the gradient."""
    seed, train = options.seed(SEED), mnist(options.data).train
    image = raw(pixels(train.raw_images[:1]))
    outputs, moved = learn(seed, image, as_published=True)
    start = time.process_time()
    learn(seed, image, as_published=True)  # again: the first run includes loading
    seconds = time.process_time() - start
    corrected, _ = learn(seed, image, as_published=False)
    reports = check(seed, image), check(seed, image / 255)
    figures = [
        *_printed(options, outputs),
        options.same("the guess becomes 5 at iteration", "51 to 60", "56", str(_settled(outputs))),
        options.same("weights of the first layer that moved", NOTHING, "0", str(moved)),
        speed("a run, drawing its weights included", NOTHING, SECONDS_IN_R, seconds),
        options.same("guess at the end, bias sign put right", NOTHING, "5", str(corrected[-1].argmax())),
        _blame(options, "gradient check of the step", "2.bias", blamed(reports[0])),
        _blame(options, "the same, pixels 0 to 1", "0.bias, 2.bias", blamed(reports[1])),
    ]
    if not options.quick and options.r_seed is None:
        figures += _many_seeds(options, image)
    sections = [_digits(options, train.raw_images[:9], train.labels[:9]), _paths(options, outputs, corrected)]
    sections += [_checked(*pair) for pair in zip(("pixels 0 to 255", "pixels 0 to 1"), reports)]
    return ExperimentResult(figures, sections, _listing(outputs))


def _settled(outputs: Array) -> int:
    """First iteration, counted from 1, after which the guess stays right; 0 if there is none."""
    wrong = np.flatnonzero(outputs.argmax(axis=1) != TRUTH)
    return 0 if len(wrong) and wrong[-1] == len(outputs) - 1 else int(wrong[-1]) + 2 if len(wrong) else 1


def _errors(outputs: Array, iteration: int) -> list[str]:
    return [significant(error) for error in outputs[iteration - 1] - np.eye(DIGITS)[TRUTH]]


def _printed(options: ExperimentOptions, outputs: Array) -> list[Comparison]:
    figures = []
    for iteration in GUESSES:
        row = outputs[iteration - 1]
        guess = str(row.argmax())
        figures += [
            options.exact(f"iteration {iteration}: guess", GUESSES[iteration], guess),
            options.exact(f"iteration {iteration}: outputs", OUTPUTS[iteration].split(), column(row)),
            options.exact(
                f"iteration {iteration}: errors", ERRORS[iteration].split(), _errors(outputs, iteration)
            ),
        ]
    return figures


def _blame(options: ExperimentOptions, name: str, expected: str, found: str) -> Comparison:
    judged = (f"blames {expected}", found == expected) if options.r_seed is None else ()
    return Comparison(name, "none made", NOTHING, f"blames {found}", *judged)


def _many_seeds(options: ExperimentOptions, image: Array) -> list[Comparison]:
    """Compare counts with those of R: the digit at which a seed ends depends on every rule."""
    halves = (MANY_SEEDS[:100], MANY_SEEDS[100:])
    tasks = [(half, image, published) for published in (True, False) for half in halves]
    tasks += [(FEW_SEEDS, raw_or_scaled, False) for raw_or_scaled in (image, image / 255)]
    counts = in_parallel(ending_at_truth, tasks)
    rows = [
        ("200 seeds ending at 5, as published", ENDING_AT_5["as published"], sum(counts[:2])),
        ("200 seeds ending at 5, bias sign put right", ENDING_AT_5["gradient"], sum(counts[2:4])),
        ("20 seeds ending at 5, bias sign put right", ENDING_AT_5_SCALED[0], counts[4]),
        ("20 seeds ending at 5, pixels 0 to 1", ENDING_AT_5_SCALED[1], counts[5]),
    ]
    return [options.same(name, NOTHING, measured, str(ours)) for name, measured, ours in rows]


def _digits(options: ExperimentOptions, images: Array, labels: Array) -> Section:
    drawing = drawings.digits(images, labels)
    drawing.save(options.folder / "digits.svg")
    return Section(
        "Nine digits", "The first nine training images.  Only the first one is used for training.", drawing
    )


def _paths(options: ExperimentOptions, outputs: Array, corrected: Array) -> Section:
    drawing = drawings.output_paths([("as published", outputs), ("bias sign put right", corrected)])
    drawing.save(options.folder / "outputs.svg")
    text = (
        "The ten outputs, iteration by iteration.  With the article's bias sign and with the right one they "
        "are nearly the same: the result does not show the error."
    )
    return Section("Outputs", text, drawing)


def _checked(pixels_are: str, report: GradReport) -> Section:
    text = (
        "The changes of the article's step, divided by minus alpha, are shown as the gradient derived by "
        "hand.  For the weights it is the gradient.  For the biases it is minus alpha times the gradient, "
        "which shows wherever that is not zero: with pixels 0 to 255 every hidden unit is saturated, and "
        "only the output layer has gradients to speak of."
    )
    return Section(f"The step compared with the gradient, {pixels_are}", text, preformatted=str(report))


def _listing(outputs: Array) -> str:
    lines = []
    for iteration in GUESSES:
        row = outputs[iteration - 1]
        lines += [f"Iteration {iteration} Guess: {row.argmax()}", *column(row)]
    for iteration in GUESSES:
        lines += [f"Errors -- Iteration {iteration}", *_errors(outputs, iteration)]
    return "\n".join(lines)


EXPERIMENT = Experiment(
    "chapter-6",
    '"Chapter 6 NN: MNIST"',
    "784-28-10 sigmoid network, quadratic cost, rate 0.25, one image, 250 iterations",
    run,
)
