"""Assembles a page of its texts, with a content security policy that allows these alone."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any

_SHARED = Path(__file__).with_name("shared")


def document(
    folder: Path,
    *,
    title: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    start: str,
    parts: Mapping[str, str],
    programs: str | None = None,
    also: str = "",
) -> str:
    """Return a page: ``page.html`` of a folder with its places filled.

    The browser refuses everything except the page's own scripts and style, for any texts in it.

    Parameters
    ----------
    folder
        Holds ``page.html``, the styles and the scripts.
    title
        The heading, as plain text.
    styles, scripts
        Names of files without their suffix, in the order of the page. What all pages share comes first.
    start
        The last line of the script.
    parts
        Markup for the other places of ``page.html``, by name: `json_for` and `html.escape` make it.
    programs
        The text of a script of its own before the others, if ``page.html`` has a place for it.
    also
        What the policy allows besides, such as ``"img-src data:"``.

    Returns
    -------
    str
        The page as a whole.

    Raises
    ------
    KeyError
        If ``page.html`` has a place that is not filled.

    Examples
    --------
    >>> from html import escape
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.pages import document
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "page.html").write_text("<h1>$title</h1><p>$text</p>")
    ...     parts = {"text": escape("loss < 1")}
    ...     document(Path(folder), title="A & B", styles=[], scripts=[], start="", parts=parts)
    '<h1>A &amp; B</h1><p>loss &lt; 1</p>'
    """
    script = _read_texts(_SHARED, ["elements"], ".js") + _read_texts(folder, scripts, ".js") + start
    style = _read_texts(_SHARED, ["base"], ".css") + _read_texts(folder, styles, ".css")
    run = [script] if programs is None else [script, programs]
    policy = [
        "default-src 'none'",
        "script-src " + " ".join(f"'{_digest(text)}'" for text in run),
        f"style-src '{_digest(style)}'",
        *([also] if also else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    texts = {"policy": "; ".join(policy), "title": escape(title), "style": style, "script": script}
    if programs is not None:
        texts["programs"] = programs
    return Template((folder / "page.html").read_text("utf-8")).substitute({**parts, **texts})


def iframe(page: str, *, title: str, height: int, sandbox: str = "allow-scripts") -> str:
    """Return a page in an iframe for a notebook's output, where neither can disturb the other.

    Parameters
    ----------
    page
        The page as a whole.
    title
        Read by a screen reader.
    height
        In pixels.
    sandbox
        What the page may do.

    Examples
    --------
    >>> from tinygrad_mnist.pages import iframe
    >>> print(iframe("<p>Hello</p>", title="A greeting", height=100))
    <iframe srcdoc="&lt;p&gt;Hello&lt;/p&gt;" sandbox="allow-scripts" title="A greeting" ...></iframe>
    """
    return (
        f'<iframe srcdoc="{escape(page)}" sandbox="{sandbox}" title="{escape(title)}" width="100%" '
        f'height="{height}" style="border: 0"></iframe>'
    )


def _read_texts(folder: Path, names: Sequence[str], suffix: str) -> str:
    """Return texts of a folder, one after the other."""
    return "".join((folder / (name + suffix)).read_text("utf-8") for name in names)


def json_for(data: Any) -> str:
    r"""Return JSON that cannot end the element in which it stands.

    Parameters
    ----------
    data
        What `json.dumps` takes.

    Returns
    -------
    str
        JSON in ASCII, without ``<``, ``>`` and ``&``.

    Examples
    --------
    >>> import json
    >>> from tinygrad_mnist.pages import json_for
    >>> text = json_for({"name": "</script>"})
    >>> print(text)
    {"name":"\u003c/script\u003e"}
    >>> json.loads(text)
    {'name': '</script>'}
    """
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _digest(text: str) -> str:
    """The name under which a policy allows one inline text."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
