"""Counter-based sampling: what is drawn is a function of (seed, epoch, position), so there is no state to lose.

Resuming, another number of workers and another number of processes all see the same samples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

Draw = tuple[int, int]
"""(epoch, position): which sample, and which of its random variants."""

_PERMUTATION, _SAMPLE, _HOLD_OUT = range(3)  # streams that must not overlap


def permutation(length: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order of an epoch."""
    return np.random.default_rng([seed, _PERMUTATION, epoch]).permutation(length)


def sample_seed(seed: int, epoch: int, index: int) -> int:
    """A 32-bit seed for all randomness of one sample in one epoch."""
    return int(np.random.SeedSequence([seed, _SAMPLE, epoch, index]).generate_state(1)[0])


def hold_out(
    length: int, share: float, seed: int, strata: Sequence[str] | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split ``range(length)`` into (kept, held out), both sorted, with every stratum in proportion.

    At least one item is held out and one kept; ``length`` must be 2 or more.
    """
    count = min(max(1, round(length * share)), length - 1)
    order = np.random.default_rng([seed, _HOLD_OUT]).permutation(length)
    if strata is not None:
        order = order[np.argsort(np.asarray(strata)[order], kind="stable")]
    # Items of a stratum now stand together, shuffled: equal steps through them take from each in proportion.
    held = np.zeros(length, dtype=bool)
    held[order[np.arange(count) * length // count]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


class BatchPlan:
    """The batches of an epoch, as lists of :data:`Draw`; a ``batch_sampler`` for torch's ``DataLoader``.

    Set ``epoch``, and ``start`` to begin with a later batch, before each pass.

    Parameters
    ----------
    length
        Samples an epoch.
    batch_size
        Samples a batch over all processes; the last batch holds what is left.
    seed
        Shuffles each epoch in its own way; ``None`` keeps the order.
    whole
        Share whole batches out among processes, so that an image is computed beside the same others as on one device;
        otherwise each batch's samples.
    """

    def __init__(self, length: int, batch_size: int, seed: int | None = None, *, whole: bool = False) -> None:
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.whole = whole
        self.epoch, self.start = 0, 0
        self.rank, self.world_size = 0, 1

    def shard(self, rank: int, world_size: int) -> None:
        """Give this process every ``world_size``-th sample of each batch, or every ``world_size``-th batch.

        Each process has the same number of batches; the last may be empty.
        """
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        """Batches of each process."""
        batches = math.ceil(self.length / self.batch_size)
        return math.ceil(batches / self.world_size) if self.whole else batches

    @property
    def own(self) -> int:
        """Samples of this process from ``start`` on."""
        return sum(map(len, self))

    def samples_in(self, first: int, batches: int) -> int:
        """Samples over all processes in ``batches`` batches from number ``first`` on."""
        return min(self.length, (first + batches) * self.batch_size) - first * self.batch_size

    def __iter__(self) -> Iterator[list[Draw]]:
        order = range(self.length) if self.seed is None else permutation(self.length, self.seed, self.epoch).tolist()
        for number in range(self.start, len(self)):
            first = (number * self.world_size + self.rank if self.whole else number) * self.batch_size
            batch = order[first : first + self.batch_size]
            own = batch if self.whole else batch[self.rank :: self.world_size]
            yield [(self.epoch, position) for position in own]
