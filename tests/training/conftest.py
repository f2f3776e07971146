import pytest

from tinygrad_mnist.training import Recipe, fit

SMALL = {"hidden": (32,), "batch_size": 16, "epochs": 3, "lr": 0.1, "schedule": "cosine"}


class Training:
    """A small perceptron of the embedded digits, everything drawn from one seed."""

    def __init__(self, digits, seed=0, **settings):
        self.digits, self.seed = digits, seed
        self.recipe = Recipe(**{**SMALL, "seed": seed, **settings})
        self.model = self.recipe.build_model(digits.image_shape, digits.classes)
        self.loss = self.recipe.build_loss()
        self.optimizer, self.schedule = self.recipe.build_optimizer(self.model)

    def fit(self, epochs=3, **options):
        loader = self.digits.train.loader(16, shuffle=True, seed=self.seed)
        validation = self.digits.validation.loader(100)
        parts = self.model, self.loss, self.optimizer, loader, validation
        return fit(*parts, epochs=epochs, schedule=self.schedule, **options)


@pytest.fixture
def training(digits):
    return lambda **settings: Training(digits, **settings)
