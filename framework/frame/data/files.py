"""Image and mask files: reading and writing one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

_OBJECT = {np.dtype(np.uint8): 128, np.dtype(np.uint16): 128 * 257}  # an object's pixels are above this
_JPEG_QUALITY = 95


def read_pair(image: str, mask: str) -> tuple[Bytes, Bytes]:
    """``[H, W, 3]`` RGB and ``[H, W]`` 0 or 1, the mask at the image's size.

    Raises
    ------
    UserError
        If a file can't be read.
    """
    pixels, objects = _decoded(image, cv2.IMREAD_COLOR), read_mask(mask)
    if objects.shape != pixels.shape[:2] and objects.shape == pixels.shape[1::-1]:
        # A camera's note turned the image; a mask of the other orientation was drawn on the pixels as they are stored.
        pixels = _decoded(image, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if objects.shape != pixels.shape[:2]:
        size = (pixels.shape[1], pixels.shape[0])
        objects = cv2.resize(objects, size, interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels), objects  # type: ignore[return-value]


def read_image(path: str) -> Bytes:
    """``[H, W, 3]`` RGB, turned as the camera's note says.

    Raises
    ------
    UserError
        If the file can't be read.
    """
    pixels = _decoded(path, cv2.IMREAD_COLOR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)  # type: ignore[return-value]


def read_mask(path: str) -> Bytes:
    """``[H, W]`` with 1 where any colour is above half, else 0; alpha doesn't count.

    A mask that holds nothing but 0 and 1 is taken as it is.
    """
    pixels = _decoded(path, cv2.IMREAD_UNCHANGED)
    if pixels.dtype not in _OBJECT:
        raise UserError(f"{path} has pixels of type {pixels.dtype}: save the mask with 8 or 16 bits a pixel")
    limit = 0 if pixels.max() == 1 else _OBJECT[pixels.dtype]
    above = pixels > limit
    if above.ndim == 3:
        above = above[..., 0] | above[..., 1] | above[..., 2]
    return above.view(np.uint8)


def _decoded(path: str, flags: int) -> Bytes:
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread knows no umlauts on Windows and no reasons anywhere
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from None
    pixels = cv2.imdecode(data, flags) if data.size else None
    if pixels is None:
        raise UserError(f"{path} is damaged or not an image: replace it, or move it and its partner out of the set")
    return pixels  # type: ignore[return-value]


def write_image(path: Path, image: Bytes) -> None:
    """``[H, W, 3]`` RGB to a JPEG file."""
    _write(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])  # type: ignore[arg-type]


def write_mask(path: Path, mask: Bytes) -> None:
    """``[H, W]`` of 0 and 1 to a PNG file of 0 and 255."""
    _write(path, mask * np.uint8(255), [])


def _write(path: Path, pixels: Bytes, settings: list[int]) -> None:
    _, data = cv2.imencode(path.suffix, pixels, settings)
    path.write_bytes(data.tobytes())
