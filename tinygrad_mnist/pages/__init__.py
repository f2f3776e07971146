"""Pages with scripts: one file each, that loads nothing, and in which a name cannot be markup."""

from tinygrad_mnist.pages.document import document, iframe, json_for, read_texts

__all__ = ["document", "iframe", "json_for", "read_texts"]


def __dir__() -> list[str]:
    return __all__
