def loss(prediction, target):
    return ((prediction - target) ** 2).mean()


def rule(prediction, target):
    return 2 * (prediction - target) / prediction.size
