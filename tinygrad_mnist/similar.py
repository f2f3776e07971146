"""Words that resemble another, for errors that ask what was meant."""

from __future__ import annotations

from collections.abc import Iterable


def similar(word: str, words: Iterable[str], most: int = 1) -> list[str]:
    """Return up to `most` of the words that resemble `word`, the most similar first."""
    from difflib import get_close_matches  # at the first mistake: importing the package stays cheap

    return get_close_matches(word[:60], list(words), most)  # the text may be a megabyte
