"""The kinds of mutants: cosmic-ray's operators in three groups, and two of our own."""

import parso
from cosmic_ray.operators import (
    binary_operator_replacement,
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    unary_operator_replacement,
)
from cosmic_ray.operators.number_replacer import NumberReplacer
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.zero_iteration_for_loop import ZeroIterationForLoop
from parso.python.tree import Class, Keyword, Name, Number, Param, PythonNode, String
from parso.tree import NodeOrLeaf


def _replaced(node: NodeOrLeaf, code: str) -> NodeOrLeaf:
    return parso.parse(node.get_first_leaf().prefix + code)


def _is_field(annotated: NodeOrLeaf) -> bool:
    """True of ``name: type = value`` in the body of a class, not of a method."""
    scope = parso.python.tree.search_ancestor(annotated, "classdef", "funcdef")
    return isinstance(scope, Class)


class ReplaceDefault(Operator):
    """Change the default of a parameter or of an annotated field; None stays, it means "not given"."""

    def _default(self, node):
        if isinstance(node, Param):
            default = node.default
        elif node.type == "annassign" and len(node.children) == 4 and _is_field(node):
            default = node.children[3]
        else:
            return None
        return default if isinstance(default, Number | String | Name) or self._is_flag(default) else None

    def _is_flag(self, default):
        return isinstance(default, Keyword) and default.value in {"True", "False"}

    def mutation_positions(self, node):
        default = self._default(node)
        if default is not None:
            yield default.start_pos, default.end_pos

    def mutate(self, node, index):
        default = self._default(node)
        if isinstance(default, Number):
            code = f"({default.value} + 1)"
        elif isinstance(default, String):
            code = '"mutant"'
        else:
            code = "False" if default.value == "True" else "True" if default.value == "False" else "None"
        node.children[node.children.index(default)] = _replaced(default, code)
        return node

    @classmethod
    def examples(cls):
        return (
            Example("def f(*, a=1): pass", "def f(*, a=(1 + 1)): pass"),
            Example("def f(a=True): pass", "def f(a=False): pass"),
            Example("def f(a='x'): pass", 'def f(a="mutant"): pass'),
            Example("class A:\n    b: bool = False\n", "class A:\n    b: bool = True\n"),
        )


class DropCall(Operator):
    """Drop a call: ``f(x)`` becomes ``pass`` as a statement, else ``x``; ``x.f()`` becomes ``x``."""

    def _kept(self, node):
        """The code that stays in place of a call, or None where `node` is none that can be dropped."""
        if node.type == "simple_stmt" and self._is_call(node.children[0]):
            return "pass\n"
        if not self._is_call(node) or node.parent.type == "simple_stmt":
            return None
        *function, call = node.children
        arguments = call.children[1:-1]
        if not arguments and len(function) > 1 and function[-1].children[0].value == ".":
            return "".join(part.get_code(include_prefix=part is not function[0]) for part in function[:-1])
        if len(arguments) == 1 and arguments[0].type not in {"arglist", "argument"}:
            return f"({arguments[0].get_code()})"
        return None

    def _is_call(self, node):
        return (
            isinstance(node, PythonNode)
            and node.type == "atom_expr"
            and node.children[-1].type == "trailer"
            and node.children[-1].children[0].value == "("
        )

    def mutation_positions(self, node):
        if self._kept(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        return _replaced(node, self._kept(node))

    @classmethod
    def examples(cls):
        return (
            Example("f(x)\n", "pass\n"),
            Example("y = sorted(x)\n", "y = (x)\n"),
            Example("y = x.copy()\n", "y = x\n"),
        )


# The other exchanges (``+`` for ``>>``) end in an error nearly always, and tell nothing of the tests.
_EXCHANGES = [
    operator
    for operator in binary_operator_replacement.operators()
    if operator.__name__.rpartition("_")[2] in {"Add", "Sub", "Mul", "Div", "BitAnd", "BitOr"}
]

KINDS: dict[str, list[type[Operator]]] = {
    "operator": [*_EXCHANGES, *unary_operator_replacement.operators()],
    "constant": [
        NumberReplacer,
        boolean_replacer.ReplaceTrueWithFalse,
        boolean_replacer.ReplaceFalseWithTrue,
    ],
    "condition": [
        *comparison_operator_replacement.operators(),
        boolean_replacer.AddNot,
        boolean_replacer.ReplaceAndWithOr,
        boolean_replacer.ReplaceOrWithAnd,
        break_continue.ReplaceBreakWithContinue,
        break_continue.ReplaceContinueWithBreak,
        ZeroIterationForLoop,
    ],
    "default": [ReplaceDefault],
    "dropped call": [DropCall],
}
