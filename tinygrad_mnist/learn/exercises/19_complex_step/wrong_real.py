# it is the real part, which is f(x) itself: take .imag
def derivative(f, x, h=1e-30):
    return f(x + 1j * h).real
