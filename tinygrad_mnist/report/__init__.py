"""Pictures and the one-page HTML report: files made from plain arrays and dicts. Internal.

The pictures live in `tinygrad_mnist.report.plots`, which imports matplotlib; this module does not.
"""

from tinygrad_mnist.report.page import Section, Table, write_report

__all__ = ["Section", "Table", "write_report"]


def __dir__() -> list[str]:
    return __all__
