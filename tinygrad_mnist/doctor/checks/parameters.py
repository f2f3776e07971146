"""Checks for parameters that are not trained: without gradient, frozen, or not in the optimizer."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.evidence import Evidence


def without_gradient(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find parameters that the loss does not depend on."""
    missing = [name for name, g in evidence.recorded.gradients.items() if g is None]
    if missing:
        everything = len(missing) == len(evidence.recorded.gradients)
        yield TrainingFinding(
            "no-gradient",
            "No parameter gets a gradient." if everything else f"{_listed(missing)} without gradient.",
            f"no path leads from the loss to {len(missing)} of {len(evidence.parameters)} parameters "
            f"({_numbers(evidence, missing):,} numbers)",
            "forward() does not use it, or its result was taken out of the graph on the way: by detach(), "
            ".data, NumPy on plain arrays, or under no_grad()",
            "use the layer in forward(), or take it out of the module; keep Tensors as Tensors",
            ", ".join(missing),
            numbers={"parameters": len(missing), "entries": _numbers(evidence, missing)},
        )


def frozen(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find parameters with ``requires_grad`` off."""
    names = [name for name, p in evidence.parameters.items() if not p.requires_grad]
    if names:
        yield TrainingFinding(
            "frozen-parameter",
            f"{_listed(names)} frozen: requires_grad is False.",
            f"{_numbers(evidence, names):,} of {_numbers(evidence, list(evidence.parameters)):,} numbers "
            "stay "
            "as they are",
            "no gradient is computed for it, so no step changes it; this may be intended",
            "call requires_grad_() on it if it should learn",
            ", ".join(names),
            "error" if len(names) == len(evidence.parameters) else "warning",
            {"parameters": len(names), "entries": _numbers(evidence, names)},
        )


def not_in_optimizer(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find parameters with a gradient that the optimizer does not update."""
    if evidence.optimizer is None:
        return
    known = {id(p) for p in evidence.optimizer.params}
    names = [
        name
        for name, p in evidence.parameters.items()
        if id(p) not in known and evidence.recorded.gradients.get(name) is not None
    ]
    if names:
        others = len(known - {id(p) for p in evidence.parameters.values()})
        yield TrainingFinding(
            "not-in-optimizer",
            f"{_listed(names)} not in the optimizer.",
            f"the model has {len(evidence.parameters)} parameters and the optimizer {len(known)}, "
            f"{others} of which the model does not have",
            "the optimizer was made from other parameters: before a layer was added, or of another model",
            "make it from all of them: SGD(model.parameters(), ...), after the model is complete",
            ", ".join(names),
            numbers={"missing": len(names), "foreign": others},
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{shown} is" if len(names) == 1 else f"{shown} are"


def _numbers(evidence: Evidence, names: list[str]) -> int:
    return sum(evidence.parameters[name].size for name in names)
