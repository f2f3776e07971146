"""Compare the loss with the package's, and the rule with difference quotients."""

import numpy as np

from tinygrad_mnist.learn import FORMULA, earlier, slopes
from tinygrad_mnist.nn.functional import cross_entropy

CASES = [
    (np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0])),
    (
        np.array([[1.0, -1.0, 0.5], [0.0, 2.0, 1.0], [0.2, 0.1, -3.0], [1.0, 1.0, 1.0]]),
        np.array([2, 1, 0, 1]),
    ),
]


def check(work):
    softmax = earlier("softmax").softmax
    for scores, labels in CASES:
        check_loss(work, softmax, scores, labels)
    for scores, labels in CASES:
        check_rule(work, softmax, scores, labels)


def check_loss(work, softmax, scores, labels):
    given, rows, p = {"scores": scores, "labels": labels}, np.arange(len(labels)), softmax(scores)
    right = float(cross_entropy(scores, labels))
    each = -np.log(p[rows, labels])
    work.compare(
        "loss",
        given,
        right,
        {
            "the losses of the images are added: take their mean": each.sum(),
            "the minus sign is missing: log(p) is negative": -right,
            "each image should give one number: take the mean": each,
            "the logarithm is missing": -p[rows, labels].mean(),
            "log is taken of all classes: only the right one counts": -np.log(p).mean(),
            "softmax is missing: -log takes probabilities": -scores[rows, labels].mean(),
            "the columns `labels` are taken of every row: pick one number per row": -np.log(
                p[:, labels]
            ).mean(),
        },
        FORMULA,
    )


def check_rule(work, softmax, scores, labels):
    n = len(labels)
    p, y = softmax(scores), np.eye(scores.shape[1])[labels]
    work.compare(
        "rule",
        {"scores": scores, "labels": labels},
        slopes(lambda scores: cross_entropy(scores, labels), scores),
        {
            "the division by n is missing: the loss is a mean": p - y,
            "the sign is turned round: it is p - y": (y - p) / n,
            "y is missing: subtract 1 at the right class": p / n,
            "1 is subtracted in all columns that any label names: pick one per row": everywhere(p, labels)
            / n,
            "the scores stand where probabilities belong": (scores - y) / n,
            "it is divided by the number of classes as well: the mean is over the images": (p - y) / p.size,
            "n is used twice: the mean divides once": (p - y) / n**2,
            "the labels themselves are subtracted: y is 1 at the right class": subtracted(p, labels) / n,
        },
    )


def everywhere(p, labels):
    q = p.copy()
    q[:, labels] -= 1
    return q


def subtracted(p, labels):
    return p - labels[:, None]
