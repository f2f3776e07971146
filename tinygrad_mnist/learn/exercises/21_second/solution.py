from tinygrad_mnist import Tensor, autograd


def second(f, x):
    x = Tensor(x, requires_grad=True)
    (d,) = autograd.grad(f(x), x, create_graph=True)
    return autograd.grad(d, x)[0]


def hvp(f, x, v):
    x = Tensor(x, requires_grad=True)
    (d,) = autograd.grad(f(x), x, create_graph=True)
    return autograd.grad((d * v).sum(), x)[0]
