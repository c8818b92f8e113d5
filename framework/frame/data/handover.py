"""Training batches from a loader's workers to the training process, through memory that stays shared.

A ``DataLoader`` makes new shared memory for each batch, and its pages, touched for the first time, cost a worker more
than everything that it does to a cached image beside augmentation. Here each worker writes to places of its own in
turn. The training process uses a batch where it lies, and the place is given back when no tensor refers to it any more;
of several batches of a worker that are in use at a time all but one are copies, so that the worker can go on.
"""

from __future__ import annotations

import os
import shutil
import weakref
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
_EACH = 4  # places of a worker: two batches that are loaded ahead, one that is being taken, and one in use


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
        count = workers * _EACH
        self._memory = _shared(count, 4 * batch_size * size * size)  # of each place the images, then the masks
        self._lent = _shared(count, 1)
        self._in_use = [False] * workers  # in the training process: one of its places
        self._turn = 0  # of this process, if it is a worker
        self._process = os.getpid()

    def lend(self, images: Sequence[Bytes], masks: Sequence[Bytes], unreadable: tuple[str, ...]) -> Lent | None:
        """In a worker: write a batch to its next free place; ``None`` if there is none, or this is no worker."""
        worker = get_worker_info()
        if worker is None or len(images) > self.batch_size:
            return None
        own = (worker.id * _EACH + (self._turn + further) % _EACH for further in range(_EACH))
        place = next((each for each in own if not self._lent[each, 0]), None)
        if place is None:  # as after epochs that were broken off
            return None
        self._turn = place + 1
        for found, stays in zip((images, masks), self._parts(self._memory[place], len(images)), strict=True):
            np.stack(found, out=stays.numpy())
        self._lent[place, 0] = 1
        return Lent(place, len(images), unreadable)

    def take(self, lent: Lent, *, pinned: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """In the training process: a batch's images and masks."""
        memory: Bytes = self._memory[lent.place].numpy()
        images, masks = self._parts(torch.from_numpy(memory), lent.samples)
        worker = lent.place // _EACH
        if pinned or self._in_use[worker]:
            images, masks = (each.pin_memory() if pinned else each.clone() for each in (images, masks))
            self._lent[lent.place, 0] = 0
        else:
            self._in_use[worker] = True
            weakref.finalize(memory, self._give_back, lent.place).atexit = False  # torch holds it while a tensor does
        return images, masks

    def _give_back(self, place: int) -> None:
        if os.getpid() == self._process:  # a fork has the tensors too
            self._in_use[place // _EACH] = False
            self._lent[place, 0] = 0

    def _parts(self, memory: torch.Tensor, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images ``[samples, size, size, 3]`` and masks ``[samples, size, size]`` in a place."""
        pixels = samples * self.size * self.size
        shape = samples, self.size, self.size
        return memory[: 3 * pixels].view(*shape, 3), memory[3 * pixels : 4 * pixels].view(shape)


def _shared(count: int, length: int) -> torch.Tensor:
    """``[count, length]`` zeros that a worker shares, forked or not; no page of it is there before it is written to."""
    memory: Any = torch.UntypedStorage._new_shared(count * length)  # type: ignore[no-untyped-call]  # noqa: SLF001
    flat = torch.empty(0, dtype=torch.uint8).set_(memory)
    return flat.view(count, length)
