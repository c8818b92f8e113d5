"""A few training samples as they lie on disk, and as training sees them in one epoch after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from frame.contracts.dataset import Sample
    from frame.data.pipeline import TrainingSamples

Bytes = npt.NDArray[np.uint8]


class Seen(NamedTuple):
    """A sample in one epoch."""

    image: Bytes
    """``[size, size, 3]`` RGB."""
    mask: Bytes
    """``[size, size]``"""


class Shown(NamedTuple):
    """One place of the training set."""

    originals: tuple[Sample, ...]
    """What is drawn there in each epoch if the set is fresh; otherwise the one that is always drawn."""
    draws: tuple[Seen, ...]
    """Epochs 0, 1, 2 and so on."""
    unreadable: tuple[str, ...]
    """What is wrong with those for which others stand in."""


def gather(samples: TrainingSamples, count: int, epochs: int) -> list[Shown]:
    """``count`` places, evenly over the set, or all of a smaller one.

    Raises
    ------
    UserError
        If a sample can't be read and none may stand in.
    """
    length = len(samples.subset)
    places = np.linspace(0, length - 1, min(count, length)).round().astype(int)
    return [_at(samples, int(place), epochs) for place in places]


def _at(samples: TrainingSamples, place: int, epochs: int) -> Shown:
    originals: list[Sample] = []
    draws: list[Seen] = []
    told: dict[str, None] = {}
    for epoch in range(epochs):
        drawn: Any = samples[epoch, place]
        if isinstance(drawn, UserError):
            raise drawn
        draws.append(Seen(drawn.image, drawn.mask))
        told |= dict.fromkeys(drawn.unreadable)
        if samples.subset.fresh or not originals:
            stand_in = (place + len(drawn.unreadable)) % len(samples.subset)
            originals.append(samples.subset.at(epoch, stand_in)[1])
    return Shown(tuple(originals), tuple(draws), tuple(told))
