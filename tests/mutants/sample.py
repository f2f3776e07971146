"""A random sample of the mutants of a room: as many of each kind."""

import ast
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from parso.tree import NodeOrLeaf

from tests.mutants.operators import KINDS

OPERATORS = {operator.__name__: operator for kind in KINDS.values() for operator in kind}


@dataclass(frozen=True)
class Mutant:
    """One change of one file. Its name, ``file:operator:occurrence``, makes it again."""

    file: str
    operator: str
    occurrence: int

    @property
    def name(self) -> str:
        return f"{self.file}:{self.operator}:{self.occurrence}"

    def code(self, source: str) -> str:
        changed = mutate_code(source, OPERATORS[self.operator](), self.occurrence)
        assert changed is not None, self.name
        return changed

    def diff(self, source: str) -> str:
        lines = difflib.unified_diff(
            source.splitlines(), self.code(source).splitlines(), self.file, self.name, n=2
        )
        return "\n".join(line.rstrip("\n") for line in lines)

    def rows(self, source: str) -> range:
        """The lines of the code that is changed."""
        operator = OPERATORS[self.operator]()
        positions = [at for node in ast_nodes(get_ast(source)) for at in operator.mutation_positions(node)]
        (first, _), (last, _) = positions[self.occurrence]
        return range(first, last + 1)

    def runs_differently(self, source: str) -> bool:
        """False of a change in an annotation, which nothing runs, and of code that Python does not accept."""
        try:
            return _what_runs(self.code(source)) != _what_runs(source)
        except SyntaxError:
            return False


def draw(files: list[Path], root: Path, count: int, seed: int) -> list[Mutant]:
    """`count` mutants, as many of each kind; a place in the code is drawn before what is done to it."""
    chance, mutants = random.Random(seed), []
    sources = {str(file.relative_to(root)): file.read_text() for file in files}
    for kind in KINDS:
        places = sorted(_places(kind, sources).items())
        chance.shuffle(places)
        found = (chance.choice(choices) for _, choices in places)
        usable = (mutant for mutant in found if mutant.runs_differently(sources[mutant.file]))
        mutants += [mutant for mutant, _ in zip(usable, range(count // len(KINDS)))]
    return mutants


def _places(kind: str, sources: dict[str, str]) -> dict[tuple[object, ...], list[Mutant]]:
    places: dict[tuple[object, ...], list[Mutant]] = {}
    for file, source in sources.items():
        nodes = list(ast_nodes(get_ast(source)))
        for operator in KINDS[kind]:
            positions = ((node, at) for node in nodes for at in operator().mutation_positions(node))
            for occurrence, (node, position) in enumerate(positions):
                if not _is_marker(node):
                    places.setdefault((file, position), []).append(
                        Mutant(file, operator.__name__, occurrence)
                    )
    return places


def _is_marker(node: NodeOrLeaf) -> bool:
    """Return True for the * before keywords, in a lambda or a function."""
    parent = node.parent
    return (
        node.type == "operator" and parent is not None and parent.type in {"lambdef", "param", "parameters"}
    )


class _WithoutAnnotations(ast.NodeTransformer):
    """Code as it runs: an annotation, an overload and what only a type checker imports run never."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list):
            return ast.Pass()
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Iterator[ast.AST] | ast.AST:
        return ast.Pass() if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


def _what_runs(source: str) -> str:
    return ast.dump(_WithoutAnnotations().visit(ast.parse(source)))
