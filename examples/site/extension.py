"""What this site adds to Sphinx: formulas as MathML, pictures of examples, short names, lessons as files."""

import inspect
import re
import sys
from doctest import DocTestParser
from typing import Any
from zipfile import ZipFile

from docutils import nodes
from latex2mathml.converter import convert
from lessons import LESSONS, to_notebook
from reference import room, text_below
from sphinx.application import Sphinx
from thumbnails import draw_what_is_printed


def to_mathml(formula: str, display: str = "inline") -> str:
    """Return LaTeX as MathML, with a space between a function such as log and its argument."""
    return NAMED.sub(r'\1<mspace width="0.17em"/>', convert(formula, display=display))


def visit_math(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(to_mathml(node.astext()))
    raise nodes.SkipNode


def visit_displayed_math(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    formula = to_mathml(node.astext(), display="block")
    translator.body.append(f'<div class="formula" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def find_by_last_name(app: Sphinx, env: Any, node: Any, content: nodes.Element) -> nodes.Element | None:
    """Return a link to the one object that a name ends the full name of, if there is just one."""
    wanted = node.get("reftarget", "").removesuffix("()")
    objects = {
        name: entry
        for name, entry in env.domains["py"].objects.items()
        if entry.objtype in KINDS and not entry.aliased
    }
    found = [name for name in objects if name == f"tinygrad_mnist.{wanted}"] or [
        name for name in objects if name.endswith(f".{wanted}")
    ]
    if node.get("refdomain") != "py" or len(found) != 1:
        return None
    entry = objects[found[0]]
    link = nodes.reference("", "", content, internal=True)
    link["refuri"] = f"{app.builder.get_relative_uri(node['refdoc'], entry.docname)}#{entry.node_id}"
    return link


# An attribute such as `loss`, or a method such as `seed`, is more often a word of the text than a link.
KINDS = {"module", "class", "exception", "function"}
NAMED = re.compile(r"(?<!<msup>)(?<!<msub>)(<mi>[a-z]{2,}</mi>)(?=<m[a-z]+>)")
EMPTY_HEAD = re.compile(r'<th class="head[^"]*"><p></p></th>')
BEFORE_A_SIGN = re.compile(r"(<math(?:(?!</math>).)*</math>)([.,;:)]+)")
FOR_EVERYBODY = {
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer': '<aside aria-label="This page" class="toc-drawer',
    'class="caption" role="heading"': 'class="caption" role="heading" aria-level="2"',
    "<pre>": '<pre tabindex="0">',  # it scrolls
    '<div class="table-wrapper': '<div tabindex="0" role="group" aria-label="Table" class="table-wrapper',
    '<div id="search-results">': '<h1>Search</h1>\n<div id="search-results">',
}
MARKUP = re.compile(r"``.+?``|`[^`]+`|^ *\* |(?P<mark>[*|])")


def take_signs_as_they_are(
    app: Sphinx, kind: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Show ``(*B, n)`` and ``|x|`` of a docstring as they stand; they are no markup there."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[number] = MARKUP.sub(lambda m: f"\\{m['mark']}" if m["mark"] else m[0], line)


def tell_of_constants(app: Sphinx, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Show the text below the assignment of a constant instead of the docstring of its class."""
    place, _, each = name.rpartition(".")
    if kind == "data" and (text := text_below(room(place.removeprefix("tinygrad_mnist.")), each)):
        lines[:] = text.splitlines()


def show_drawings(app: Sphinx, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Run the example of a docstring if it ends in a `Drawing`, and show that below its text."""
    examples = DocTestParser().get_examples("\n".join(lines))
    if not any(example.want.startswith("Drawing(") for example in examples):
        return
    names = dict(vars(sys.modules[value.__module__]))
    places = {}
    for example in examples:
        if example.want.startswith("Drawing("):
            end = example.lineno + example.source.count("\n") + example.want.count("\n")
            places[end] = eval(example.source, names)
        else:
            exec(example.source, names)
    for end, drawing in reversed(places.items()):
        lines[end:end] = ["", ".. raw:: html", "", f"   {drawing.to_html()}", ""]


def show_the_class_own_signature(
    app: Sphinx, kind: str, name: str, value: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, None] | None:
    """Show the parameters of a class, not those of the metaclass that answers a wrong call with advice."""
    if kind != "class" or signature is None:
        return None
    parameters = inspect.signature(value).parameters.values()
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return str(inspect.Signature(plain)), None


def leave_out_foreign(app: Sphinx, kind: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the methods that a base class of another package adds."""
    module = getattr(value, "__module__", None) or "tinygrad_mnist"
    return None if module.startswith("tinygrad_mnist") else True


def offer_the_lessons_themselves(app: Sphinx) -> None:
    """Let the reader download each lesson as it is, and a notebook made from it."""
    for path in LESSONS.glob("[0-9]*.py"):
        (script,) = (app.srcdir / "lessons").glob(f"*/{path.name}")
        notebook = script.with_suffix(".ipynb")
        script.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        notebook.write_text(to_notebook(path), encoding="utf-8")
        with ZipFile(script.with_suffix(".zip"), "w") as together:
            for file in (script, notebook):
                together.write(file, file.name)


def let_everybody_read(app: Sphinx, error: Exception | None) -> None:
    """Add to the theme's pages what readers of the screen and of the keyboard need."""
    for page in app.outdir.rglob("*.html") if error is None else ():
        text = page.read_text(encoding="utf-8")
        if "sidebar-drawer" in text:  # a page of the theme
            for found, better in FOR_EVERYBODY.items():
                text = text.replace(found, better)
            text = EMPTY_HEAD.sub("<td></td>", text)
            text = BEFORE_A_SIGN.sub(r'<span class="together">\1\2</span>', text)
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add all of this to Sphinx."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displayed_math, None))
    app.connect("autodoc-process-docstring", tell_of_constants, priority=350)
    app.connect("autodoc-process-docstring", take_signs_as_they_are, priority=400)  # before numpydoc
    app.connect("autodoc-process-docstring", show_drawings, priority=450)  # whose marks are taken as they are
    app.connect("autodoc-process-signature", show_the_class_own_signature)
    app.connect("autodoc-skip-member", leave_out_foreign)
    app.connect("builder-inited", offer_the_lessons_themselves, priority=900)  # after the gallery
    app.connect("builder-inited", draw_what_is_printed, priority=900)
    app.connect("build-finished", let_everybody_read)
    app.connect("missing-reference", find_by_last_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
