"""Image and mask files: reading and writing one of each, and a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from frame.data.images import read_image, read_pixels
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Endings of the image files that are looked for in folders, in lower case."""
_OBJECT = {np.dtype(np.uint8): 128, np.dtype(np.uint16): 128 * 257}  # an object's pixels are above this
_MISFIT = 1.1  # by which the shapes of an image and of its mask may differ
_ROUNDING = 2  # pixels that may be lost where small ones were resized
_JPEG_QUALITY = 95


def read_mask(path: str) -> Bytes:
    """``[H, W]`` with 1 where any colour is above half, else 0; alpha doesn't count.

    Where nothing is brighter, a mask that holds nothing but 0 and 1 is taken as it is, and of one with a palette all
    but black is object: annotation tools write the first object in dark red.
    """
    pixels = read_pixels(path)
    limit = _OBJECT[pixels.dtype]
    colours = pixels[..., :3] if pixels.ndim == 3 else pixels
    brightest = colours.max()
    if brightest == 1 or (brightest <= limit and _has_palette(path)):
        limit = 0
    above = colours > limit
    if above.ndim == 3:
        above = above[..., 0] | above[..., 1] | above[..., 2]
    return above.view(np.uint8)


def _has_palette(path: str) -> bool:
    with open(path, "rb") as file:  # noqa: PTH123 - a tenth of the time
        return file.read(26)[25:] == b"\3"  # a PNG's kind of colour; other files with palettes are rare


def read_pair(image: str, mask: str, read: Callable[[str], Bytes] = read_mask) -> tuple[Bytes, Bytes]:
    """``[H, W, 3]`` RGB and ``[H, W]`` of what ``read`` finds in the mask, at the image's size.

    Raises
    ------
    UserError
        If a file can't be read, or if the two are of different shapes.
    """
    pixels, objects = read_image(image), read(mask)
    if objects.shape != pixels.shape[:2] and objects.shape == pixels.shape[1::-1]:
        # A camera's note turned the image; a mask of the other orientation was drawn on the pixels as they are stored.
        pixels = read_image(image, upright=False)
    if objects.shape != pixels.shape[:2]:
        _refuse_misfits(image, pixels, mask, objects)
        size = (pixels.shape[1], pixels.shape[0])
        objects = cv2.resize(objects, size, interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
    return pixels, objects


def _refuse_misfits(image: str, pixels: Bytes, mask: str, objects: Bytes) -> None:
    (height, width), (rows, columns) = pixels.shape[:2], objects.shape
    close = max(abs(height - rows), abs(width - columns)) <= _ROUNDING
    if not close and max(height * columns, width * rows) > _MISFIT * min(height * columns, width * rows):
        raise UserError(
            f"{image} is {width} x {height} and {mask} is {columns} x {rows}: of one scene they would have one shape; "
            "replace the one that is wrong, or move both out of the set"
        )


def encoded(suffix: str, pixels: Bytes, *settings: int) -> bytes:
    """``[H, W, 3]`` RGB or ``[H, W]`` as a file of the format that ``suffix`` says."""
    ordered = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    return cv2.imencode(suffix, ordered, settings)[1].tobytes()


def write_image(path: Path, image: Bytes) -> None:
    """``[H, W, 3]`` RGB to a JPEG file."""
    path.write_bytes(encoded(path.suffix, image, cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))


def write_mask(path: Path, mask: Bytes) -> None:
    """``[H, W]`` of 0 and 1 to a PNG file of 0 and 255."""
    path.write_bytes(encoded(path.suffix, mask * np.uint8(255)))
