"""The base of all optimizers: parameters in groups, their settings, and what is kept between updates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.tensor import Tensor, next_serial
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted, missing
from tinygrad_mnist.hints.networks import OPTIMIZER, NotInOptimizer
from tinygrad_mnist.optim.groups import FLAGS, ParameterGroup, ParameterState, leaves_once, require_setting


class Optimizer(Observed, NotInOptimizer):
    """Updates parameters by their gradients; a subclass declares what it keeps and says the formulas.

    Parameters
    ----------
    params
        The leaf tensors to update, such as ``model.parameters()``; one that is listed twice is updated once.
        Or groups with settings of their own: ``[{"params": [weight], "lr": 0.01}, {"params": [bias]}]``.
    **settings
        Each becomes an attribute of the groups; the optimizer's attribute of that name reads the one that all
        groups share, and sets it for all.

    Attributes
    ----------
    STATES : dict
        The arrays that are kept for a parameter, by name, and the letter of each in printed code: with
        ``{"velocity": "v"}`` it is called v_W1 there.
    COUNTED : bool
        True if the formulas need the number of a parameter's updates so far, ``state.steps``.
    param_groups : tuple of ParameterGroup
        The parameters with their settings: ``optimizer.param_groups[0]["lr"]``.

    Examples
    --------
    >>> class SignDescent(Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, lr=lr)
    ...     def update(self, p, g, state, s):
    ...         np.subtract(p, np.multiply(np.sign(g), s.lr, state.scratch), p)
    >>> weight = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SignDescent([weight], lr=0.5)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.data
    array([ 0.5, -1.5])
    """

    STATES: ClassVar[dict[str, str]] = {}
    COUNTED: ClassVar[bool] = False

    param_groups: tuple[ParameterGroup, ...]
    lr: float

    def __init__(self, params: Iterable[Any], **settings: Any) -> None:
        self.OPEN = tuple(settings)
        self._settings = settings
        self.param_groups = ()
        groups = self._grouped(params)
        self._require(settings)
        for group in groups:
            self.add_param_group(group)

    # Parameters and their settings

    @property
    def params(self) -> tuple[Tensor, ...]:
        """The parameters of all groups."""
        return tuple(parameter for group in self.param_groups for parameter in group.params)

    def _grouped(self, params: Any) -> list[Any]:
        kind = type(self).__name__
        write = f"write {kind}(model.parameters(), lr=0.1)"
        if hasattr(params, "parameters") or not isinstance(params, Iterable):
            raise TypeError(f"params is {shown(params)}: expected the model's parameters; {write}")
        listed = [params] if isinstance(params, Tensor) else list(params)
        if not listed:
            raise ValueError(f"{kind} was given no parameters: pass model.parameters()")
        has_groups = all(isinstance(each, dict) and "params" in each for each in listed)
        return listed if has_groups else [{"params": listed}]

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Update more parameters, with the optimizer's settings where the group has none of its own.

        Parameters
        ----------
        group
            The parameters as "params", and settings by name.
        """
        given = group["params"]
        params = leaves_once([given] if isinstance(given, Tensor) else list(given))
        held = {id(parameter) for parameter in self.params}
        for parameter in params:
            if id(parameter) in held:
                name = parameter._label()
                raise ValueError(
                    f"params has {name} in two groups: expected it in one; leave it out of the other"
                )
        own = {name: value for name, value in group.items() if name != "params"}
        unknown = [name for name in own if name not in self.OPEN]
        if unknown:
            expected = f"expected some of {', '.join(self.OPEN)}; leave it out"
            raise ValueError(f"a group has the setting {shown(unknown[0])}: {expected}")
        settings = {**self._settings, **own}
        self._require(settings)
        self.param_groups += (ParameterGroup(params, settings, self.STATES),)

    def _require(self, settings: Mapping[str, Any]) -> None:
        """Refuse settings that are not of their kind, or that do not go together."""
        for name, value in settings.items():
            require_setting(name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in object.__getattribute__(self, "OPEN"):
            raise missing(type(self).__name__, name, OPTIMIZER, lambda: dir(self))
        values = [getattr(group, name) for group in self.param_groups]
        if any(value != values[0] for value in values):
            found = ", ".join(map(str, values))
            raise AttributeError(
                f"{name} is {found} in the groups: expected one for all; write "
                f"optimizer.param_groups[0].{name}"
            )
        return values[0]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.OPEN:
            for group in self.param_groups:
                setattr(group, name, value)
        else:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.OPEN})

    # Updates

    @hinted
    def zero_grad(self) -> None:
        """Forget all gradients."""
        capture = CAPTURE.get()
        for group in self.param_groups:
            for parameter in group.params:
                if capture:
                    capture.set_gradient(parameter, None)
                else:
                    parameter._grad = None

    @hinted
    def step(self) -> None:
        """Update every parameter that has a gradient, in place; the gradients stay as they are."""
        capture = CAPTURE.get()
        if capture:
            capture.update(self)
            return
        update, is_counted = self.update, self.COUNTED
        for group in self.param_groups:
            for parameter, state in zip(group.params, group.states):
                gradient = parameter._grad
                if gradient is not None:
                    if state.scratch is None:  # only now: a program has memory of its own
                        state.scratch = np.empty_like(parameter._data)
                    update(parameter._data, gradient, state, group)
                    if is_counted:
                        object.__setattr__(state, "steps", state.steps + 1)  # it changes no program
                    parameter.serial = next_serial()

    def update(self, p: Any, g: Any, state: Any, s: Any) -> None:
        """The formulas on the arrays of one parameter, which `p` is changed by in place.

        The same code runs at each eager step and is recorded as part of a program, where arrays and settings
        are stand-ins: it may ask if a setting is 0 or False, and not look at other values.

        Parameters
        ----------
        p, g
            The parameter and its gradient; the gradient is left alone.
        state : ParameterState
            What is kept: `STATES`, `steps` and `scratch`.
        s : ParameterGroup
            The settings.
        """
        raise TypeError(
            f"{type(self).__name__} does not define update(self, p, g, state, s): add it to the class"
        )

    # What is saved

    def state_dict(self) -> dict[str, Any]:
        """Return the settings of the groups and copies of what is kept, laid out as PyTorch does it.

        "state" has the arrays and, where they are counted, the steps of each parameter that has some, by its
        position; "param_groups" the settings of each group and the positions of its parameters.
        """
        positions = iter(range(len(self.params)))
        states = [state for group in self.param_groups for state in group.states]
        return {
            "state": {i: _copied(state, self.COUNTED) for i, state in enumerate(states) if state.arrays()},
            "param_groups": [
                {**group.settings(), "params": [next(positions) for _ in group.params]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what a ``state_dict`` holds; nothing is changed unless all of it fits.

        Raises
        ------
        CheckpointError
            When a setting is missing or unknown, or an array does not fit its parameter.
        """
        if set(state) != {"state", "param_groups"}:
            raise CheckpointError(
                f"the state of an optimizer has state and param_groups, and this one {list(state)}"
            )
        groups, kept = state["param_groups"], state["state"]
        if len(groups) != len(self.param_groups):
            raise CheckpointError(
                f"the saved optimizer has {len(groups)} groups of parameters, and this one "
                f"{len(self.param_groups)}"
            )
        for group, saved in zip(self.param_groups, groups):
            self._require_settings(group, saved)
        for position, saved in kept.items():
            self._require_kept(position, saved)
        for group, saved in zip(self.param_groups, groups):
            for name in self.OPEN:
                setattr(group, name, saved[name])
        states = [each for group in self.param_groups for each in group.states]
        for position, (parameter, each) in enumerate(zip(self.params, states)):
            each.forget()
            for name, value in kept.get(position, {}).items():
                setattr(each, name, value.astype(parameter.dtype) if name in self.STATES else value)

    def _require_settings(self, group: ParameterGroup, saved: Mapping[str, Any]) -> None:
        """Refuse settings of another optimizer, or of other numbers of parameters."""
        kind = type(self).__name__
        if set(saved) != {*self.OPEN, "params"}:
            raise CheckpointError(
                f"the settings of {kind} are {', '.join(self.OPEN)}, and the saved ones {list(saved)}"
            )
        if len(saved["params"]) != len(group.params):
            raise CheckpointError(
                f"the saved optimizer has {len(saved['params'])} parameters, and this one {len(group.params)}"
            )
        for name in self.OPEN:
            numbers = saved[name] if isinstance(saved[name], tuple | list) else [saved[name]]
            kinds = (bool,) if name in FLAGS else (int, float)
            if not all(type(number) in kinds and math.isfinite(number) for number in numbers):
                raise CheckpointError(f"the saved {name} is {shown(saved[name])}")
        self._require({name: saved[name] for name in self.OPEN})

    def _require_kept(self, position: Any, saved: Mapping[str, Any]) -> None:
        """Refuse what is kept for no parameter, or for one of another shape."""
        if position not in range(len(self.params)):
            raise CheckpointError(
                f"the saved optimizer has a parameter {shown(position)}, and this one {len(self.params)}"
            )
        parameter = self.params[position]
        for name, value in saved.items():
            if name == "steps" and self.COUNTED:
                if type(value) is not int or value < 0:
                    raise CheckpointError(f"the saved steps are {shown(value)}")
            elif name not in self.STATES:
                raise CheckpointError(f"{type(self).__name__} keeps no {shown(name)}")
            elif value.shape != parameter.shape:
                raise CheckpointError(
                    f"the {name} has shape {value.shape} where it was saved, and its parameter "
                    f"{parameter._label()} {parameter.shape} here"
                )

    def __repr__(self) -> str:
        settings = []
        for name in self.OPEN:
            values = list(dict.fromkeys(getattr(group, name) for group in self.param_groups))
            settings.append(f"{name}={' or '.join(map(str, values))}")
        count = f" in {len(self.param_groups)} groups" if len(self.param_groups) > 1 else ""
        return f"{type(self).__name__}({len(self.params)} parameters{count}, {', '.join(settings)})"


def _copied(state: ParameterState, is_counted: bool) -> dict[str, Any]:
    arrays: dict[str, Any] = {name: array.copy() for name, array in state.arrays().items()}
    return {**({"steps": state.steps} if is_counted else {}), **arrays}


def kept(state: Any, name: str, p: Any) -> Any:
    """Return an array of a parameter's state; the first time it is made, of zeros."""
    if getattr(state, name) is None:
        setattr(state, name, np.zeros_like(p))
    return getattr(state, name)


def followed(p: Any, g: Any, s: Any, decoupled: bool = False) -> Any:
    """Return the gradient that an update follows: with maximize its negative, and weight_decay * p added.

    Parameters
    ----------
    decoupled
        Let the decay shrink the parameter itself, in place of entering the gradient.
    """
    if decoupled and s.weight_decay:
        p *= 1 - s.lr * s.weight_decay
    g = -g if s.maximize else g
    return g + s.weight_decay * p if s.weight_decay and not decoupled else g
