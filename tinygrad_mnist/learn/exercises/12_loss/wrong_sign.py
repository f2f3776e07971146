# the sign is turned round: it is prediction - target
def loss(prediction, target):
    return ((prediction - target) ** 2).mean()


def rule(prediction, target):
    return 2 * (target - prediction) / prediction.size
