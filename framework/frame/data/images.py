"""Image files. Every one is read by a stated rule or is a :class:`UserError` that names it; none is read halfway."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Pixels = npt.NDArray[Any]

JPEG, TIFF = b"\xff\xd8\xff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # markers of a JPEG: its pixels follow, it ends
_TYPES = (np.uint8, np.uint16)
_set_log_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel  # OpenCV 4, 5


def read_image(path: str | Path, *, upright: bool = True) -> npt.NDArray[np.uint8]:
    """``[H, W, 3]`` RGB, whatever the file holds.

    Turned as its camera noted (EXIF), unless ``upright`` is false; 16 bits are scaled to 8; grey, palettes and CMYK
    become RGB; transparency is dropped; of several frames or pages it is the first.

    Raises
    ------
    UserError
        If the file can't be read, is damaged or cut short, or has pixels of another type than 8 or 16 bits.
    """
    data = _bytes(path)
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    if data.startswith(TIFF):  # whose other types would be squeezed into bytes, or cut off
        flags |= cv2.IMREAD_ANYDEPTH
    pixels = _decoded(path, data, flags)
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)  # type: ignore[return-value]


def read_pixels(path: str | Path) -> Pixels:
    """What a file holds, as it is stored: ``[H, W]`` grey, or ``[H, W, C]`` BGR or BGRA, of 8 or 16 bits.

    Palettes become colours, pixels of fewer bits are scaled to 8. For masks and maps; errors are those of
    :func:`read_image`.
    """
    return _decoded(path, _bytes(path), cv2.IMREAD_UNCHANGED)


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()  # cv2.imread knows no umlauts on Windows and no reasons anywhere
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from None


def _decoded(path: str | Path, data: bytes, flags: int) -> Pixels:
    try:
        pixels = None if not data or _is_cut_short(data) else _imdecode(data, flags)
        if pixels is None and data.startswith(TIFF):  # of a type that has no colours?
            pixels = _imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if "CV_IO_MAX" not in error.err:
            raise
        raise UserError(f"{path} has, or claims, more pixels than can be read: replace it by a smaller one") from None
    if pixels is None:
        raise UserError(f"{path} is damaged or not an image: replace it, or move it and its partner out of the set")
    if pixels.dtype not in _TYPES:
        raise UserError(f"{path} has pixels of type {pixels.dtype}: save it with 8 or 16 bits, unsigned")
    return pixels


def _imdecode(data: bytes, flags: int) -> Pixels | None:
    with quiet_decoder():
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """Without OpenCV's log lines: what is wrong is said once, with the file's name.

    Threads that read are started within one of these, or each of them would end the quiet of the others.
    """
    level = _set_log_level(0)
    try:
        yield
    finally:
        _set_log_level(level)


def _is_cut_short(data: bytes) -> bool:
    """Whether a JPEG lacks its end: before version 5 OpenCV fills in grey for what is missing."""
    if not data.startswith(JPEG) or data.endswith(_END):
        return False
    place = 2
    while data[place : place + 1] == b"\xff" and data[place : place + 2] != _SCAN:  # a thumbnail in here has an end too
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data.find(_END, place) < 0
