"""What a prediction got right and wrong, pixel by pixel, and its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frame.data.colours import GREEN, PURPLE, VERMILION, YELLOW

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

VERDICT_COLOURS = {"found": GREEN, "false alarm": VERMILION, "missed": YELLOW, "wrong class": PURPLE}
"""RGB of each verdict that :func:`verdicts` tells."""
IGNORED = 255
_STRENGTH = 0.6  # of a colour laid over the grey image


def verdicts(truth: Bytes, found: Bytes) -> dict[str, npt.NDArray[np.bool_]]:
    """Where each verdict holds, of classes ``[H, W]``: 0 is background, and 255 in ``truth`` is not counted."""
    there, claimed, counted = truth > 0, found > 0, truth != IGNORED
    return {
        "found": there & (truth == found),
        "false alarm": ~there & claimed,
        "missed": there & ~claimed & counted,
        "wrong class": there & claimed & (truth != found) & counted,
    }


def draw_errors(image: Bytes, truth: Bytes, found: Bytes) -> Bytes:
    """The image ``[H, W, 3]`` in grey, with each pixel's verdict of classes ``[H, W]`` laid over it in its colour."""
    grey = np.repeat(image.mean(axis=2, keepdims=True, dtype=np.float32), 3, axis=2)
    for name, where in verdicts(truth, found).items():
        grey[where] = (1 - _STRENGTH) * grey[where] + _STRENGTH * np.array(VERDICT_COLOURS[name], np.float32)
    return grey.astype(np.uint8)
