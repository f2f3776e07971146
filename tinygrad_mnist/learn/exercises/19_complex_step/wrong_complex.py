# it gives the complex number
def derivative(f, x, h=1e-30):
    return f(x + 1j * h) / h
