# a real number: step to x + 1j * h
def derivative(f, x, h=1e-30):
    return f(x + h).imag / h
