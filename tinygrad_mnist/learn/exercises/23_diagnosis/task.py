"""Reading a diagnosis.

This network does not learn, for three reasons. Run this file: the doctor measures and says why. Change one
of the three settings as it advises, and run it again, until it finds nothing.

Change the settings only, not the network.
"""

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.doctor import diagnose_training

pixels = 1.0  # what each pixel, from 0 to 255, is divided by
weights = 40.0  # what the usual first weights are multiplied with
lr = 50.0  # learning rate


def diagnosis(pixels, weights, lr):
    data = load_digits()
    images, labels = data.train.images[:64] * 255, data.train.labels[:64]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32, rng=0), nn.ReLU(), nn.Linear(32, 10, rng=1))
    for p in model.parameters():
        p.data[...] *= weights
    optimizer = optim.SGD(model.parameters(), lr=lr)
    return diagnose_training(model, nn.CrossEntropyLoss(), (images / pixels, labels), optimizer)


if __name__ == "__main__":
    print(diagnosis(pixels, weights, lr))
