"""A program as JavaScript: a module over typed arrays that needs nothing else.

Internal: ``Program.javascript`` is the text.
"""

__all__: list[str] = []
