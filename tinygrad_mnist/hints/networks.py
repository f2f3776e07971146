"""Modules, optimizers and initial values of PyTorch and Keras, with what to write here."""

from __future__ import annotations

from tinygrad_mnist.hints import foreign_names

MODULE = {
    "add": "write `model.append(nn.ReLU())`",
    "compile": "write `tm.compile(function)` for a whole step",
    "count_parameters": "write `model.num_parameters()`",
    "cuda": "leave it out: arrays are in main memory",
    "evaluate": "write `training.evaluate(model, loss, batches)`",
    "fit": "write `training.fit(model, loss, optimizer, batches, epochs=1)`",
    "float": "build the layers with dtype: `nn.Linear(3, 4, dtype=np.float32)`",
    "layers": "write `list(model.modules())`",
    "load": "write `tm.load(model, path)`",
    "predict": "write `model(x)`, or `training.predict(model, batches)`",
    "save": "write `tm.save(model, path)`",
    "summary": "write `nn.summary(model)`",
    "to": "leave it out: arrays are in main memory; a dtype is given to the layers",
    "trainable_weights": "write `list(model.parameters())`",
    "weights": "write `list(model.parameters())`",
    "add_module": "set an attribute, or write `model.append(nn.ReLU())`",
    "double": "build the layers with dtype: `nn.Linear(3, 4, dtype=np.float64)`",
    "get_weights": "write `model.state_dict()`",
    "half": "build the layers with dtype: `nn.Linear(3, 4, dtype=np.float16)`",
    "load_weights": "write `tm.load(model, path)`",
    "pop": "write a slice: `model[:-1]`",
    "register_module": "set an attribute, or write `model.append(nn.ReLU())`",
    "from_pretrained": "load the file: `tm.load(model, path)`",
    "register_parameter": "set an attribute: `nn.Parameter(np.zeros(3))`",
    "save_weights": "write `tm.save(model, path)`",
    "set_weights": "write `model.load_state_dict(model.state_dict())`",
    "train_on_batch": "write `training.make_train_step(model, loss, optimizer)`",
    "cpu": "leave it out: arrays are in main memory",
    "share_memory": "leave it out: a model runs in one process",
    "bfloat16": "build the layers with dtype: `nn.Linear(3, 4, dtype=np.float16)`",
    "kernel": "write `model[0].weight`, of shape (outputs, inputs)",
    "units": "write `model[0].out_features`",
    "trainable": "write `model.requires_grad_(False)`",
    "freeze": "write `model.requires_grad_(False)`",
    "trainable_variables": "write `list(model.parameters())`",
    "variables": "write `list(model.parameters())`",
    "trainable_parameters": "write `list(model.parameters())`",
    "non_trainable_variables": "write `list(model.buffers())`",
    "count_params": "write `model.num_parameters()`",
    "input_shape": "the first layer has it: `model[0].in_features`",
    "output_shape": "the last layer has it: `model[0].out_features`",
    "get_layer": "write `model[0]`",
    "get_submodule": "write `dict(model.named_modules())['0']`",
    "get_parameter": "write `dict(model.named_parameters())['0.weight']`",
    "build": "leave it out: layers have their sizes",
    "call": "write `model(x)`; your own layer defines forward",
    "to_json": "a model is its code; its weights are `model.state_dict()`",
    "get_config": "a model is its code; its weights are `model.state_dict()`",
    "test_on_batch": "write `training.evaluate(model, loss, batches)`",
    "predict_on_batch": "write `model(x)`",
    "predict_proba": "write `ops.softmax(model(x))`",
    "score": "write `training.evaluate(model, loss, batches)`",
    "reset_states": "leave it out: a state is given to a layer and returned by it",
    "history": "training returns it: `training.fit(model, loss, optimizer, batches, epochs=1)`",
    "register_full_backward_hook": "write `x.retain_grad()`, which keeps the gradient in x.grad",
    "register_backward_hook": "write `x.retain_grad()`, which keeps the gradient in x.grad",
    "register_forward_pre_hook": "write `model.register_forward_hook(lambda module, inputs, output: None)`",
    "extend": "write `model.append(nn.ReLU())` for each",
    "insert": "write `nn.Sequential(nn.Flatten(), *model)`",
}


@foreign_names(MODULE, settings=["trainable"])
class NotInModule:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


UTILS = {
    "clip_grad_norm": "write `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`",
    "parameters_to_vector": "write `np.concatenate([p.data.ravel() for p in model.parameters()])`",
    "prune": "write `x * mask` in a Module's forward",
    "rnn": "pad the shorter sequences: `np.pad(labels, (0, 2))`",
    "spectral_norm": "write `x / np.linalg.norm(x.data, 2)` in a Module's forward",
    "weight_norm": "write `x / ops.norm(x, axis=1, keepdims=True)` in a Module's forward",
}
OPTIM = {
    "clip_grad_norm_": "write `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`",
    "Adamax": "write `optim.Adam(model.parameters(), lr=0.001)`",
    "LambdaLR": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "Momentum": "write `optim.SGD(model.parameters(), lr=0.1, momentum=0.9)`",
    "NAdam": "write `optim.Adam(model.parameters(), lr=0.001)`",
    "RAdam": "write `optim.Adam(model.parameters(), lr=0.001)`",
    "RMSProp": "write `optim.RMSprop(model.parameters(), lr=0.01)`",
    "lr_scheduler": "the schedules are here: `optim.StepLR(optimizer, step_size=5)`",
    "Adadelta": "write `optim.RMSprop(model.parameters(), lr=0.01)`",
    "Rprop": "write `optim.RMSprop(model.parameters(), lr=0.01)`",
    "SparseAdam": "write `optim.Adam(model.parameters(), lr=0.001)`",
    "Nadam": "write `optim.Adam(model.parameters(), lr=0.001)`",
    "Ftrl": "write `optim.Adagrad(model.parameters(), lr=0.01)`",
    "Lion": "write `optim.AdamW(model.parameters(), lr=0.001)`",
    "Adafactor": "write `optim.AdamW(model.parameters(), lr=0.001)`",
    "ASGD": "write `optim.SGD(model.parameters(), lr=0.1)` with `optim.EMA(model.parameters())`",
    "LBFGS": "write `optim.SGD(model.parameters(), lr=0.1, momentum=0.9)`: there is no line search",
    "MultiStepLR": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "ConstantLR": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "PolynomialLR": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "CyclicLR": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "MultiplicativeLR": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "CosineAnnealingWarmRestarts": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "ChainedScheduler": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "LearningRateSchedule": "write a subclass of `optim.LRScheduler` with its own rate(epoch)",
    "swa_utils": "write `optim.EMA(model.parameters(), decay=0.99)`",
    "AveragedModel": "write `optim.EMA(model.parameters(), decay=0.99)`",
    "ExponentialMovingAverage": "write `optim.EMA(model.parameters(), decay=0.99)`",
    "ExponentialDecay": "write `optim.ExponentialLR(optimizer, gamma=0.9)`",
    "CosineDecay": "write `optim.CosineAnnealingLR(optimizer, T_max=10)`",
    "PiecewiseConstantDecay": "write `optim.StepLR(optimizer, step_size=5)`",
    "PolynomialDecay": "write `optim.LinearLR(optimizer, 1.0, 0.1, total_iters=10)`",
}

OPTIMIZER = {
    "apply_gradients": "write `optimizer.step()` after `loss.backward()`",
    "learning_rate": "write `optimizer.lr`",
    "minimize": "write `loss.backward()` and `optimizer.step()`",
    "parameters": "write `optimizer.params`",
    "defaults": "write `optimizer.param_groups[0].settings()`",
    "state": "write `optimizer.param_groups[0].states`, one for each parameter",
    "update_weights": "write `optimizer.step()`",
    "get_config": "write `optimizer.param_groups[0].settings()`",
    "iterations": "write `optimizer.param_groups[0].states[0].steps`, which the Adams count",
    "variables": "write `optimizer.param_groups[0].states`, one for each parameter",
    "weights": "write `optimizer.params`",
}


@foreign_names(OPTIMIZER, settings=["learning_rate"])
class NotInOptimizer:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


EMA = {
    "apply_shadow": "write `with ema.swapped_in():` around the evaluation",
    "average_parameters": "write `with ema.swapped_in():` around the evaluation",
    "copy_to": "write `with ema.swapped_in():` around the evaluation",
    "module": "write `with ema.swapped_in():` around the evaluation; the averages are `ema.states`",
    "restore": "write `with ema.swapped_in():`, which puts the weights back at its end",
    "shadow": "write `[state.average for state in ema.states]`",
    "shadow_params": "write `[state.average for state in ema.states]`",
    "step": "write `ema.update()`",
    "store": "write `with ema.swapped_in():`, which puts the weights back at its end",
    "update_parameters": "write `ema.update()`",
}


@foreign_names(EMA)
class NotInEMA:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


SCHEDULE = {
    "get_lr": "write `schedule.get_last_lr()`, or `schedule.rate(3)` for another epoch",
    "last_epoch": "write `schedule.epoch`",
}


@foreign_names(SCHEDULE)
class NotInSchedule:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


_GIVE = "give it to the layer: `nn.Linear(3, 3, weight_init={})`"
_FUNCTION = _GIVE.format("lambda shape, rng: {}")
INIT = {
    "constant_": _GIVE.format("nn.init.constant(0.5)"),
    "eye_": _FUNCTION.format("np.eye(*shape)"),
    "glorot_normal": "write `nn.init.xavier_normal()`",
    "glorot_uniform": "write `nn.init.xavier_uniform()`",
    "he_normal": "write `nn.init.kaiming_normal()`",
    "he_uniform": "write `nn.init.kaiming_uniform()`",
    "kaiming": "write `nn.init.kaiming_uniform()` or `nn.init.kaiming_normal()`",
    "kaiming_normal_": _GIVE.format("nn.init.kaiming_normal()"),
    "kaiming_uniform_": _GIVE.format("nn.init.kaiming_uniform()"),
    "lecun_normal": "write `nn.init.kaiming_normal(gain=1.0)`",
    "normal_": _GIVE.format("nn.init.normal(0.01)"),
    "ones_": "give it to the layer: `nn.Linear(3, 3, bias_init=nn.init.ones)`",
    "orthogonal_": _FUNCTION.format("np.linalg.qr(rng.standard_normal(shape))[0]"),
    "uniform_": _GIVE.format("nn.init.uniform(0.1)"),
    "xavier": "write `nn.init.xavier_uniform()` or `nn.init.xavier_normal()`",
    "xavier_normal_": _GIVE.format("nn.init.xavier_normal()"),
    "xavier_uniform_": _GIVE.format("nn.init.xavier_uniform()"),
    "zeros_": "give it to the layer: `nn.Linear(3, 3, bias_init=nn.init.zeros)`",
}
