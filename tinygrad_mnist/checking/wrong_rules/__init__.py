"""Classic mistakes of people who write backward passes: to practise on, and to test the checkers with.

>>> from tinygrad_mnist.checking import check_gradients, wrong_rules
>>> function, inputs = wrong_rules.sigmoid_of_the_output.example()
>>> with wrong_rules.sigmoid_of_the_output:
...     check_gradients(function, *inputs).ok
False
>>> check_gradients(function, *inputs).ok
True

Each is also ``MISTAKES[name]``, with dashes in the name.  The function is the wrong rule, and its docstring
says why people write it.
"""

from tinygrad_mnist.checking.wrong_rules.wrong_rule import MISTAKES, Mistake
from tinygrad_mnist.checking.wrong_rules.arrays import (
    each_tie_gets_all,
    logsumexp_uniform,
    mean_without_count,
    pieces_exchanged,
    repeated_index_overwritten,
    same_axes_on_the_way_back,
    sum_along_the_wrong_axis,
    transposed_reshape,
)
from tinygrad_mnist.checking.wrong_rules.backward_pass import (
    broadcast_averaged,
    broadcast_first_slice,
    fan_out_first_only,
    fan_out_overwritten,
    unsummed_broadcast,
)
from tinygrad_mnist.checking.wrong_rules.functions import (
    abs_without_sign,
    branches_exchanged,
    clip_passes_everything,
    cos_without_minus,
    denominator_not_squared,
    exp_as_a_power,
    factor_of_its_own,
    log_without_reciprocal,
    power_without_exponent,
    sqrt_without_half,
    wrong_sign,
)
from tinygrad_mnist.checking.wrong_rules.networks import (
    batch_size_forgotten,
    bias_of_the_first_example,
    cross_entropy_without_target,
    divided_by_the_batch_twice,
    log_softmax_diagonal_only,
    missing_transpose,
    product_without_transpose,
    relu_passes_negatives,
    sigmoid_of_the_output,
    softmax_diagonal_only,
    softplus_like_relu,
    stale_activation,
    tanh_of_the_input,
    weight_not_turned_back,
)

__all__ = [
    "MISTAKES",
    "Mistake",
    "abs_without_sign",
    "batch_size_forgotten",
    "bias_of_the_first_example",
    "branches_exchanged",
    "broadcast_averaged",
    "broadcast_first_slice",
    "clip_passes_everything",
    "cos_without_minus",
    "cross_entropy_without_target",
    "denominator_not_squared",
    "divided_by_the_batch_twice",
    "each_tie_gets_all",
    "exp_as_a_power",
    "factor_of_its_own",
    "fan_out_first_only",
    "fan_out_overwritten",
    "log_softmax_diagonal_only",
    "log_without_reciprocal",
    "logsumexp_uniform",
    "mean_without_count",
    "missing_transpose",
    "pieces_exchanged",
    "power_without_exponent",
    "product_without_transpose",
    "relu_passes_negatives",
    "repeated_index_overwritten",
    "same_axes_on_the_way_back",
    "sigmoid_of_the_output",
    "softmax_diagonal_only",
    "softplus_like_relu",
    "sqrt_without_half",
    "stale_activation",
    "sum_along_the_wrong_axis",
    "tanh_of_the_input",
    "transposed_reshape",
    "unsummed_broadcast",
    "weight_not_turned_back",
    "wrong_sign",
]
