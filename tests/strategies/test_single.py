"""One device."""

from __future__ import annotations

import pytest
import torch

from frame import UserError, default_device
from frame_strategies.auto import auto
from frame_strategies.single import Single


def test_auto_takes_the_first_device_there_is() -> None:
    assert Single().root_device == default_device()
    if not torch.cuda.is_available():
        assert isinstance(auto(), Single)


@pytest.mark.parametrize("device", ["cuda:99", "xpu", "gpu", "toaster"])
def test_a_device_that_is_not_there_is_told(device: str) -> None:
    with pytest.raises(UserError, match=f"strategy.device: this machine has no '{device}'"):
        Single(device=device)


def test_batches_move_however_they_are_nested() -> None:
    meta = Single(device="meta").batch_to_device({"a": (torch.ones(2), [torch.ones(1)]), "b": "text"})
    assert meta["a"][0].device.type == meta["a"][1][0].device.type == "meta"
    assert meta["b"] == "text"
