"""Pictures and the one-page HTML report: files made from plain arrays and dicts. Internal."""

from tinygrad_mnist.report.drawing import Drawing, Panel
from tinygrad_mnist.report.page import FilePicture, Section, Table, write_report

__all__ = ["Drawing", "FilePicture", "Panel", "Section", "Table", "write_report"]


def __dir__() -> list[str]:
    return __all__
