"""Classic wrong rules of people who write backward passes: to practise on, and to test the checkers with.

>>> from tinygrad_mnist.checking import check_gradients, wrong_rules
>>> function, inputs = wrong_rules.sigmoid_of_the_output.example()
>>> with wrong_rules.sigmoid_of_the_output:
...     check_gradients(function, *inputs).ok
False
>>> check_gradients(function, *inputs).ok
True

Each is also ``WRONG_RULES[name]``, with dashes in the name.  The docstring of each wrong function says why
people write it.
"""

from tinygrad_mnist.checking.wrong_rules import arrays, backward_pass, functions, networks
from tinygrad_mnist.checking.wrong_rules.arrays import *  # noqa: F403
from tinygrad_mnist.checking.wrong_rules.backward_pass import *  # noqa: F403
from tinygrad_mnist.checking.wrong_rules.functions import *  # noqa: F403
from tinygrad_mnist.checking.wrong_rules.networks import *  # noqa: F403
from tinygrad_mnist.checking.wrong_rules.wrong_rule import WRONG_RULES, WrongRule

__all__ = ["WRONG_RULES", "WrongRule"]
__all__ += arrays.__all__
__all__ += backward_pass.__all__
__all__ += functions.__all__
__all__ += networks.__all__


def __dir__() -> list[str]:
    return __all__
