"""Training batches from a loader's workers to the training process, through memory that stays shared.

A ``DataLoader`` makes new shared memory for each batch, and its pages, touched for the first time, cost a worker more
than everything that it does to a cached image beside augmentation. Here each worker writes to places of its own in
turn, and the training process copies what it finds there and gives the place back.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import get_worker_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

_SHARED = Path("/dev/shm")  # noqa: S108  (where Linux has it)
_EACH = 3  # places of a worker: two batches that are loaded ahead, and the one that is being copied


class Lent(NamedTuple):
    """A batch in a place, on its way to the training process."""

    place: int
    samples: int
    unreadable: tuple[str, ...]


class Places:
    """For ``workers`` loader workers, batches of up to ``batch_size`` images and masks of ``size`` x ``size``."""

    @classmethod
    def where_there_is_room(cls, workers: int, batch_size: int, size: int) -> Places | None:
        """None without workers, or where shared memory is short, as in a container: to run out of it is fatal."""
        needed = workers * _EACH * batch_size * size * size * 4
        is_short = _SHARED.is_dir() and shutil.disk_usage(_SHARED).free < 2 * needed
        return None if not workers or is_short else cls(workers, batch_size, size)

    def __init__(self, workers: int, batch_size: int, size: int) -> None:
        self.batch_size = batch_size
        self.size = size
        count, pixels = workers * _EACH, batch_size * size * size
        self._images, self._masks = _shared(count, 3 * pixels), _shared(count, pixels)
        self._lent = _shared(count, 1)
        self._turn = 0  # of this process, if it is a worker

    def lend(self, images: Sequence[Bytes], masks: Sequence[Bytes], unreadable: tuple[str, ...]) -> Lent | None:
        """In a worker: write a batch to its next place; ``None`` if that is not given back, or this is no worker."""
        worker = get_worker_info()
        if worker is None or len(images) > self.batch_size:
            return None
        place = worker.id * _EACH + self._turn % _EACH
        self._turn += 1
        if self._lent[place, 0]:  # as after an epoch that was broken off
            return None
        for found, stays in zip((images, masks), self._arrays(place, len(images)), strict=True):
            np.stack(found, out=stays)
        self._lent[place, 0] = 1
        return Lent(place, len(images), unreadable)

    def take(self, lent: Lent, *, pinned: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """In the training process: a batch's images and masks, and its place given back."""
        tensors = map(torch.from_numpy, self._arrays(lent.place, lent.samples))
        images, masks = (each.pin_memory() if pinned else each.clone() for each in tensors)
        self._lent[lent.place, 0] = 0
        return images, masks

    def _arrays(self, place: int, samples: int) -> tuple[Bytes, Bytes]:
        shape = samples, self.size, self.size
        pixels = samples * self.size * self.size
        images, masks = self._images[place].numpy(), self._masks[place].numpy()
        return images[: 3 * pixels].reshape(*shape, 3), masks[:pixels].reshape(shape)


def _shared(count: int, length: int) -> torch.Tensor:
    """``[count, length]`` zeros that a worker shares, forked or not; no page of it is there before it is written to."""
    memory: Any = torch.UntypedStorage._new_shared(count * length)  # type: ignore[no-untyped-call]  # noqa: SLF001
    flat = torch.empty(0, dtype=torch.uint8).set_(memory)
    return flat.view(count, length)
