"""Safe display of text that may come from anywhere: a name may move the cursor or not be text at all."""

from __future__ import annotations

import re

# Control and format characters (among them those that turn the direction of writing), separators of lines,
# and surrogates, by which Python represents the bytes of a file name that are not UTF-8.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str, encoding: str = "utf-8") -> str:
    r"""Return the text with an escape for each character that cannot be shown.

    Parameters
    ----------
    text : str
        One line; a line break is escaped too.
    encoding : str
        Encoding of the terminal or file; characters outside it are escaped too.

    Examples
    --------
    >>> print(visible("a\x1b[31m\nb"))
    a\x1b[31m\nb
    >>> print(visible("fünf"), visible("fünf", "ascii"), visible("f\udcfcnf"))
    fünf f\xfcnf f\xfcnf
    """
    return _INVISIBLE.sub(_escaped, text).encode(encoding, "backslashreplace").decode(encoding)


def visible_lines(text: str, encoding: str = "utf-8") -> str:
    r"""Apply `visible` to each line; line breaks are kept.

    Parameters
    ----------
    text, encoding : str
        As in `visible`.

    Examples
    --------
    >>> from tinygrad_mnist.files import visible_lines
    >>> print(visible_lines("a name that turns red: \x1b[31m\nthe next line"))
    a name that turns red: \x1b[31m
    the next line
    """
    return "\n".join(visible(line, encoding) for line in text.split("\n"))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return match[0].encode("unicode_escape", "surrogatepass").decode()
