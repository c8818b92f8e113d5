"""What is drawn is a function of (seed, epoch, position)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from frame.data.sampling import BatchPlan, hold_out, permutation, sample_seed


def test_an_epoch_is_a_permutation_of_its_own() -> None:
    orders = [permutation(50, seed, epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert permutation(50, 0, 1).tolist() == orders[1]


def test_sample_seeds_do_not_collide() -> None:
    seeds = {sample_seed(seed, epoch, index) for seed in range(3) for epoch in range(10) for index in range(100)}
    assert len(seeds) >= 2998


@pytest.mark.parametrize("length", [1, 5, 12, 13])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_share_each_batch_without_a_double(length: int, world_size: int) -> None:
    whole = BatchPlan(length, 4, seed=9)
    whole.epoch = 2
    shards = []
    for rank in range(world_size):
        plan = BatchPlan(length, 4, seed=9)
        plan.epoch = 2
        plan.shard(rank, world_size)
        shards.append(list(plan))
    for number, batch in enumerate(whole):
        assert sorted(draw for shard in shards for draw in shard[number]) == sorted(batch)
    assert sorted(position for batch in whole for _, position in batch) == list(range(length))
    assert len(whole) == len(list(whole))


@pytest.mark.parametrize("length", range(8))
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_share_whole_batches_and_have_as_many_each(length: int, world_size: int) -> None:
    whole = [batch for batch in BatchPlan(length, 2, whole=True) if batch]
    shards = []
    for rank in range(world_size):
        plan = BatchPlan(length, 2, whole=True)
        plan.shard(rank, world_size)
        shards.append(list(plan))
        assert len(plan) == len(shards[-1]) == len(shards[0])
        assert plan.own == sum(map(len, shards[-1]))
    dealt = [shard[number] for number in range(len(shards[0])) for shard in shards]
    assert [batch for batch in dealt if batch] == whole


def test_the_samples_of_a_window_are_counted_to_the_last_partial_one() -> None:
    plan = BatchPlan(10, 3)
    assert [plan.samples_in(first, 2) for first in (0, 2)] == [6, 4]


def test_hold_out_is_fixed_disjoint_and_stratified() -> None:
    strata = ["crab"] * 60 + ["owl"] * 30 + ["moth"] * 10
    kept, held = hold_out(100, 0.1, seed=5, strata=strata)
    assert sorted([*kept, *held]) == list(range(100))
    assert Counter(strata[index] for index in held) == {"crab": 6, "owl": 3, "moth": 1}
    again = hold_out(100, 0.1, seed=5, strata=strata)
    assert np.array_equal(held, again[1])
    assert not np.array_equal(held, hold_out(100, 0.1, seed=6, strata=strata)[1])


def test_hold_out_keeps_one_on_each_side() -> None:
    for share in (0.001, 0.999):
        kept, held = hold_out(2, share, seed=0)
        assert len(kept) == len(held) == 1
