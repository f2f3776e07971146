"""Text from anywhere, made fit to be shown: a name may hold what moves the cursor or is no text at all."""

from __future__ import annotations

import re

# Control and format characters (among them those that turn the direction of writing), separators of lines,
# and the halves of a character, which stand in Python for the bytes of a file name that are not UTF-8.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str, encoding: str = "utf-8") -> str:
    r"""Return the text with an escape in the place of each character that cannot be shown.

    Parameters
    ----------
    text : str
        One line: a line break in it is escaped too.
    encoding : str
        What the terminal or file can hold; other characters are escaped as well.

    Examples
    --------
    >>> print(visible("a\x1b[31m\nb"))
    a\x1b[31m\nb
    >>> print(visible("fünf"), visible("fünf", "ascii"), visible("f\udcfcnf"))
    fünf f\xfcnf f\xfcnf
    """
    return _INVISIBLE.sub(_escaped, text).encode(encoding, "backslashreplace").decode(encoding)


def visible_lines(text: str, encoding: str = "utf-8") -> str:
    """Return `visible` of each line, the line breaks kept."""
    return "\n".join(visible(line, encoding) for line in text.split("\n"))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return match[0].encode("unicode_escape", "surrogatepass").decode()
