"""Pictures within the page: an image, its mask, what was predicted, and where they differ, as data URIs."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from frame.data.colours import CLASS_COLOURS
from frame.data.files import encoded
from frame.data.verdicts import IGNORED, draw_errors, verdicts
from frame.engine.inference.drawn import classes_of

if TYPE_CHECKING:
    from frame.contracts.dataset import Sample

Bytes = npt.NDArray[np.uint8]

SIDE = 288  # pixels of the longest side that is kept
_QUALITY, _KEPT_QUALITY = 80, 92
_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)
_CRISP = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)  # colours end where errors do


@dataclass(slots=True)
class Shot:
    """A validation image, small, with its mask and what was predicted; kept encoded, in a few tens of kB."""

    id: str
    size: tuple[int, int]
    """Width and height of what is kept."""
    image: bytes
    """JPEG."""
    maps: bytes
    """PNG of three planes: the mask's classes, the predicted ones, and of one class its probability in 255ths."""
    one_class: bool
    shares: dict[str, float]
    """What share of the whole mask's pixels each verdict has."""
    area: float
    """Share of the pixels that are no background."""
    score: float = float("nan")

    @classmethod
    def of(cls, sample: Sample, probability: npt.NDArray[np.float32], side: int = SIDE) -> Shot:
        """From a sample at its own size and its probability ``[K, H, W]``."""
        shares = {name: float(where.mean()) for name, where in verdicts(sample.mask, classes_of(probability)).items()}
        size = _within(side, sample.mask.shape)
        planes = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in probability])
        grey = np.rint(planes[0] * 255 * (len(planes) == 1)).astype(np.uint8)
        maps = np.dstack([small(sample.mask, size, cv2.INTER_NEAREST_EXACT), classes_of(planes), grey])
        return cls(
            id=sample.id,
            size=size,
            image=_jpeg(small(sample.image, size), _KEPT_QUALITY),
            maps=encoded(".png", maps, *_FAST),
            one_class=len(planes) == 1,
            shares=shares,
            area=float(((sample.mask > 0) & (sample.mask != IGNORED)).mean()),
        )

    @property
    def pixels(self) -> Bytes:
        """The image, ``[h, w, 3]`` RGB."""
        return _decoded(self.image)

    def panels(self, side: int = SIDE) -> dict[str, str]:
        """Image, mask, prediction and errors as data URIs, at most ``side`` pixels long."""
        size = _within(side, self.size[::-1])
        image, maps = small(self.pixels, size), small(_decoded(self.maps), size, cv2.INTER_NEAREST_EXACT)
        truth, found, grey = (np.ascontiguousarray(maps[..., plane]) for plane in range(3))
        return {
            "image": jpeg(image),
            "mask": png(np.where(truth > 0, 255, 0).astype(np.uint8) if self.one_class else CLASS_COLOURS[truth]),
            "prediction": jpeg(grey) if self.one_class else png(CLASS_COLOURS[found]),
            "errors": jpeg(draw_errors(image, truth, found)),
        }


def small(pixels: Bytes, size: tuple[int, int], how: int = cv2.INTER_AREA) -> Bytes:
    """``pixels`` at ``size``, its width and height."""
    if size == pixels.shape[1::-1]:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)


def jpeg(pixels: Bytes) -> str:
    """``[H, W, 3]`` RGB or ``[H, W]`` as a data URI."""
    return _uri("jpeg", _jpeg(pixels, _QUALITY))


def png(pixels: Bytes) -> str:
    """The same without loss, for what has few colours."""
    return _uri("png", encoded(".png", pixels, cv2.IMWRITE_PNG_COMPRESSION, 9))


def _jpeg(pixels: Bytes, quality: int) -> bytes:
    return encoded(".jpg", pixels, cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1, *_CRISP)


def _decoded(data: bytes) -> Bytes:
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(pixels[..., ::-1], dtype=np.uint8)


def _within(side: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of ``[H, W]`` made no longer than ``side``."""
    scale = min(1.0, side / max(shape))
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
