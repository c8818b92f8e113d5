"""The generated data set: objects that hide in textures of their own family, a new image for every index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from frame import Sample
from frame_datasets.kinds import grain, outline, tone
from frame_datasets.texture import cousin, noise, painted, random_palette, random_weave

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    import numpy.typing as npt

    from frame_datasets.kinds import Points

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

_STREAMS = {"train": 0, "validation": 1, "test": 2}
_AREA = (0.03, 0.35)  # of the image
_SUBPIXEL = 4  # binary digits of a corner's place


class Camouflage:
    """Camouflaged objects, generated: image ``index`` of a split is a function of (seed, split, index) alone.

    Parameters are those of ``CamouflageOptions``. Splits are disjoint streams of randomness, each without an end.
    """

    fresh = True
    has_validation = True

    def __init__(
        self,
        *,
        split: Literal["train", "validation", "test"],
        seed: int = 0,
        resolution: int = 128,
        train: int = 1024,
        validation_images: int = 128,
        test_images: int = 128,
        difficulty: float = 0.4,
        empty: float = 0.0,
        classes: Sequence[str] = (),
    ) -> None:
        self.split = split
        self.seed = seed
        self.resolution = resolution
        self.length = {"train": train, "validation": validation_images, "test": test_images}[split]
        self.difficulty = difficulty
        self.empty = empty
        self.classes = tuple(classes)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        if index < 0:
            raise IndexError(f"index {index}: generated images are counted from 0")
        rng = np.random.default_rng([self.seed, _STREAMS[self.split], index])
        hidden = rng.random() >= self.empty
        label = int(rng.integers(1, len(self.classes))) if self.classes else 1
        kind = self.classes[label] if self.classes else None
        side = self.resolution
        mask = _filled(outline(rng, kind), rng, side) if hidden else np.zeros((side, side), np.uint8)
        image = _scene(rng, mask, self.difficulty, kind)
        return Sample(image, mask * np.uint8(label), f"camouflage-{self.split}-{index:06d}")

    def describe(self) -> str:
        """One line about the set."""
        return (
            f"camouflage, generated: {self.length} images of {self.resolution} px, seed {self.seed}, "
            f"difficulty {self.difficulty:g}" + (f", {', '.join(self.classes)}" if self.classes else "")
        )


def _filled(points: Points, rng: np.random.Generator, side: int) -> Bytes:
    """``[side, side]`` mask of one outline, turned, of some size, somewhere."""
    angle = rng.uniform(0, 2 * np.pi)
    points = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    x, y = points.T
    area = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
    wanted = np.exp(rng.uniform(*np.log(_AREA))) * side * side
    extent = np.ptp(points, axis=0)
    points *= min(np.sqrt(wanted / area), 0.96 * side / extent.max())
    low, high = points.min(axis=0), points.max(axis=0)
    points += rng.uniform(0.02 * side - low, np.maximum(0.98 * side - high, 0.02 * side - low))
    mask = np.zeros((side, side), np.uint8)
    corners = np.round(points * 2**_SUBPIXEL).astype(np.int32)
    return cv2.fillPoly(mask, [corners], 1, shift=_SUBPIXEL)  # type: ignore[return-value]


def _scene(rng: np.random.Generator, mask: Bytes, difficulty: float, kind: str | None) -> Bytes:
    """``[side, side, 3]`` RGB: a ground, and where the mask is, a cousin of its texture.

    What gives the object away beside its grain (another tone, a rounded body's light) fades as difficulty nears 1.
    """
    side = len(mask)
    ease = 1 - difficulty
    weave, palette = random_weave(rng), random_palette(rng)
    ground, coat = noise(rng, side, weave), noise(rng, side, grain(cousin(weave, rng), kind))
    shift = rng.choice((-1, 1)) * rng.uniform(1.1, 2.2) * ease
    coat += np.float32(cv2.mean(ground, mask)[0] - cv2.mean(coat, mask)[0] + shift)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), side / 128).astype(np.float32, copy=False)
    tint = rng.normal(0, 1, 3) + tone(kind)
    tint *= 24 * ease / np.linalg.norm(tint)
    image = painted(ground + soft * (coat - ground), palette)
    image += soft * tint.astype(np.float32)[:, None, None]
    image *= _light(rng, soft, ease)
    return np.ascontiguousarray(np.clip(image + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def _light(rng: np.random.Generator, soft: Floats, ease: float) -> Floats:
    """``[side, side]`` brightness: a slope over the scene, and a body that is lit from one side."""
    side = len(soft)
    angle = rng.uniform(0, 2 * np.pi)
    across = np.linspace(-1, 1, side, dtype=np.float32)
    light = 1 + 0.12 * (np.float32(np.cos(angle)) * across + np.float32(np.sin(angle)) * across[:, None])
    body = cv2.GaussianBlur(soft, (0, 0), side / 32)
    slope_x, slope_y = cv2.Sobel(body, cv2.CV_32F, 1, 0), cv2.Sobel(body, cv2.CV_32F, 0, 1)
    lit = np.float32(np.cos(angle)) * slope_x + np.float32(np.sin(angle)) * slope_y
    return light * (1 - np.float32(0.25 * ease * side / 128) * lit * soft)
