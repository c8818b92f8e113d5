"""Colours of classes: Okabe and Ito's (2008), which people with any colour vision can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

GREEN, VERMILION, YELLOW, PURPLE = (0, 158, 115), (213, 94, 0), (240, 228, 66), (204, 121, 167)
ORANGE, SKY, BLUE = (230, 159, 0), (86, 180, 233), (0, 114, 178)
_IGNORED = 255


def _class_colours() -> npt.NDArray[np.uint8]:
    hues = np.array([ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE], np.float32)
    index = np.arange(255)
    shade = 0.25 + 0.75 * 0.8 ** (index // len(hues))  # never so dark that a class is taken for the background
    table = np.vstack([np.zeros((1, 3)), hues[index % len(hues)] * shade[:, None]])
    table[_IGNORED] = 128
    return table.astype(np.uint8)


CLASS_COLOURS = _class_colours()
"""``[256, 3]`` RGB, a colour for each class: black for the background, then seven hues, ever darker; grey for 255."""
