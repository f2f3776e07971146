"""The command `learn`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tinygrad_mnist.cli.command import Command, Group, Whole

if TYPE_CHECKING:
    from tinygrad_mnist.learn.exercise import Exercise
    from tinygrad_mnist.learn.outcome import Outcome
    from tinygrad_mnist.learn.work_folder import WorkFolder

_number = click.argument("number", metavar="[N]", type=Whole(0, 10_000), required=False)


class _Place(NamedTuple):
    """A learner's folder, and the folder of another set."""

    folder: Path
    exercises: Path | None


def _say(text: str) -> None:
    """Print sentences, wrapped at words in a terminal and whole in a file."""
    from tinygrad_mnist.cli.console import console_of

    console = console_of()
    console.print(text, markup=False, soft_wrap=not console.is_terminal)


@click.group(
    cls=Group,
    invoke_without_command=True,
    short_help="Write backpropagation yourself.",
    examples=("check", "anna --junit anna.xml"),
)
@click.argument("folder", default="")
@click.option(
    "--set",
    "exercises",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Exercises of DIR, in place of those of FOLDER or the package.",
)
@click.option("--watch", is_flag=True, help="Check each file when it is saved, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Check all files, and print the results as JSON.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="The same as JUnit XML.")
@click.pass_context
def learn(context: click.Context, /, folder: str, exercises: Path | None, watch: bool, as_json: bool,
          junit: Path | None) -> None:  # fmt: skip
    """Copy the exercises into FOLDER, and show the progress and the next one.

    Each exercise is a file with a hole. FOLDER is `learn` if it is left out; a folder with exercises of its
    own, from `learn new`, runs these.
    """
    context.obj = _Place(_folder(folder), exercises)
    if context.invoked_subcommand is not None:
        return
    if as_json or junit is not None:
        _report(context, _open(context), as_json, junit)
        return
    _refuse_misspelt(context, context.obj.folder)
    work = _begin(context)
    if watch:
        _watch(work)
    else:
        _show(work)


def _folder(given: str) -> Path:
    """Return the learner's folder: this one if it is one and none is given."""
    from tinygrad_mnist.learn.work_folder import STATE

    return Path(given or ("." if Path(STATE).exists() else "learn"))


def _refuse_misspelt(context: click.Context, folder: Path) -> None:
    """Refuse `learn chek`, which would make a folder of that name."""
    from tinygrad_mnist.similar import similar

    near = similar(str(folder), learn.commands)
    if near and not folder.exists():
        raise click.UsageError(f"there is no folder {folder}: did you mean  {context.command_path} {near[0]}")


def _begin(context: click.Context) -> WorkFolder:
    """Open the learner's folder; copy the exercises that it lacks into it."""
    from tinygrad_mnist.learn.work_folder import WorkFolder

    return WorkFolder(*context.obj)


def _open(context: click.Context) -> WorkFolder:
    """Open a folder with exercises; a misspelt name makes no folder."""
    _require_exercises(context)
    return _begin(context)


def _require_exercises(context: click.Context) -> None:
    from tinygrad_mnist.learn.work_folder import has_exercises

    folder = context.obj.folder
    if not has_exercises(*context.obj):
        raise click.UsageError(f"there are no exercises in {folder}: copy them first,  {_command(folder)}")


def _show(work: WorkFolder) -> None:
    solved = sum(work.progress(exercise).solved for exercise in work.exercises)
    _say(f"{work.path}: {solved} of {len(work.exercises)} exercises solved\n")
    following = work.next()
    for exercise in work.exercises:
        mark = "x" if work.progress(exercise).solved else ">" if exercise is following else " "
        _say(f" {mark} {exercise.number:2}  {exercise.title}")
    _say("")
    _say_next(work)


def _say_next(work: WorkFolder) -> None:
    following = work.next()
    if following is None:
        _say("All are solved.")
        return
    _say(
        f"Next: {following.number}  {following.title}\n"
        f"Open {work.file(following)}, fill the hole, then:  {_command(work.path, 'check')}"
    )


def _command(path: Path, *words: object) -> str:
    """Return a command line for this folder."""
    folder = [] if path == _folder("") else [path]
    place = click.get_current_context().find_object(_Place)
    option = ["--set", place.exercises] if place and place.exercises else []
    return " ".join(map(str, ["tinygrad-mnist learn", *folder, *option, *words]))


def _say_outcome(work: WorkFolder, exercise: Exercise, outcome: Outcome) -> None:
    """Print a result: its sentence begins with file and line, as editors follow them."""
    head = f"{exercise.number}  {exercise.title}"
    if outcome.printed:
        _say("\n".join(f"  | {line}" for line in outcome.printed.rstrip("\n").splitlines()))
    if outcome.passed:
        _say(f"{head}: solved\n\n{exercise.note}\n")
        _say_next(work)
        return
    place = f"{work.file(exercise)}:{outcome.line}" if outcome.line else work.file(exercise)
    _say(f"{head}: {outcome.status}\n{place}: {outcome.sentence}")
    shown = work.progress(exercise).hints
    if shown < len(exercise.hints):
        which = "a" if shown == 0 else "the next"
        _say(f"For {which} hint:  {_command(work.path, 'hint', exercise.number)}")
    else:
        _say(f"For a solution:  {_command(work.path, 'solution', exercise.number)}")


def _report(context: click.Context, work: WorkFolder, as_json: bool, junit: Path | None) -> None:
    from tinygrad_mnist.files import write_atomically
    from tinygrad_mnist.learn.reports import as_junit, as_record

    results = work.check_all()
    if junit is not None:
        write_atomically(junit, as_junit(work, results))
    if as_json:
        click.echo(json.dumps(as_record(work, results), indent=1))
    else:
        _say(f"{sum(outcome.passed for _, outcome in results)} of {len(results)} solved; wrote {junit}")
    context.exit(0 if all(outcome.passed for _, outcome in results) else 1)


def _watch(work: WorkFolder) -> None:
    from tinygrad_mnist.learn.watch import saved

    _show(work)
    _say("\nEach file is checked when it is saved; Ctrl-C ends this.")
    try:
        for exercise in saved(work):
            _say("")
            _say_outcome(work, exercise, work.check(exercise))
    except KeyboardInterrupt:
        _say("")


@learn.command(cls=Command, short_help="Check a file, and say what is wrong.", examples=("", "3"))
@_number
@click.pass_context
def check(context: click.Context, number: int | None) -> None:
    """Check the file of exercise N; the next one if N is left out."""
    work = _open(context)
    exercise = work.find(number)
    outcome = work.check(exercise)
    _say_outcome(work, exercise, outcome)
    context.exit(0 if outcome.passed else 1)


@learn.command(cls=Command, short_help="Show the next of three hints.", examples=("", "3"))
@_number
@click.pass_context
def hint(context: click.Context, number: int | None) -> None:
    """Show the next hint on exercise N; on the next exercise if N is left out."""
    work = _open(context)
    exercise = work.find(number)
    shown = work.hint(exercise)
    if shown is None:
        _say(f"Exercise {exercise.number} has no hints.")
    else:
        _say(f"Hint {shown[0]} of {len(exercise.hints)} on exercise {exercise.number}: {shown[1]}")


@learn.command(cls=Command, short_help="Show a solution, once it cannot spoil.", examples=("3",))
@click.argument("number", metavar="N", type=Whole(0, 10_000))
@click.pass_context
def solution(context: click.Context, number: int) -> None:
    """Show a solution of exercise N after it is solved, or after its hints."""
    work = _open(context)
    exercise = work.find(number)
    _say(f"{work.solution(exercise)}\n{exercise.note}")


@learn.command(cls=Command, short_help="Put a task back as it was.", examples=("3",))
@click.argument("number", metavar="N", type=Whole(0, 10_000))
@click.pass_context
def reset(context: click.Context, number: int) -> None:
    """Write the task of exercise N again; your version is kept beside it."""
    work = _open(context)
    exercise = work.find(number)
    kept = work.reset(exercise)
    _say(f"wrote {work.file(exercise)}" + (f"; your version is {kept}" if kept else ""))


@learn.command(cls=Command, short_help="Begin a class's own set.", examples=("class",))
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.pass_context
def new(context: click.Context, target: Path) -> None:
    """Write a set of one exercise into DIR, to be changed into your own.

    `learn DIR` then runs it, and `learn DIR prove` shows that its checks accept and refuse what they should.
    """
    from tinygrad_mnist.learn.template import write_template

    written = write_template(target)
    _say("\n".join([f"wrote {path}" for path in written]))
    _say(f"Change it, copy it for the second exercise, then:  tinygrad-mnist learn {target} prove")


@learn.command(cls=Command, short_help="Prove that the checks of a set work.", examples=("",))
@click.pass_context
def prove(context: click.Context) -> None:
    """Run each check on its task, its solution and its wrong answers.

    The task must be unfinished, the solution right, and each wrong_*.py refused with the words in its first
    line.
    """
    from tinygrad_mnist.learn.proof import proofs
    from tinygrad_mnist.learn.work_folder import set_of

    if context.obj.folder != _folder(""):
        _require_exercises(context)
    failed = []
    for proof in proofs(set_of(context.obj.exercises or context.obj.folder)):
        failed += [] if proof.holds else [proof]
        _say(str(proof))
    said = f"Not judged as they should be: {len(failed)}." if failed else "All are judged as they should be."
    _say(said)
    context.exit(1 if failed else 0)
