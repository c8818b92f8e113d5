"""Predictions as files: masks, probabilities and overlays."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from PIL import Image

from frame.data.colours import CLASS_COLOURS, VERMILION
from frame.data.files import encoded

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

TINT = 0.4  # of a colour laid over the image
_OUTLINE = 250  # sides of an image to one of its outline
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92)
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3)  # of maps: half the time of the default, hardly larger


class Style(NamedTuple):
    """How a probability becomes a mask, and its colours."""

    threshold: float = 0.5
    """Object is what is above it; for one class."""
    colours: Bytes = CLASS_COLOURS
    """``[256, 3]`` RGB by class."""


def classes_of(probability: Floats, threshold: float = 0.5) -> Bytes:
    """``[K, H, W]`` to ``[H, W]``: 0 or 1 for one class, otherwise the index of the most probable."""
    found = probability[0] > threshold if len(probability) == 1 else probability.argmax(axis=0)
    return np.asarray(found, dtype=np.uint8)


def mask_file(found: Bytes, style: Style, *, binary: bool) -> bytes:
    """A PNG of 0 and 255; for several classes of their indices, with their colours as its palette."""
    if binary:
        return encoded(".png", found * np.uint8(255), *_PNG)
    picture = Image.fromarray(found)
    picture.putpalette(style.colours.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return file.getvalue()


def probability_file(plane: Floats) -> bytes:
    """``[H, W]`` as a grey PNG, 255 for certain."""
    return encoded(".png", np.rint(plane * 255).astype(np.uint8), *_PNG)


def overlay_file(image: Bytes, found: Bytes, style: Style, *, binary: bool) -> bytes:
    """A JPEG of the image, each object tinted and outlined in its colour."""
    drawn = image.copy()
    thickness = max(1, round(min(found.shape) / _OUTLINE))
    for index in np.unique(found[found > 0]):
        colour = np.array(VERMILION if binary else style.colours[index], np.float32)
        object_ = (found == index).view(np.uint8)
        where = object_.astype(bool)
        drawn[where] = ((1 - TINT) * image[where] + TINT * colour).astype(np.uint8)
        outlines, _ = cv2.findContours(object_, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, (255, 255, 255), thickness + 2, cv2.LINE_AA)
        cv2.drawContours(drawn, outlines, -1, colour.tolist(), thickness, cv2.LINE_AA)
    return encoded(".jpg", drawn, *_JPEG)
