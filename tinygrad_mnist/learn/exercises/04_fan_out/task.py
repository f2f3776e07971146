"""Two uses, one sum.

In y = a * b + a the Value a is used twice, and each use sends it a share of the gradient.

Write `backward` for any graph: visit the Values in the order of exercise 3, and give each one in
`.grad` the derivative of the output with respect to it. All `.grad` are 0.0 at the beginning.
"""

from tinygrad_mnist.learn import earlier

Value = earlier("value").Value  # exercise 2: .inputs, .slopes, .grad
order = earlier("order").order  # exercise 3


def backward(output):
    # your code
    ...


if __name__ == "__main__":
    a, b = Value(2.0), Value(3.0)
    backward(a * b + a)
    print("dy/da:", a.grad, "(4?)  dy/db:", b.grad, "(2?)")
