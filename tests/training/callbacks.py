"""Functions as callbacks."""


class Calls:
    """A callback that calls functions: ``Calls(after_step=function)``."""

    def __init__(self, **hooks):
        vars(self).update(hooks)
