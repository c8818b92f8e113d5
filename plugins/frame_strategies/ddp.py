"""Several processes, each with the whole model: torch's DistributedDataParallel."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from frame_strategies.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Ddp(Processes):
    """Each process has the whole model and a share of each batch; gradients are averaged while they are computed.

    Buffers are the first process's. Parameters that no process used have no gradient, as on one device.
    """

    def _wrapped(self, module: nn.Module) -> nn.Module:
        _spend_a_warning(self._talk)
        # Backends and layers choose the strides of a convolution's gradient; nothing that a user could mend.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        return Averaged(module, self.root_device)

    def unwrap(self, module: nn.Module) -> nn.Module:
        return module.module if isinstance(module, Averaged) else module

    def _unsynchronised(self, module: nn.Module) -> AbstractContextManager[None]:
        return cast("Averaged", module).apart()


class Averaged(nn.Module):
    """A model whose gradients are means over processes, whichever of its parameters are trained.

    Torch's wrapper fixes that when it is made, so it is made anew when a training forward finds other flags.
    """

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.module = module
        self._device = device
        self._all = list(module.parameters())
        self._trained: list[bool] = []
        self._made: list[DistributedDataParallel] = []  # in a list, for it is no part of this module
        self._sync = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return self.module(*args, **kwargs)
        trained = [parameter.requires_grad for parameter in self._all]
        if trained != self._trained:
            self._make(trained)
        if not self._made:
            return self.module(*args, **kwargs)
        self._made[0].require_backward_grad_sync = self._sync
        return self._made[0](*args, **kwargs)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """While entered gradients are added up without being averaged."""
        self._sync = False  # for torch's wrapper, which the next forward may make anew
        try:
            yield
        finally:
            self._sync = True

    def _make(self, trained: list[bool]) -> None:
        for each in self._made:
            each._remove_autograd_hooks()  # type: ignore[no-untyped-call]  # noqa: SLF001  (or it would go on averaging)
        self._made.clear()
        self._trained = trained
        if any(trained):
            devices = None if self._device.type == "cpu" else [self._device]
            self._made.append(
                DistributedDataParallel(
                    self.module, device_ids=devices, find_unused_parameters=True, gradient_as_bucket_view=True
                )
            )


def _spend_a_warning(group: Any) -> None:
    """Let torch say where nobody hears it, for it does so once a process, that no parameter was found to be idle.

    It comes from C++ straight to the error stream, at the first step in which a model's every part is used.
    """
    part = DistributedDataParallel(nn.Linear(1, 1), process_group=group, find_unused_parameters=True)
    sys.stderr.flush()
    stream, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        part(torch.zeros(1, 1))
    finally:
        os.dup2(stream, 2)
        os.close(stream)
        os.close(nowhere)
