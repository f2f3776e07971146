# %% [markdown]
# # Finite differences and the V
#
# Function values alone give a derivative: move the input a little, and see how far the result moves.
# Backpropagation is checked this way.  But how little is a little?  A smaller step makes the
# approximation better and the rounding worse.

# %% [markdown]
# ## By hand
#
# The slope of $e^x$ at 1 is $e$.  Forward differences give:

# %%
import math

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.checking import v_curve
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

for power in range(0, -17, -4):
    step = 10.0**power
    slope = (math.exp(1 + step) - math.exp(1)) / step
    print(f"step 1e{power:<+4d} slope {slope:.12f}   error {abs(slope / math.e - 1):.0e}")

# %% [markdown]
# Down to 1e-8 the error shrinks with the step.  The Taylor series says why:
#
# $$
# e^{x + h} = e^x + h e^x + \frac{h^2}{2} e^x + \dots
# $$
#
# is cut off after the second term, which leaves a relative error of $h / 2$.  Below 1e-8 the error grows
# again.  Both values have 16 digits.  The smaller the step, the more of these digits agree, and the fewer are
# left in the difference.  Division by a small step makes the lost digits large.  At 1e-16 the computer cannot
# tell $1 + h$ from 1, and the slope is 0.
#
# The two errors are $h / 2$ and about $10^{-16} / h$.  They are equal at about $h = 10^{-8}$, where the error
# is 1e-8: half of the digits.  No other step does better.  Another formula does.

# %%
curve = v_curve(np.exp, 1.0)
curve

# %% [markdown]
# On logarithmic axes a power of the step is a straight line, with the power for its slope:
#
# - **Forward** differences cut off a term in $h^2$; divided by $h$ that is an error of slope 1.
# - **Central** differences, $\frac{f(x + h) - f(x - h)}{2 h}$, have no even terms: slope 2.
# - **Richardson** combines two central differences so that the term in $h^2$ cancels: slope 4.
# - All three subtract nearly equal numbers: slope -1 on the other side.
# - The **complex step**, $\frac{\text{Im } f(x + ih)}{h}$, subtracts nothing.  It has no other side: take
#   $h = 10^{-30}$.

# %%
for method, order in (("forward", 1), ("central", 2), ("richardson", 4), ("complex", 2)):
    assert abs(curve[method].truncation.slope - order) < 0.05
    if method != "complex":
        assert abs(curve[method].rounding.slope + 1) < 0.15
assert curve["complex"].rounding is None
assert curve["complex"].best_error < 1e-15
plots.v_curve(curve)

# %% [markdown]
# ## A network is a function, too
#
# The same for one weight of a perceptron that reads digits.  The slopes depend on the formula alone; the
# function decides only at which step and error the foot of each V is.

# %%
rng = np.random.default_rng(0)
images, labels = next(iter(load_digits().train.loader(10, dtype=np.float64)))
model = nn.Sequential(
    nn.Flatten(),
    nn.Linear(64, 30, rng=rng, dtype=np.float64),
    nn.Sigmoid(),
    nn.Linear(30, 10, rng=rng, dtype=np.float64),
)
curve = v_curve(model, nn.CrossEntropyLoss(), (images, labels), name="1.weight")
assert abs(curve["central"].truncation.slope - 2) < 0.1
assert curve["forward"].best_error < 1e-5
assert curve["central"].best_error < 1e-7
assert curve["complex"].best_error < 1e-13
curve

# %% [markdown]
# ## When a formula is exact
#
# The third derivative of a parabola is 0, so central differences cut nothing off.  Only rounding is left,
# which is half of the V, and the largest step is the best.

# %%
curve = v_curve(lambda x: x * x, 1.5)
print(curve)
assert curve["central"].truncation is None
assert curve["central"].best_step > 0.1
plots.v_curve(curve)
