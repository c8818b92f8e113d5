"""Wrappers in several processes: what takes part in a step, and what does not."""

from __future__ import annotations

import pytest
import torch
from tests.strategies import work

IDLE = "head.parts.3.weight"
SOMETIMES = ("head.parts.0.weight", "head.parts.1.weight")


def test_ddp_averages_what_any_process_used_and_leaves_alone_what_none_did(ranks) -> None:
    first, second = ranks(2, work.gradients, "ddp")
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other)
    step, two, others_trained, again = first
    assert step[IDLE] is step["head.fixed.weight"] is None
    assert all(step[name].abs().sum() > 0 for name in SOMETIMES)
    torch.testing.assert_close(two[SOMETIMES[0]], step[SOMETIMES[0]])
    torch.testing.assert_close(two["head.parts.2.weight"], 3 * step["head.parts.2.weight"])
    assert others_trained["backbone.conv.weight"] is others_trained[SOMETIMES[0]] is None
    torch.testing.assert_close(others_trained[SOMETIMES[1]], 2 * step[SOMETIMES[1]])
    torch.testing.assert_close(again, step)


@pytest.mark.parametrize("asks_for_zeros", [True, False])
def test_fsdp_does_the_same_but_for_zeros(ranks, asks_for_zeros: bool) -> None:
    ddp, _ = ranks(2, work.gradients, "ddp")
    for found in ranks(2, work.gradients, "fsdp", asks_for_zeros):
        for one, other in zip(found, ddp, strict=True):
            trained = {name: grad for name, grad in one.items() if name.rpartition(".")[0] != "head.parts.3"}
            torch.testing.assert_close(trained, {name: other[name] for name in trained})
            assert not one[IDLE].any()


def test_fsdp_keeps_a_shard_of_each_unit_and_the_head_is_one(ranks) -> None:
    (units, own, whole), (_, others, _) = ranks(2, work.sharded)
    assert units == {"", "backbone", "head"}
    assert own + others == whole
    assert abs(own - others) < 0.2 * whole
