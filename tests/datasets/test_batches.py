"""What counts as batches: the same in fit, evaluate, predict and the doctor."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.doctor import diagnose_training
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training import evaluate, fit, predict


def parts(seed=0, dtype=np.float32):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=np.random.default_rng(seed), dtype=dtype))
    return model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1)


FORMS = {
    "split": lambda split: split,
    "pair of arrays": lambda split: (split.images, split.labels),
    "pair as a list": lambda split: [split.images, split.labels],
    "pair of lists": lambda split: (split.images.tolist(), split.labels.tolist()),
    "pair of tensors": lambda split: (Tensor(split.images), Tensor(split.labels)),
    "loader": lambda split: split.loader(32),
    "list of pairs": lambda split: list(split.loader(32)),
    "tuple of pairs": lambda split: tuple(split.loader(32)),
    "list of lists": lambda split: [list(batch) for batch in split.loader(32)],
    "function": lambda split: lambda: iter(split.loader(32)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_batches_all_work_everywhere(digits, form):
    model, loss, optimizer = parts()
    expected = evaluate(model, loss, digits.test.loader(1000))
    found = evaluate(model, loss, form(digits.test))
    assert (found.accuracy, found.examples) == (expected.accuracy, 360)
    assert found.loss == pytest.approx(expected.loss)
    outputs, targets = predict(model, form(digits.test))
    np.testing.assert_allclose(outputs, model(digits.test.images).data, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(targets, digits.test.labels)
    history = fit(model, loss, optimizer, form(digits.train), form(digits.test), epochs=2)
    assert history[1].examples == len(digits.train)
    assert history[1].validation_accuracy > 0.75
    diagnose_training(model, loss, form(digits.train), optimizer)


def test_images_of_a_data_set_are_those_of_its_loader(mnist):
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10, rng=np.random.default_rng(0)))
    loss, optimizer = nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1)
    fit(model, loss, optimizer, mnist.validation.loader(100), epochs=1)
    right = model(mnist.test.images).data.argmax(axis=1) == mnist.test.labels
    assert right.mean() == evaluate(model, loss, mnist.test.loader(1000)).accuracy


@pytest.mark.parametrize("make", [np.asarray, Tensor, lambda x: x.astype(np.float64)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_alone_give_outputs_alone(digits, make, dtype):
    model, _, _ = parts(dtype=dtype)
    outputs = predict(model, make(digits.test.images))
    np.testing.assert_array_equal(outputs, model(digits.test.images.astype(dtype)).data)
    assert outputs.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_given_in_the_dtype_of_the_model(digits, dtype):
    model, loss, optimizer = parts(dtype=dtype)
    x, y = digits.train.images[:50], digits.train.labels[:50]
    for inputs in (x.astype(np.float64), x, digits.train.raw_images[:50]):
        fit(model, loss, optimizer, (inputs, y), epochs=1)
        assert model[1].weight.dtype == dtype


def test_arrays_are_shuffled_for_training_only(digits):
    x, y = digits.train
    seen = []

    class Spy(nn.Module):
        def forward(self, output, target):
            seen.append(np.array(target))
            return nn.CrossEntropyLoss()(output, target)

    model, _, optimizer = parts()
    fit(model, Spy(), optimizer, (x, y), epochs=1, backend="eager")
    assert len(seen[0]) == 32
    assert seen[0].tolist() != y[:32].tolist()


NOTHING = {
    "inputs alone": (
        lambda x, y: x,
        TypeError,
        r"train is an array of shape \(1237, 8, 8\): expected",
    ),
    "a data set": (lambda x, y: "data", TypeError, r"train is 'data': expected \(inputs, targets\) batches"),
    "a number": (lambda x, y: 5, TypeError, "train is 5: expected"),
    "a class": (lambda x, y: Loader, TypeError, "train is the class Loader: expected batches"),
    "batches without targets": (
        lambda x, y: [x[:5]],
        TypeError,
        r"batch 0: expected a pair \(inputs",
    ),
    "triples": (lambda x, y: [(x, y, y)], TypeError, "expected a pair"),
    "counts that differ": (lambda x, y: (x, y[:-1]), DataError, "1237 inputs and 1236 targets"),
    "no rows": (lambda x, y: (x[:0], y[:0]), DataError, "train is empty: there is no batch"),
    "no batches": (lambda x, y: [], DataError, "train is empty: there is no batch"),
    "a function of something else": (lambda x, y: lambda: 5, TypeError, "train returned 5: expected batches"),
    "a generator": (
        lambda x, y: (b for b in [(x, y)]),
        DataError,
        "after one pass, and 3 are needed",
    ),
    "a zip": (lambda x, y: zip([x], [y]), DataError, "after one pass, and 3 are needed"),
}


@pytest.mark.parametrize(("make", "kind", "message"), NOTHING.values(), ids=NOTHING)
def test_non_batches_are_named_before_the_first_step(digits, make, kind, message):
    model, loss, optimizer = parts()
    before = model[1].weight.data.copy()
    with pytest.raises(kind, match=message):
        fit(model, loss, optimizer, make(*digits.train), epochs=3)
    np.testing.assert_array_equal(model[1].weight.data, before)


def test_generator_serves_one_epoch(digits):
    model, loss, optimizer = parts()
    history = fit(model, loss, optimizer, (batch for batch in digits.train.loader(32)), epochs=1)
    assert history[0].examples == len(digits.train)


def test_batches_that_end_after_one_pass_are_named_in_the_second(digits):
    class OnlyOnce:
        def __init__(self):
            self.batches = iter(digits.train.loader(32))

        def __iter__(self):
            return self.batches

    model, loss, optimizer = parts()
    with pytest.raises(DataError, match="train has no batch in epoch 2: it is exhausted after one pass"):
        fit(model, loss, optimizer, OnlyOnce(), epochs=2)


@pytest.mark.parametrize("call", ["evaluate", "predict"])
def test_inputs_and_targets_as_two_arguments_are_named(digits, call):
    model, loss, _ = parts()
    first = (model, loss) if call == "evaluate" else (model,)
    with pytest.raises(TypeError, match="inputs and targets as one argument"):
        {"evaluate": evaluate, "predict": predict}[call](*first, digits.test.images, digits.test.labels)


class Words(nn.Module):
    """Words by number, looked up and averaged."""

    def __init__(self, dtype=np.float32):
        self.table, self.out = nn.Embedding(9, 4, rng=0, dtype=dtype), nn.Linear(4, 2, rng=0, dtype=dtype)

    def forward(self, words):
        return self.out(self.table(words).mean(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "as_given", [np.asarray, lambda words: words.astype(np.uint8), lambda words: words.tolist()]
)
def test_words_by_number_stay_integers_for_an_embedding(as_given, dtype):
    words = np.random.default_rng(0).integers(0, 9, (40, 5))
    model, labels = Words(dtype), (words[:, 0] > 4).astype(int)
    pair, optimizer = (as_given(words), labels), optim.Adam(model.parameters(), lr=0.05)
    history = fit(model, nn.CrossEntropyLoss(), optimizer, pair, pair, epochs=2, progress=False)
    assert history[-1].validation_loss == evaluate(model, nn.CrossEntropyLoss(), pair).loss
    np.testing.assert_array_equal(predict(model, pair)[0], model(words).data)
    numbers = as_given(words), np.column_stack([labels, labels]) / 2  # targets in the dtype of the outputs
    fit(model, nn.MSELoss(), optimizer, numbers, epochs=1, progress=False)


def test_numbers_without_an_embedding_are_converted_as_ever():
    model = nn.Linear(3, 2, rng=0)
    seen = []
    model.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].dtype))
    evaluate(model, nn.CrossEntropyLoss(), (np.arange(12).reshape(4, 3), [0, 1, 0, 1]))
    assert seen == [np.float32]
