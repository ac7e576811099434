"""Colours, as `#rrggbb`, and their contrast (WCAG 2.2 §1.4.3)."""

import re

FORM = re.compile(r"#[0-9a-fA-F]{6}")
# level AA, for text of any size
ENOUGH = 4.5
_NEARLY_BLACK = 0.04045
# the cards and the grounds of the pages: a button's text has the ground's or the card's colour
LIGHT, DARK = ("#ffffff", "#f3f4f7"), ("#191d26", "#10131a")


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours: 1 for the same, 21 for black and white."""
    lights = sorted((_luminance(first), _luminance(second)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    if part <= _NEARLY_BLACK:
        return part / 12.92
    return float(((part + 0.055) / 1.055) ** 2.4)
