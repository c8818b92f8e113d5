"""One process, several GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import nn

from frame import Strategy, UserError
from frame_strategies.replicas import Replicas

if TYPE_CHECKING:
    from collections.abc import Sequence

_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


class DataParallel(Strategy):
    """Splits each batch over the GPUs of one process and gathers the predictions on the first.

    Losses are computed there, once, over the whole batch, so shards of any size weigh what they should. Validation
    and checkpoints see the unwrapped model. With one device there is no wrapper.
    """

    device_type: ClassVar[str] = "cuda"

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

    def name(self, device: int) -> str:
        """The maker's name for a GPU."""
        return torch.cuda.get_device_name(device)

    @property
    def root_device(self) -> torch.device:
        return torch.device(self.device_type, self.devices[0]) if self.devices else torch.device("cpu")

    @property
    def compiles(self) -> bool:
        return len(self.devices) < 2

    def describe(self, batch_size: int) -> str:
        if len(self.devices) < 2:
            return super().describe(batch_size)
        names = ", ".join(self.name(device) for device in self.devices)
        most = -(-batch_size // len(self.devices))
        at_most = "at most " if batch_size % len(self.devices) else ""
        return f"{len(self.devices)} GPUs: {names}; {at_most}{most} {'image' if most == 1 else 'images'} each"

    def setup_module(self, module: nn.Module) -> nn.Module:
        """Move the model to the first device and wrap it.

        Raises
        ------
        TypeError
            If it is wrapped already, or holds what can't be copied: a scripted or compiled part.
        """
        for name, part in module.named_modules():
            if isinstance(part, _WRAPPERS):
                raise TypeError(f"the model is wrapped already: {name or 'it'} is a {type(part).__name__}")
            if len(self.devices) > 1 and (isinstance(part, torch.jit.ScriptModule) or hasattr(part, "_orig_mod")):
                raise TypeError(f"{name or 'the model'} is a {type(part).__name__}, of which there can be no copies")
        module = module.to(self.root_device)
        if len(self.devices) < 2:
            return module
        return Replicas(module, [torch.device(self.device_type, device) for device in self.devices])

    def unwrap(self, module: nn.Module) -> nn.Module:
        while isinstance(module, _WRAPPERS) or hasattr(module, "_orig_mod"):
            module = cast("nn.Module", module.module if isinstance(module, _WRAPPERS) else module._orig_mod)  # noqa: SLF001
        return module
