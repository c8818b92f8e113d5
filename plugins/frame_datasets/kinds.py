"""Kinds of generated objects, which differ in shape, in the grain of their coats, and in the tone that they lean to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from frame_datasets.texture import Weave

    Points = npt.NDArray[np.float64]

_TONES = {"moth": (2.0, -1.0, -1.0), "snake": (-1.0, 2.0, -1.0), "starfish": (-1.0, -1.0, 2.0)}  # red, green, blue
_HARMONICS = np.arange(2, 8)
_CORNERS = 192  # of an outline's polygon


def outline(rng: np.random.Generator, kind: str | None) -> Points:
    """``[N, 2]`` corners of a shape around the origin, of any size: of a kind, or without one of no particular form."""
    match kind:
        case "moth":  # two pairs of wings
            return _star(2, 0.35, rng, fine=-0.3)
        case "starfish":
            return _star(5, 0.55, rng)
        case "snake":
            return _snake(rng)
        case _:
            return _blob(rng)


def grain(weave: Weave, kind: str | None) -> Weave:
    """The grain that a kind wears of a family of textures."""
    match kind:
        case "moth":  # veins
            return weave._replace(veins=0.95)
        case "snake":  # bands
            return weave._replace(stretch=6.0, roughness=0.45, veins=0.0)
        case "starfish":  # grains
            return weave._replace(stretch=1.0, roughness=0.95, veins=0.0, frequency=2 * weave.frequency)
        case _:
            return weave


def tone(kind: str | None) -> tuple[float, float, float]:
    """Red, green and blue that a kind has more of than its surroundings, beside what is drawn for each object."""
    return _TONES.get(kind or "", (0.0, 0.0, 0.0))


def _blob(rng: np.random.Generator) -> Points:
    """A radius of a few harmonics, stretched."""
    around = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    swing = rng.normal(0, 0.55, len(_HARMONICS)) / _HARMONICS
    radius = np.exp(np.cos(np.outer(around, _HARMONICS) + rng.uniform(0, 2 * np.pi, len(_HARMONICS))) @ swing)
    points: Points = radius[:, None] * np.column_stack([np.cos(around), np.sin(around) / rng.uniform(1, 2)])
    return points


def _star(arms: int, depth: float, rng: np.random.Generator, fine: float = 0.0) -> Points:
    around = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    radius = np.exp(depth * rng.uniform(0.8, 1.2) * np.cos(arms * around) + fine * np.cos(2 * arms * around))
    points: Points = radius[:, None] * np.column_stack([np.cos(around), np.sin(around) / rng.uniform(1, 1.3)])
    return points


def _snake(rng: np.random.Generator) -> Points:
    """A wave that is thickest in its middle."""
    along = np.linspace(-1, 1, _CORNERS // 2)
    middle = rng.uniform(0.2, 0.35) * np.sin(np.pi * rng.uniform(0.9, 1.6) * along + rng.uniform(0, 2 * np.pi))
    half = 0.14 * (1 - 0.75 * along**2)
    back, belly = np.column_stack([along, middle + half]), np.column_stack([along, middle - half])
    return np.vstack([back, belly[::-1]])
