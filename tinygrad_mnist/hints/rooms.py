"""Names that people look for in rooms of data, training and gradients, with what to write here."""

from __future__ import annotations

from tinygrad_mnist.hints import foreign_names

_LOADER = "write `tm.datasets.Loader(x.data, labels, 2)`"
_DIGITS = (
    "write `data = tm.datasets.load_mnist()`, and for arrays "
    "`(x_train, y_train), (x_test, y_test) = data.train, data.test`"
)
_BUNDLED = "bundled are MNIST, `tm.datasets.load_digits()` and `tm.datasets.load_iris()`; NumPy reads others"
_FOLDER = "write tm.datasets.load_mnist(folder), with its four files in the folder"

DATASETS = {
    "DataLoader": _LOADER,
    "Dataset": _LOADER,
    "ConcatDataset": "write `tm.datasets.Concatenated([x.data, x.data])`",
    "MNIST": _DIGITS,
    "TensorDataset": _LOADER,
    "train_test_split": "write `tm.datasets.load_digits(validation=300)`",
    "Compose": "leave it out: images are float32 in 0..1",
    "FashionMNIST": _FOLDER,
    "EMNIST": _FOLDER,
    "KMNIST": _FOLDER,
    "Subset": "write an index of the arrays: `x.data[:2]`",
    "ToTensor": "leave it out: images are float32 in 0..1",
    "fashion_mnist": _FOLDER,
    "load_data": _DIGITS,
    "random_split": "write `tm.datasets.load_digits(validation=300)`",
    "transforms": "leave it out: images are float32 in 0..1",
}
_ELSEWHERE = (
    *("CIFAR10", "CIFAR100", "ImageFolder", "cifar10", "cifar100", "fetch_openml", "imdb"),
    *("image_dataset_from_directory", "load_breast_cancer", "load_diabetes", "load_wine", "make_blobs"),
    *("make_circles", "make_classification", "make_moons", "make_regression"),
)
DATASETS |= dict.fromkeys(_ELSEWHERE, _BUNDLED)
_DISTORTIONS = "write `tm.datasets.augment.Distortions()`, the transform of a Loader"
DATASETS |= dict.fromkeys(("ElasticTransform", "RandomAffine", "RandomRotation"), _DISTORTIONS)
_SPLIT = "write `split.images` and `split.labels`, or `images, labels = split`"
SPLIT = {
    "X": _SPLIT,
    "batch": "write `split.loader(32)`",
    "data": _SPLIT,
    "shuffle": "write `split.loader(32, shuffle=True)`",
    "target": _SPLIT,
    "targets": _SPLIT,
    "x": _SPLIT,
    "y": _SPLIT,
}
_OF_DATASET = "write `data.train.images`, `data.train.labels`, and so for validation and test"
DATASET = dict.fromkeys(
    ("X", "data", "images", "labels", "target", "targets", "x_test", "x_train", "y", "y_test", "y_train"),
    _OF_DATASET,
)
IRIS = {
    "data": "write `iris.measurements`",
    "feature_names": "write `iris.measurement_names`",
    "frame": "write `iris.columns()`",
    "target": "write `iris.species`",
    "target_names": "write `iris.species_names`",
}
LOADER = {
    "batch": "it is a setting: `tm.datasets.Loader(x.data, labels, 2)`",
    "dataset": "write `loader.inputs` and `loader.targets`",
    "map": "compute on the arrays before: `tm.datasets.Loader(x.data, labels, 2)`",
    "prefetch": "leave it out: batches are cut from arrays in memory",
    "sampler": "leave it out: `tm.datasets.Loader(x.data, labels, 2, shuffle=True)`",
}


@foreign_names(SPLIT)
class NotInSplit:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


@foreign_names(DATASET)
class NotInDataset:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


@foreign_names(IRIS)
class NotInIris:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


@foreign_names(LOADER)
class NotInLoader:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


_LOSSES = "write `[epoch.train_loss for epoch in history]`"
TRAINING = {
    "Trainer": "write `training.fit(model, loss, optimizer, batches, epochs=1)`",
    "train": "write `training.fit(model, loss, optimizer, batches, epochs=1)`",
    "train_step": "write `training.make_train_step(model, loss, optimizer)`",
    "BackupAndRestore": "write `training.Checkpoints`: training.Checkpoints('run/checkpoints')",
    "CSVLogger": "the result of fit has the numbers: `history.records()`",
    "LambdaCallback": "write a subclass of `training.Callback`",
    "LearningRateScheduler": "write a subclass of `optim.LRScheduler` for schedule=",
    "LightningModule": "write `training.fit(model, loss, optimizer, batches, epochs=1)`",
    "ModelCheckpoint": "write `training.Checkpoints`: training.Checkpoints('run/checkpoints')",
    "ReduceLROnPlateau": "it is a schedule: `optim.ReduceLROnPlateau(optimizer)` for schedule=",
    "TensorBoard": "the result of fit has the numbers: `history.records()`",
    "TerminateOnNaN": "leave it out: training ends at the first NaN, and says where it began",
}
HISTORY = {
    "epoch": "write `len(history)`, or `[epoch.epoch for epoch in history]`",
    "history": _LOSSES,
    "params": "write `len(history)` for the number of epochs",
    "to_dataframe": "write `history.records()`, a list of dicts",
    "to_frame": "write `history.records()`, a list of dicts",
}
EPOCH = {
    "acc": "write `history[-1].train_accuracy`",
    "accuracy": "write `history[-1].train_accuracy`",
    "loss": "write `history[-1].train_loss`",
    "lr": "write `history[-1].learning_rate`",
    "val_acc": "write `history[-1].validation_accuracy`",
    "val_accuracy": "write `history[-1].validation_accuracy`",
    "val_loss": "write `history[-1].validation_loss`",
}


@foreign_names(HISTORY)
class NotInHistory:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


@foreign_names(EPOCH)
class NotInEpoch:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


_NETWORK = "write NeuralNetwork(hidden=20)"
_NUMBERS = "write NeuralNetwork(task='regression')"
ESTIMATOR = {
    "LinearRegression": "write NeuralNetwork(hidden=0, task='regression')",
    "LogisticRegression": "write NeuralNetwork(hidden=0)",
    "MLPClassifier": _NETWORK,
    "MLPRegressor": _NUMBERS,
    "NeuralNetworkClassifier": _NETWORK,
    "NeuralNetworkRegressor": _NUMBERS,
    "Perceptron": "write NeuralNetwork(hidden=0)",
    "SGDClassifier": "write NeuralNetwork(hidden=0)",
    "SGDRegressor": "write NeuralNetwork(hidden=0, task='regression')",
}
NETWORK = {
    "best_loss_": "write `min(epoch.train_loss for epoch in network.history_)`",
    "coef_": "write `network.model_[0].weight.data`",
    "coefs_": "write `[p.data for p in network.model_.parameters()]`",
    "decision_function": "write `network.predict_proba(rows)`",
    "fit_predict": "write `network.predict(rows)` after fit",
    "intercept_": "write `network.model_[0].bias.data`",
    "intercepts_": "write `[p.data for p in network.model_.parameters()]`",
    "loss_curve_": "write `[epoch.train_loss for epoch in network.history_]`",
    "n_iter_": "write `len(network.history_)`",
    "n_layers_": "write `len(network.model_)`",
    "n_outputs_": "write `network.model_[-1].out_features`",
    "out_activation_": "write `network.model_`, which ends with the logits",
    "plot": "write `network.history_.plot()`",
    "predict_log_proba": "write `np.log(network.predict_proba(rows))`",
    "save": "write `tm.save`: tm.save(network.model_, 'model.safetensors')",
    "summary": "write `nn.summary(network.model_)`",
    "validation_scores_": "write `[epoch.validation_accuracy for epoch in network.history_]`",
}


@foreign_names(NETWORK)
class NotInNetwork:
    """Names from other libraries: reading one raises an AttributeError that says what to write."""


AUTOGRAD = {
    "Function": "write an op: `tm.primitive` and a rule for each input, as in examples/27_your_own_op.py",
    "backward": "write `loss(model(batches[0][0]), batches[0][1]).backward()`",
    "functional": "write `tm.jacobian(np.sin)(np.ones(3))`, and so for hessian, vjp, jvp and hvp",
    "gradcheck": "write `tm.checking.check_gradients(np.sum, np.ones(3))`",
    "no_grad": "write `tm.no_grad()`",
    "set_detect_anomaly": "write `training.fit`: training.fit(..., detect_anomaly=True)",
}
