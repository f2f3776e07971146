"""Compare with derivatives from a table, to the last digits, and count the calls of f."""

import numpy as np

from tinygrad_mnist.learn import agree, fail, line_of, numbers, require_filled

CASES = [
    ("exp", np.exp, np.exp, 1.0),
    ("x**3", lambda x: x**3, lambda x: 3 * x**2, 2.0),
    ("sin(x) / x", lambda x: np.sin(x) / x, lambda x: np.cos(x) / x - np.sin(x) / x**2, 1.5),
]


def check(work):
    line = line_of(work.get("derivative"))
    for name, f, slope, x in CASES:
        steps = []

        def noted(z, f=f, steps=steps):
            steps.append(z)
            return f(z)

        require_filled("`derivative`", work.get("derivative")(f, x), line)
        got = numbers("`derivative`", work.get("derivative")(noted, x), line)
        if np.iscomplexobj(got):
            fail(
                f"for f = {name}, x = {x:g} it gives the complex number {complex(got):.3g}: take .imag", line
            )
        if steps and not any(np.iscomplexobj(z) for z in steps):
            fail(f"f is called with {steps[0]!r}, a real number: step to x + 1j * h", line)
        right = float(slope(x))
        mistakes = {
            "it is the real part, which is f(x) itself: take .imag": f(x),
            "the real part is divided by h: take .imag": f(x) / 1e-30,
            "the division by h is missing": right * 1e-30,
            "the imaginary part is divided by 2 h: it is no difference of two sides": right / 2,
        }
        given = {"f": name, "x": x}
        if float(got) != 0 and abs(float(got)) < 1e-20:
            fail(f"the division by h is missing; for f = {name}, x = {x:g} it gives {float(got):.3g}", line)
        agree("`derivative`", got, right, given, mistakes, "right is", line)
        if abs(float(got) - right) > 1e-13 * abs(right):
            off, where = abs(float(got) - right), f"for f = {name}, x = {x:g}"
            fail(f"{where} it is wrong by {off:.0e}: h is too large, or something is subtracted", line)
        if len(steps) > 1:
            fail(f"f is called {len(steps)} times: one call is enough, nothing is subtracted", line)
