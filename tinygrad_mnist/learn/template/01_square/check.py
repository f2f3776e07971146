"""Compare the rule with difference quotients.

`check(work)` gets the names of a learner's file. It returns if all is right, and raises a Finding at
the first thing that is wrong:

- `work.compare(name, inputs, right, mistakes)` calls a learner's function and compares its result.
  `mistakes` names typical ones by the numbers that they give; anything else is told in numbers.
- `slopes(function, *inputs, position=0, g=1.0)` is a gradient by central differences.
- `work.get(name)` is any other name; `fail("sentence")` refuses.
"""

from tinygrad_mnist.learn import slopes


def check(work):
    for g, x in [(1.0, 3.0), (2.0, -1.5)]:
        work.compare(
            "rule",
            {"g": g, "x": x},
            slopes(lambda x: x * x, x, g=g),
            {
                "your rule forgets g, the gradient that arrives": 2 * x,
                "your rule is that of one x: both of them change": g * x,
                "your rule is the square itself, not its derivative": x * x,
            },
        )
