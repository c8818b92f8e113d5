"""One process, several GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from frame import Strategy, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence


class DataParallel(Strategy):
    """Splits each batch over the GPUs of one process and gathers the predictions on the first.

    Losses are computed there, once, over the whole batch, so shards of any size weigh what they should. Validation
    and checkpoints see the unwrapped model. With one device there is no wrapper.
    """

    wrapper: ClassVar[type[nn.DataParallel[nn.Module]]] = nn.DataParallel

    def __init__(self, *, devices: int | Sequence[int] | None = None) -> None:
        self.devices = self._chosen(devices)

    def _chosen(self, devices: int | Sequence[int] | None) -> list[int]:
        found = self.available()
        if devices is None:
            chosen = list(range(found))
        else:
            chosen = list(range(devices)) if isinstance(devices, int) else list(devices)
            if not chosen or max(chosen) >= found or len(set(chosen)) < len(chosen):
                raise UserError(
                    f"strategy.devices: {devices} asks for GPUs that are not there: this machine has {found}"
                )
        return chosen

    def available(self) -> int:
        """Number of GPUs that this process sees."""
        return torch.cuda.device_count()

    @property
    def root_device(self) -> torch.device:
        return torch.device("cuda", self.devices[0]) if self.devices else torch.device("cpu")

    @property
    def compiles(self) -> bool:
        return len(self.devices) < 2

    def describe(self, batch_size: int) -> str:
        if len(self.devices) < 2:
            return super().describe(batch_size)
        names = ", ".join(torch.cuda.get_device_name(device) for device in self.devices)
        each = -(-batch_size // len(self.devices))
        return f"{len(self.devices)} GPUs: {names}; {each} images each"

    def setup_module(self, module: nn.Module) -> nn.Module:
        if isinstance(module, nn.DataParallel):
            raise TypeError("the model is wrapped already")
        module = module.to(self.root_device)
        return self.wrapper(module, self.devices) if len(self.devices) > 1 else module

    def unwrap(self, module: nn.Module) -> nn.Module:
        return module.module if isinstance(module, nn.DataParallel) else module
