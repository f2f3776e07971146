"""A refusal is one short line, however long the value that it refuses."""

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn, ops, optim, primitive
from tinygrad_mnist.checking import check_gradients, diagnose
from tinygrad_mnist.errors import TinygradMnistError
from tinygrad_mnist.training import evaluate, fit, predict

TEXT, ARRAY = "a" * 500, np.ones((40, 40))
BATCHES = [(np.ones((1, 2), np.float32), np.ones((1, 2), np.float32))]


def tensor():
    return Tensor([1.0, 2.0], requires_grad=True)


def sgd(**options):
    return optim.SGD([tensor()], **{"lr": 0.1, **options})


def listed(value):
    return [[-1.0] * 40] * 40 if value is ARRAY else value


def layer():
    return nn.Linear(2, 2)


def fitted(model=None, loss=None, optimizer=None, batches=BATCHES, **options):
    model = layer() if model is None else model
    if optimizer is None:
        optimizer = optim.SGD(layer().parameters() if isinstance(model, str) else model.parameters(), 0.1)
    fit(model, nn.MSELoss() if loss is None else loss, optimizer, batches, **{"epochs": 1, **options})


OF_ANY_VALUE = {
    "requires_grad": lambda v: Tensor([1.0], requires_grad=v),
    "x.requires_grad": lambda v: setattr(tensor(), "requires_grad", v),
    "in_features": lambda v: nn.Linear(v, 2),
    "out_features": lambda v: nn.Linear(2, v),
    "bias": lambda v: nn.Linear(2, 2, v),
    "weight_init": lambda v: nn.Linear(2, 2, weight_init=v),
    "rng": lambda v: nn.Linear(2, 2, rng=v),
    "p": nn.Dropout,
    "rng of a dropout": lambda v: nn.Dropout(0.5, rng=v),
    "dim": nn.Softmax,
    "a module": nn.Sequential,
    "an activation's argument": nn.ReLU,
    "a state": lambda v: layer().load_state_dict(v),
    "gain": nn.init.xavier_uniform,
    "a parameter": lambda v: optim.SGD([tensor(), v], 0.1),
    "lr": lambda v: sgd(lr=v),
    "momentum": lambda v: sgd(momentum=v),
    "dampening": lambda v: sgd(dampening=v),
    "weight_decay": lambda v: sgd(weight_decay=v),
    "nesterov": lambda v: sgd(nesterov=v),
    "a saved setting": lambda v: sgd().load_state_dict({**sgd().state_dict(), "lr": v}),
    "optimizer": lambda v: optim.StepLR(v, 1),
    "step_size": lambda v: optim.StepLR(sgd(), v),
    "gamma of a StepLR": lambda v: optim.StepLR(sgd(), 1, v),
    "gamma": lambda v: optim.ExponentialLR(sgd(), v),
    "T_max": lambda v: optim.CosineAnnealingLR(sgd(), v),
    "eta_min": lambda v: optim.CosineAnnealingLR(sgd(), 1, v),
    "a saved epoch": lambda v: optim.StepLR(sgd(), 1).load_state_dict({"epoch": v, "initial": 1.0}),
    "function of grad": tm.grad,
    "function of value_and_grad": tm.value_and_grad,
    "function of vjp": tm.vjp,
    "function of jacobian": tm.jacobian,
    "function of hessian": tm.hessian,
    "function of jvp": lambda v: tm.jvp(v, (1.0,), (1.0,)),
    "primals": lambda v: tm.jvp(np.exp, v, (1.0,)),
    "tangents": lambda v: tm.hvp(np.sum, (np.ones(2),), v),
    "argnums": lambda v: tm.grad(np.sum, v)(np.ones(2)),
    "output": lambda v: tm.autograd.grad(v, tensor()),
    "inputs": lambda v: tm.autograd.grad(tensor().sum(), v),
    "axis": lambda v: ops.sum(tensor(), v),
    "keepdims": lambda v: ops.sum(tensor(), 0, v),
    "keepdims of a method": lambda v: tensor().max(0, v),
    "forward": primitive,
    "function to check": lambda v: check_gradients(v, np.ones(2)),
    "loss to check": lambda v: check_gradients(layer(), v, BATCHES[0]),
    "batch to check": lambda v: check_gradients(layer(), nn.MSELoss(), v),
    "result to check": lambda v: check_gradients(lambda x: v, np.ones(2)),
    "tensor to diagnose": diagnose,
    "loss to fit": lambda v: fitted(loss=v),
    "optimizer to fit": lambda v: fitted(optimizer=v),
    "batches to fit": lambda v: fitted(batches=v),
    "epochs": lambda v: fitted(epochs=v),
    "schedule": lambda v: fitted(schedule=v),
    "model to evaluate": lambda v: evaluate(v, nn.MSELoss(), BATCHES),
    "loss to evaluate": lambda v: evaluate(layer(), v, BATCHES),
    "a batch": lambda v: evaluate(layer(), nn.MSELoss(), [v]),
    "model to predict with": lambda v: predict(v, np.ones((1, 2))),
}
OF_LAYERS = {
    "num_embeddings": lambda v: nn.Embedding(v, 2),
    "embedding_dim": lambda v: nn.Embedding(2, v),
    "padding_idx": lambda v: nn.Embedding(2, 2, padding_idx=v),
    "negative_slope": nn.LeakyReLU,
    "alpha": nn.ELU,
    "approximate": lambda v: nn.GELU(approximate=v),
    "in_channels": lambda v: nn.Conv2d(v, 1, 1),
    "out_channels": lambda v: nn.Conv2d(1, v, 1),
    "kernel_size": lambda v: nn.Conv2d(1, 1, v),
    "stride": lambda v: nn.Conv2d(1, 1, 1, v),
    "padding": lambda v: nn.Conv2d(1, 1, 1, padding=v),
    "dilation": lambda v: nn.Conv2d(1, 1, 1, dilation=v),
    "groups": lambda v: nn.Conv2d(1, 1, 1, groups=v),
    "kernel_size of a pooling": nn.MaxPool2d,
    "stride of a pooling": lambda v: nn.AvgPool2d(1, v),
    "normalized_shape": nn.LayerNorm,
    "eps": lambda v: nn.LayerNorm(2, eps=v),
    "elementwise_affine": lambda v: nn.LayerNorm(2, elementwise_affine=v),
    "num_features": nn.BatchNorm1d,
    "momentum of a batch": lambda v: nn.BatchNorm1d(2, momentum=v),
    "affine": lambda v: nn.BatchNorm2d(2, affine=v),
    "track_running_stats": lambda v: nn.BatchNorm2d(2, track_running_stats=v),
    "input_size": lambda v: nn.RNN(v, 2),
    "hidden_size": lambda v: nn.LSTM(2, v),
    "num_layers": lambda v: nn.LSTM(2, 2, v),
    "nonlinearity": lambda v: nn.RNN(2, 2, nonlinearity=v),
    "batch_first": lambda v: nn.RNN(2, 2, batch_first=v),
    "delta": lambda v: nn.HuberLoss(delta=v),
    "reduction": lambda v: nn.MSELoss(reduction=v),
    "label_smoothing": lambda v: nn.CrossEntropyLoss(label_smoothing=v),
    "ignore_index": lambda v: nn.CrossEntropyLoss(ignore_index=v),
    "weight": lambda v: nn.CrossEntropyLoss(weight=listed(v)),
    "pos_weight": lambda v: nn.BCEWithLogitsLoss(pos_weight=listed(v)),
    "a hook": lambda v: layer().register_forward_hook(v),
    "key": lambda v: nn.ModuleDict({"." + str(v): layer()}),
    "modules": lambda v: nn.ModuleList(v),
    "modules of a dict": lambda v: nn.ModuleDict(v),
    "max_norm": lambda v: nn.utils.clip_grad_norm_([tensor()], v),
    "norm_type": lambda v: nn.utils.clip_grad_norm_([tensor()], 1, v),
    "clip_value": lambda v: nn.utils.clip_grad_value_([tensor()], v),
    "parameters to clip": lambda v: nn.utils.clip_grad_value_([v], 1),
    "std": nn.init.normal,
    "bound": nn.init.uniform,
    "value of constant": nn.init.constant,
    "sizes": nn.perceptron,
    "input of RNN": lambda v: nn.RNN(2, 2)(listed(v)),
    "input of a convolution": lambda v: nn.Conv2d(1, 2, 3)(listed(v)),
    "input of a norm": lambda v: nn.LayerNorm(2)(listed(v)),
    "input of a linear": lambda v: nn.Linear(2, 2)(listed(v)),
    "an initial state": lambda v: nn.LSTM(2, 2)(np.ones((1, 1, 2), np.float32), v),
}
OF_TEXT = {
    "data": Tensor,
    "from_logits of a loss": lambda v: nn.CrossEntropyLoss(from_logits=v),
    "an operand": lambda v: tensor() + v,
    "an output": lambda v: nn.MSELoss()(v, np.ones(2)),
    "parameters": lambda v: optim.SGD(v, 0.1),
    "model to fit": lambda v: fitted(model=v),
    "a result": lambda v: tm.grad(lambda x: v)(1.0),
    "an argument": lambda v: tm.grad(np.sum)(v),
    "batches": lambda v: evaluate(layer(), nn.MSELoss(), v),
}
CASES = [
    *((name, value) for name in OF_ANY_VALUE | OF_LAYERS for value in (TEXT, ARRAY)),
    *((name, TEXT) for name in OF_TEXT),
]


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}, {type(v).__name__}" for name, v in CASES])
def test_long_value_is_refused_in_one_short_line(name, value):
    with pytest.raises((TypeError, ValueError, TinygradMnistError)) as caught:
        (OF_ANY_VALUE | OF_LAYERS | OF_TEXT)[name](value)
    said = str(caught.value)
    assert len(said) < 300
    assert "\n" not in said
