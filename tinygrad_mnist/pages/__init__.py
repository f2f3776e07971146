"""Pages with scripts: one file each, that loads nothing, and in which a name cannot be markup."""

from tinygrad_mnist.pages.document import document, iframe, json_for

__all__ = ["document", "iframe", "json_for"]


def __dir__() -> list[str]:
    return __all__
