def derivative(f, x, h=1e-30):
    return f(x + 1j * h).imag / h
