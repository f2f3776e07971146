"""Settings of every optimizer, each alone and together."""

from tinygrad_mnist import optim

_ADAM = [
    {},
    {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
    {"betas": (0.0, 0.5)},
    {"weight_decay": 0.1},
    {"weight_decay": 0.0},
    {"amsgrad": True, "betas": (0.9, 0.6)},
    {"maximize": True},
    {"lr": 0.1, "betas": (0.8, 0.7), "eps": 1e-4, "weight_decay": 0.2, "amsgrad": True, "maximize": True},
]
OPTIONS = {
    optim.Adam: _ADAM,
    optim.AdamW: _ADAM,
    optim.RMSprop: [
        {},
        {"lr": 0.1, "alpha": 0.5, "eps": 1e-3},
        {"alpha": 0.0},
        {"weight_decay": 0.1},
        {"momentum": 0.9},
        {"centered": True},
        {"maximize": True},
        {"alpha": 0.6, "weight_decay": 0.1, "momentum": 0.5, "centered": True, "maximize": True},
    ],
    optim.Adagrad: [
        {},
        {"lr": 0.5, "eps": 1e-3},
        {"lr_decay": 0.1},
        {"weight_decay": 0.1},
        {"initial_accumulator_value": 0.5},
        {"maximize": True},
        {"lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.1, "maximize": True},
    ],
}
CASES = [(kind, options) for kind, listed in OPTIONS.items() for options in listed]
IDS = [f"{kind.__name__} {options}" for kind, options in CASES]
