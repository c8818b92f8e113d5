"""Colours of errors: Okabe and Ito's (2008), which people with any colour vision can tell apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]  # [H, W, 3] RGB

BACKGROUND, INK = (255, 255, 255), (40, 40, 40)
GREEN, VERMILION, YELLOW, PURPLE = (0, 158, 115), (213, 94, 0), (240, 228, 66), (204, 121, 167)
ERRORS = {"found": GREEN, "false alarm": VERMILION, "missed": YELLOW, "wrong class": PURPLE}
IGNORED = 255
STRENGTH = 0.6  # of a colour laid over the grey image


def errors(image: Picture, truth: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8]) -> Picture:
    """The image in grey, with each pixel's verdict in the colours of ``ERRORS``; classes ``[H, W]``, 0 background."""
    grey = np.repeat(image.mean(axis=2, keepdims=True, dtype=np.float32), 3, axis=2)
    there, claimed, counted = truth > 0, found > 0, truth != IGNORED
    verdicts = {
        "found": there & (truth == found),
        "false alarm": ~there & claimed,
        "missed": there & ~claimed & counted,
        "wrong class": there & claimed & (truth != found) & counted,
    }
    for name, where in verdicts.items():
        grey[where] = (1 - STRENGTH) * grey[where] + STRENGTH * np.array(ERRORS[name], np.float32)
    return grey.astype(np.uint8)
