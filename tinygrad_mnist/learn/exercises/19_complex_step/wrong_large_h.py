# h is too large, or something is subtracted
def derivative(f, x, h=1e-30):
    return f(x + 1j * 1e-4).imag / 1e-4
