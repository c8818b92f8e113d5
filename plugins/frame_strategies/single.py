"""One process on one device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Strategy, known_device

if TYPE_CHECKING:
    import torch


class Single(Strategy):
    """Everything on one device; all else is the base class's default."""

    def __init__(self, *, device: str = "auto") -> None:
        self._device = known_device(device, "strategy.device")

    @property
    def root_device(self) -> torch.device:
        return self._device
