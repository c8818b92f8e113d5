"""Masks of many classes: files of indices or of colours, and reading and writing them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from frame import UserError, read_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any, Literal

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Colour = tuple[int, int, int]
    Ignored = Literal["others"] | Sequence[int | Colour]

IGNORED, UNKNOWN = 255, 254  # what is no class, and what should not be there
_JPEG = b"\xff\xd8\xff"


class Labels:
    """Reads masks of many classes. Parameters are those of ``ClassOptions``."""

    def __init__(self, classes: Sequence[str], palette: Sequence[Colour] | None = None, ignore: Ignored = ()) -> None:
        self.classes = tuple(classes)
        self.palette = palette
        self.ignore = ignore

    def read(self, path: str) -> Bytes:
        """``[H, W]`` of class indices, 255 where ignored.

        Raises
        ------
        UserError
            If the file can't be read, has been through JPEG, or holds an index or a colour that is no class.
        """
        pixels = read_pixels(path)
        values = _indices(path, pixels) if self.palette is None else _colours(path, pixels)
        mask: Bytes = self._table[values]
        if UNKNOWN in mask:
            self._refuse(path, int(values[mask == UNKNOWN][0]))
        if IGNORED in mask and 1 not in mask and len(self.classes) == 2 and self.palette is None and not self.ignore:
            raise UserError(
                f"{path} holds 0 and 255 alone, and 255 is ignored: an object against a background needs no "
                "data.classes, so take them out; if 255 does mean ignored, say data.ignore = [255]"
            )
        return mask

    @cached_property
    def _table(self) -> Bytes:
        """The class of every index that 16 bits can hold, or of every colour, as a number of 24 bits."""
        fallback = IGNORED if self.ignore == "others" else UNKNOWN
        table = np.full(2**16 if self.palette is None else 2**24, fallback, np.uint8)
        keys: Sequence[int | Colour] = range(len(self.classes)) if self.palette is None else self.palette
        for index, key in enumerate(keys):
            table[_number(key)] = index
        if self.palette is None:
            table[IGNORED] = IGNORED
        for key in () if self.ignore == "others" else self.ignore:
            table[_number(key)] = IGNORED
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_table"}  # 16 MB, made again in a moment

    def _refuse(self, path: str, number: int) -> None:
        if self.palette is None:
            raise UserError(
                f"{path} holds the class {number}, but data.classes names {len(self.classes)}, counted from 0: add "
                f'its name there, or leave such pixels out by data.ignore = [{number}], or all such by "others"'
            )
        colour = [number >> 16, number >> 8 & 255, number & 255]
        raise UserError(
            f"{path} has the colour {colour}, which is not in data.palette: add it there and its class to "
            f'data.classes, or leave such pixels out by data.ignore = [{colour}], or all such by "others"'
        )


def _number(key: int | Colour) -> int:
    return key if isinstance(key, int) else key[0] << 16 | key[1] << 8 | key[2]


def _indices(path: str, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``[H, W]`` of what is stored: OpenCV turns palettes into colours and scales few bits to eight."""
    try:
        with Image.open(path) as image:
            kind, mode = image.format, image.mode
            if mode in {"P", "1"}:
                return np.asarray(image).astype(np.uint8)
    except (OSError, SyntaxError, ValueError) as error:  # though OpenCV has read it
        raise UserError(f"{path} can't be read as indices ({error}): save the mask as PNG") from None
    if kind in {"JPEG", "MPO"}:
        raise _through_jpeg(path)
    bits = _head(path)[24] if kind == "PNG" else 8
    if pixels.ndim == 2:
        return pixels // (255 // (2**bits - 1)) if bits < 8 else pixels
    if not (pixels[..., :1] == pixels[..., 1:3]).all():
        raise UserError(
            f"{path} has colours, not indices of classes: say which colour is which class in data.palette = "
            "[[0, 0, 0], [128, 0, 0], ...], in the order of data.classes"
        )
    values: npt.NDArray[Any] = pixels[..., 0]
    return values


def _colours(path: str, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``[H, W]``, red, green and blue in one number of 24 bits."""
    if _head(path).startswith(_JPEG):
        raise _through_jpeg(path)
    if pixels.dtype != np.uint8:
        raise UserError(f"{path} has 16 bits a colour, which data.palette can't name: save the mask with 8")
    blue, green, red = (pixels[..., number] if pixels.ndim == 3 else pixels for number in range(3))
    numbers: npt.NDArray[np.uint32] = red.astype(np.uint32) << 16 | green.astype(np.uint32) << 8 | blue
    return numbers


def _through_jpeg(path: str) -> UserError:
    return UserError(f"{path} is a JPEG, which blurs one class into another: save masks of classes as PNG")


def _head(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a tenth of the time
        return file.read(25)


def write_labels(path: Path, mask: Bytes) -> None:
    """``[H, W]`` of class indices to a PNG file of indices with a palette, so that a viewer shows the classes."""
    image = Image.fromarray(mask)
    image.putpalette(_pascal_palette().tobytes())
    image.save(path)


def _pascal_palette() -> Bytes:
    """``[256, 3]``: the colours of PASCAL VOC, the bits of an index dealt out to red, green and blue in turn."""
    index = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((index >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return colours
