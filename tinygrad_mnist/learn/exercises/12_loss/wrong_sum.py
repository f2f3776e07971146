# the squares are added: take their mean
def loss(prediction, target):
    return ((prediction - target) ** 2).sum()


def rule(prediction, target):
    return 2 * (prediction - target) / prediction.size
