"""Layers, optimizers and initial values of PyTorch and Keras, with what to write here."""

from __future__ import annotations

from tinygrad_mnist.hints import foreign_names

NN = {
    "AdaptiveAvgPool2d": "to one pixel: `np.ones((1, 1, 4, 4)).mean(axis=(2, 3), keepdims=True)`",
    "BatchNormalization": "write `nn.BatchNorm1d(30)`, or `nn.BatchNorm2d(8)` for images",
    "BinaryCrossentropy": "write `nn.BCELoss()`",
    "CategoricalCrossentropy": "write `nn.CrossEntropyLoss()`",
    "Conv1d": "write `nn.Conv2d(3, 4, (1, 5))` for images of height 1",
    "AveragePooling2D": "write `nn.AvgPool2d(2)`",
    "Conv2D": "write `nn.Conv2d(1, 6, 5)`: input channels, output channels, kernel",
    "MaxPooling2D": "write `nn.MaxPool2d(2)`",
    "Dense": "write `nn.Linear(3, 4)`: inputs, outputs",
    "GRU": "write `nn.LSTM(3, 5)`, or call layers in a loop in a Module's forward",
    "MLP": "write `nn.perceptron((784, 128, 10))`",
    "Mish": "write a Module whose forward is `x * ops.tanh(ops.softplus(x))`",
    "ParameterList": "a plain list as an attribute is enough: its parameters belong to the module",
    "SmoothL1Loss": "write `nn.HuberLoss(delta=1.0)`, which is beta times SmoothL1Loss for delta=beta",
    "SparseCategoricalCrossentropy": "write `nn.CrossEntropyLoss()`",
    "clip_grad_norm_": "write `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`",
    "clip_grad_value_": "write `nn.utils.clip_grad_value_(model.parameters(), 0.5)`",
    "DataParallel": "leave it out: a model runs on one machine",
    "Dropout2d": "write `nn.Dropout(0.5)`",
    "GRUCell": "write `nn.LSTM(3, 5)`, or call layers in a loop in a Module's forward",
    "Input": "leave it out: the first layer has the size of its inputs",
    "KLDivLoss": "write `(y * (y.log() - ops.log_softmax(x))).sum()`",
    "LSTMCell": "write `nn.LSTM(3, 5)`, which takes sequences of any length, 1 too",
    "MultiheadAttention": "a lesson composes it: examples/19_a_transformer.py",
    "Transformer": "a lesson composes it: examples/19_a_transformer.py",
    "TransformerEncoder": "a lesson composes it: examples/19_a_transformer.py",
    "TransformerEncoderLayer": "a lesson composes it: examples/19_a_transformer.py",
}

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
    "register_parameter": "set an attribute: `nn.Parameter(np.zeros(3))`",
    "save_weights": "write `tm.save(model, path)`",
    "set_weights": "write `model.load_state_dict(model.state_dict())`",
    "train_on_batch": "write `training.make_train_step(model, loss, optimizer)`",
}


@foreign_names(MODULE)
class NotInModule:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


UTILS = {
    "clip_grad_norm": "write `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`",
    "parameters_to_vector": "write `np.concatenate([p.data.ravel() for p in model.parameters()])`",
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
}

OPTIMIZER = {
    "apply_gradients": "write `optimizer.step()` after `loss.backward()`",
    "learning_rate": "write `optimizer.lr`",
    "minimize": "write `loss.backward()` and `optimizer.step()`",
    "parameters": "write `optimizer.params`",
    "defaults": "write `optimizer.param_groups[0].settings()`",
    "state": "write `optimizer.param_groups[0].states`, one for each parameter",
    "update_weights": "write `optimizer.step()`",
}


@foreign_names(OPTIMIZER)
class NotInOptimizer:
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
