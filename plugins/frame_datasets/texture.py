"""Textures of nature: oriented noise of several octaves, coloured by a palette of bark, sand, moss and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_LEVELS = 512  # steps of a palette
_REACH = 4.0  # a palette spans noise from -_REACH to _REACH standard deviations
_GROUNDS = np.array(  # RGB from shade to light
    [
        [(26, 34, 20), (62, 82, 38), (106, 124, 56), (166, 170, 100)],  # forest
        [(40, 42, 22), (82, 84, 36), (128, 122, 56), (170, 156, 102)],  # moss
        [(38, 29, 23), (86, 68, 52), (132, 110, 86), (184, 166, 138)],  # bark
        [(50, 31, 19), (108, 70, 38), (156, 110, 64), (198, 164, 112)],  # fallen leaves
        [(116, 94, 66), (166, 142, 104), (202, 181, 143), (230, 215, 184)],  # sand
        [(52, 53, 54), (100, 101, 99), (146, 146, 141), (196, 195, 187)],  # stone
        [(70, 78, 70), (122, 132, 112), (168, 174, 148), (212, 212, 190)],  # lichen
        [(24, 44, 50), (50, 86, 88), (108, 128, 108), (182, 176, 138)],  # reef
    ],
    dtype=np.float32,
)


class Weave(NamedTuple):
    """The character of a noise: what two textures of one family share, or don't."""

    angle: float
    """Direction of its grain, in radians."""
    frequency: float
    """Cells of its coarsest octave along an image's side."""
    stretch: float
    """How much longer than wide a cell is."""
    roughness: float
    """Amplitude of each octave as a share of the one before."""
    veins: float
    """From 0, soft clouds, to 1, sharp dark lines."""


def random_weave(rng: np.random.Generator) -> Weave:
    """The weave of a background."""
    return Weave(
        angle=rng.uniform(0, np.pi),
        frequency=4 * 2 ** rng.uniform(0, 1),
        stretch=2 ** rng.uniform(0.6, 1.8),
        roughness=rng.uniform(0.65, 0.85),
        veins=rng.uniform(0, 0.7),
    )


def cousin(weave: Weave, rng: np.random.Generator) -> Weave:
    """A weave of the same family, turned by 45 to 90 degrees, with a finer or a coarser grain."""
    finer = 2 ** (rng.choice((-1, 1)) * rng.uniform(0.4, 0.9))
    turn = rng.choice((-1, 1)) * rng.uniform(np.pi / 4, np.pi / 2)
    return weave._replace(angle=weave.angle + turn, frequency=weave.frequency * finer)


def noise(rng: np.random.Generator, side: int, weave: Weave) -> Floats:
    """``[side, side]`` noise with mean 0 and deviation 1: octaves of random cells, turned and stretched."""
    turn = np.array([[np.cos(weave.angle), np.sin(weave.angle)], [-np.sin(weave.angle), np.cos(weave.angle)]])
    turn[0] /= weave.stretch
    total = np.zeros((side, side), np.float32)
    amplitude, frequency = 1.0, weave.frequency
    while frequency <= side / 2:  # finer than two pixels a cell nothing is seen
        octave = _octave(rng, side, turn * (frequency / side))
        total += np.float32(amplitude * (1 - 2 * weave.veins)) * octave
        total += np.float32(amplitude * 2 * weave.veins) * np.abs(octave)
        amplitude, frequency = amplitude * weave.roughness, frequency * 2
    total -= total.mean()
    return total / max(float(total.std()), 1e-6)


def _octave(rng: np.random.Generator, side: int, cells: npt.NDArray[np.float64]) -> Floats:
    """``[side, side]`` smooth noise, whose ``cells @ pixel`` are places in a grid of random values.

    A pixel depends on the grid alone, so that the number of threads changes no bit of it.
    """
    corners = cells @ np.array([[0, side, 0, side], [0, 0, side, side]])
    columns, rows = np.ceil(np.ptp(corners, axis=1)).astype(int) + 5  # a cubic reads up to two cells to each side
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    start = 1 + rng.random(2) - corners.min(axis=1)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(grid, np.column_stack([cells, start]), (side, side), flags=flags)  # type: ignore[return-value]


def random_palette(rng: np.random.Generator) -> Floats:
    """``[3, levels]`` RGB from shade to light: a mixture of two grounds, each colour jittered."""
    first, second = rng.choice(len(_GROUNDS), 2, replace=False)
    share = rng.uniform(0, 0.5)
    stops = (1 - share) * _GROUNDS[first] + share * _GROUNDS[second] + rng.normal(0, 4, 3)
    # Colours crowd towards the ends, so that nothing is cut off flat there.
    place = (1 + np.tanh(np.linspace(-_REACH, _REACH, _LEVELS) / 2.2)) * (len(stops) - 1) / 2
    return np.array([np.interp(place, np.arange(len(stops)), channel) for channel in stops.T], np.float32)


def painted(field: Floats, palette: Floats) -> Floats:
    """``[H, W]`` noise to ``[3, H, W]`` RGB in 0 to 255."""
    levels = (field + np.float32(_REACH)) * np.float32((_LEVELS - 1) / (2 * _REACH))
    return palette.take(levels.astype(np.int32), axis=1, mode="clip")
