"""Batches that workers write to places they share with the training process."""

from __future__ import annotations

import shutil
from typing import NamedTuple

import numpy as np
import pytest
import torch

from frame import Sample, UserError
from frame.data import handover
from frame.data.pipeline import Subset, TrainingSamples, batches, training_loader, windows

CPU = torch.device("cpu")
LENGTH = 23


class Numbers:
    """Images whose value is their index; number 5 can't be read."""

    def __len__(self) -> int:
        return LENGTH

    def __getitem__(self, index: int) -> Sample:
        if index == 5:
            raise UserError("five.png is damaged")
        return Sample(np.full((8, 8, 3), index, np.uint8), np.full((8, 8), index % 2, np.uint8), str(index))


def loader_of(workers: int, batch_size: int = 2):
    samples = TrainingSamples(Subset(Numbers()), 8, None, 3, "skip")
    return training_loader(samples, batch_size, workers, CPU)


def epoch(loader, number: int) -> list[tuple[list[int], list[int], tuple[str, ...]]]:
    loader.batch_sampler.epoch = number
    return [(b.images[:, 7, 7, 2].tolist(), b.masks[:, 7, 7].tolist(), b.unreadable) for b in batches(loader)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 2, 30])
def test_what_arrives_is_what_would_be_made_here(workers: int, batch_size: int) -> None:
    here, there = loader_of(0, batch_size), loader_of(workers, batch_size)
    for number in range(3):
        assert epoch(there, number) == epoch(here, number)


def test_batches_that_are_kept_stay_as_they_are() -> None:
    loader = loader_of(2)
    kept = list(batches(loader))
    values = [batch.images.clone() for batch in kept]
    list(batches(loader))
    assert all(torch.equal(batch.images, value) for batch, value in zip(kept, values, strict=True))


def test_a_batch_is_used_where_it_lies_and_a_part_of_it_keeps_its_place() -> None:
    loader = loader_of(1)
    following = batches(loader)
    batch = next(following)
    memory = loader.places._memory
    assert memory.data_ptr() <= batch.images.data_ptr() < memory.data_ptr() + memory.numel()
    part, value = batch.masks[1:], batch.masks[1:].clone()
    del batch
    list(following)
    list(batches(loader))
    assert torch.equal(part, value)
    assert loader.places._lent.sum() == 1
    del part
    assert loader.places._lent.sum() == 0


def test_after_an_epoch_that_was_broken_off_the_next_is_whole() -> None:
    here, there = loader_of(0), loader_of(2)
    for taken in (1, 2, 5):
        following = batches(there)
        for _ in range(taken):
            next(following)
        following.close()
        assert epoch(there, 1) == epoch(here, 1)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_every_batch_of_a_whole_epoch_goes_through_a_place(workers: int, accumulation: int, monkeypatch) -> None:
    taken, take = [], handover.Places.take
    monkeypatch.setattr(
        handover.Places, "take", lambda self, lent, **how: taken.append(lent) or take(self, lent, **how)
    )
    loader = loader_of(workers)
    for number in range(3):
        for _samples, window in windows(loader, accumulation, number):
            assert len(window) <= accumulation
    assert len(taken) == 3 * len(loader)


def test_a_rank_of_several_gets_its_share() -> None:
    whole, shares = loader_of(0, 5), [loader_of(1, 5) for _ in range(2)]
    for rank, loader in enumerate(shares):
        loader.batch_sampler.shard(rank, 2)
    for all_, *each in zip(epoch(whole, 0), *(epoch(loader, 0) for loader in shares), strict=True):
        assert sorted(all_[0]) == sorted(value for share in each for value in share[0])


def test_where_shared_memory_is_short_batches_go_as_torch_sends_them(monkeypatch) -> None:
    class Usage(NamedTuple):
        free: int = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage())
    monkeypatch.setattr(handover, "_SHARED", handover.Path("/"))
    loader = loader_of(2)
    assert loader.places is None
    assert epoch(loader, 0) == epoch(loader_of(0), 0)
