"""Pictures within the page: an image, its mask, what was predicted, and where they differ, as data URIs."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from frame.contracts.dataset import Sample

Bytes = npt.NDArray[np.uint8]

# Okabe and Ito's (2008), which people with any colour vision can tell apart.
GREEN, VERMILION, YELLOW, PURPLE = (0, 158, 115), (213, 94, 0), (240, 228, 66), (204, 121, 167)
ORANGE, SKY, BLUE = (230, 159, 0), (86, 180, 233), (0, 114, 178)
VERDICTS = {"found": GREEN, "false alarm": VERMILION, "missed": YELLOW, "wrong class": PURPLE}
IGNORED = 255
SIDE = 288  # pixels of the longest side that is kept
_STRENGTH = 0.62
_QUALITY, _KEPT_QUALITY = 80, 92
_CRISP = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)  # colours end where errors do


def _palette() -> Bytes:
    """A colour for each class: black for the background, then Okabe and Ito's, ever darker; grey for 255."""
    hues = np.array([ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE], np.float32)
    index = np.arange(255)
    shade = 0.75 ** (index // len(hues))
    table = np.vstack([np.zeros((1, 3)), hues[index % len(hues)] * shade[:, None]])
    table[IGNORED] = 128
    return np.asarray(table, dtype=np.uint8)


PALETTE = _palette()


@dataclass(slots=True)
class Shot:
    """A validation image, small, with its mask and what was predicted; a few tens of kB."""

    id: str
    image: bytes
    """JPEG."""
    truth: Bytes
    """Classes ``[h, w]``; 1 is the object where there is one class."""
    found: Bytes
    """The same of the prediction."""
    grey: Bytes | None
    """Of one class, its probability ``[h, w]`` in 255ths."""
    shares: dict[str, float]
    """What share of the whole mask's pixels each verdict has."""
    area: float
    """Share of the pixels that are no background."""
    score: float = float("nan")

    @classmethod
    def of(cls, sample: Sample, probability: npt.NDArray[np.float32], side: int = SIDE) -> Shot:
        """From a sample at its own size and its probability ``[K, H, W]``."""
        whole = _classes(probability)
        shares = {name: float(where.mean()) for name, where in verdicts(sample.mask, whole).items()}
        height, width = sample.mask.shape
        scale = min(1.0, side / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        planes = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in probability])
        return cls(
            id=sample.id,
            image=_jpeg(small(sample.image, size), _KEPT_QUALITY),
            truth=small(sample.mask, size, cv2.INTER_NEAREST_EXACT),
            found=_classes(planes),
            grey=np.rint(planes[0] * 255).astype(np.uint8) if len(planes) == 1 else None,
            shares=shares,
            area=float(((sample.mask > 0) & (sample.mask != IGNORED)).mean()),
        )

    @property
    def pixels(self) -> Bytes:
        """The image, ``[h, w, 3]`` RGB."""
        pixels: Any = cv2.imdecode(np.frombuffer(self.image, np.uint8), cv2.IMREAD_COLOR)
        return np.asarray(pixels[..., ::-1], dtype=np.uint8)

    def panels(self, side: int = SIDE) -> dict[str, str]:
        """Image, mask, prediction and errors as data URIs, at most ``side`` pixels long."""
        image, truth, found, grey = self.pixels, self.truth, self.found, self.grey
        scale = min(1.0, side / max(truth.shape))
        if scale < 1:
            size = max(1, round(truth.shape[1] * scale)), max(1, round(truth.shape[0] * scale))
            image, grey = small(image, size), grey if grey is None else small(grey, size)
            truth, found = (small(each, size, cv2.INTER_NEAREST_EXACT) for each in (truth, found))
        one = grey is not None
        return {
            "image": jpeg(image),
            "mask": png(np.where(truth > 0, 255, 0).astype(np.uint8)) if one else png(PALETTE[truth]),
            "prediction": jpeg(grey) if grey is not None else png(PALETTE[found]),
            "errors": jpeg(errors(image, truth, found)),
        }


def small(pixels: Bytes, size: tuple[int, int], how: int = cv2.INTER_AREA) -> Bytes:
    """``pixels`` at ``size``, its width and height."""
    return np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)


def verdicts(truth: Bytes, found: Bytes) -> dict[str, npt.NDArray[np.bool_]]:
    """Where each verdict holds, of classes ``[H, W]`` with 0 for the background."""
    there, claimed, counted = truth > 0, found > 0, truth != IGNORED
    return {
        "found": there & (truth == found),
        "false alarm": ~there & claimed,
        "missed": there & ~claimed & counted,
        "wrong class": there & claimed & (truth != found) & counted,
    }


def errors(image: Bytes, truth: Bytes, found: Bytes) -> Bytes:
    """The image in grey, with each pixel's verdict laid over it in its colour."""
    grey = np.repeat(image.mean(axis=2, keepdims=True, dtype=np.float32), 3, axis=2)
    for name, where in verdicts(truth, found).items():
        grey[where] = (1 - _STRENGTH) * grey[where] + _STRENGTH * np.array(VERDICTS[name], np.float32)
    return grey.astype(np.uint8)


def jpeg(pixels: Bytes) -> str:
    """``[H, W, 3]`` RGB or ``[H, W]`` as a data URI."""
    return _uri("jpeg", _jpeg(pixels, _QUALITY))


def png(pixels: Bytes) -> str:
    """The same without loss, for what has few colours."""
    return _uri("png", _encoded(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9]))


def _classes(probability: npt.NDArray[np.float32]) -> Bytes:
    found: Any = probability[0] > 0.5 if len(probability) == 1 else probability.argmax(axis=0)
    return np.asarray(found, dtype=np.uint8)


def _jpeg(pixels: Bytes, quality: int) -> bytes:
    return _encoded(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1, *_CRISP])


def _encoded(suffix: str, pixels: Bytes, settings: list[int]) -> bytes:
    ordered = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    return bytes(cv2.imencode(suffix, ordered, settings)[1].tobytes())


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
