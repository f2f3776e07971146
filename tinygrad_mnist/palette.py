"""The colours of all pictures: those of M. Okabe and K. Ito, Color universal design (2008).

They are safe for the common kinds of colour blindness.  Blue and orange also differ in lightness, so a pair
of them survives a black-and-white printer.  The others are darker shades, for text and outlines on white.
"""

from typing import Final

BLUE: Final = "#0072b2"
ORANGE: Final = "#e69f00"
VERMILION: Final = "#d55e00"
GREEN: Final = "#009e73"

BURNT_ORANGE: Final = "#b35c00"
DARK_VERMILION: Final = "#b83d00"
DARK_PURPLE: Final = "#8a3a72"
