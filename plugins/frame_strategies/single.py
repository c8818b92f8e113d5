"""One process on one device."""

from __future__ import annotations

import torch

from frame import Strategy, UserError, default_device


class Single(Strategy):
    """Everything on one device; all else is the base class's default."""

    def __init__(self, *, device: str = "auto") -> None:
        self._device = default_device() if device == "auto" else _known(device)

    @property
    def root_device(self) -> torch.device:
        return self._device


def _known(device: str) -> torch.device:
    """``device``, if this machine has it."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
        cause = str(error).splitlines()[0]
        raise UserError(
            f"strategy.device: this machine has no {device!r} ({cause}); 'auto' takes what there is"
        ) from None
    return torch.device(device)
