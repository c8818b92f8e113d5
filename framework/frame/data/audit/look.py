"""What one item shows: whether it can be read, sizes, the mask's levels, and a print to compare images by."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from frame.data.files import read_mask
from frame.data.images import read_pixels
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    import numpy.typing as npt

    from frame.contracts.dataset import Dataset

    Bytes = npt.NDArray[np.uint8]

_FAR = 16  # of 255: a pixel is grey if it is farther than this from black and from white
_HASH, THUMBNAIL = 8, 32  # side of either half of the hash, and of the thumbnail, in pixels


class Print(NamedTuple):
    """An image's content, so that it is known again after another name, another quality and another size."""

    digest: bytes
    """Of the decoded pixels: equal for equal images."""
    bits: npt.NDArray[np.bool_]
    """``[128]``, a difference hash (dHash): whether the image grows brighter to the right, and downwards, on 8 x 8."""
    thumbnail: Bytes
    """``[32, 32]`` grey."""


class Look(NamedTuple):
    """One item."""

    fault: str = ""
    """Why it can't be read; then the rest says nothing."""
    image_size: tuple[int, int] = (0, 0)
    """Width and height."""
    mask_size: tuple[int, int] = (0, 0)
    """Of the mask's file."""
    grey: int = 0
    """Pixels of a mask with more than two levels that are neither near black nor near white."""
    colours: int = 0
    """How many a mask shows, black aside, that is read as one kind of object."""
    share: float = 0.5
    """Of the mask that is object."""
    print: Print | None = None


def look_at(dataset: Dataset, index: int, mask: str, *, binary: bool) -> Look:
    """Read an item as a run does, and its mask's file. Of a mask of many classes only the size is looked at."""
    try:
        sample = dataset[index]
    except UserError as error:
        return Look(str(error))
    size = (sample.image.shape[1], sample.image.shape[0])
    try:
        pixels = read_pixels(mask)
    except UserError:  # of a kind that only its data set can read
        return Look("", size, size, print=_print(sample.image))
    grey, colours, share = (_grey(pixels), _colours(pixels), float(sample.mask.mean())) if binary else (0, 0, 0.5)
    return Look("", size, (pixels.shape[1], pixels.shape[0]), grey, colours, share, _print(sample.image))


def is_blank(mask: str) -> bool:
    """Whether a mask that can be read has no object."""
    try:
        return not read_mask(mask).any()
    except UserError:
        return False


def _grey(pixels: npt.NDArray[Any]) -> int:
    """Pixels far from black and white, if there are more than two levels: 0 and 128, or 0 and 1, are as good as any."""
    levels = pixels[..., :3].max(axis=-1) if pixels.ndim == 3 else pixels  # alpha doesn't count
    if levels.dtype == np.uint16:
        levels = (levels // 257).astype(np.uint8)
    counts = np.bincount(levels.ravel(), minlength=256)
    return int(counts[_FAR + 1 : 255 - _FAR].sum()) if np.count_nonzero(counts) > 2 else 0


def _colours(pixels: npt.NDArray[Any]) -> int:
    """Mixtures of full red, green and blue that cover a thousandth of the mask each: two classes have two."""
    if pixels.ndim < 3:
        return 1
    full = pixels[..., :3] > np.iinfo(pixels.dtype).max // 2
    mixtures = np.bincount((full @ np.array([1, 2, 4])).ravel(), minlength=8)[1:]
    return int(np.count_nonzero(mixtures * 1000 > full[..., 0].size))


def _print(pixels: Bytes) -> Print:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = _shrunk(grey, _HASH * (_HASH + 1), _HASH * (_HASH + 1))  # from here on it is quick
    right, down = _shrunk(small, _HASH + 1, _HASH), _shrunk(small, _HASH, _HASH + 1)
    bits = np.concatenate([(right[:, 1:] > right[:, :-1]).ravel(), (down[1:] > down[:-1]).ravel()])
    digest = blake2b(np.ascontiguousarray(pixels).data, digest_size=16)
    digest.update(repr(pixels.shape).encode())
    return Print(digest.digest(), bits, _shrunk(grey, THUMBNAIL, THUMBNAIL))


def _shrunk(grey: object, width: int, height: int) -> Bytes:
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[call-overload, no-any-return]
