"""Several processes, one device each: what every strategy over a process group shares."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, distributed, nn

from frame import Strategy, UserError
from frame_strategies.meeting import stores
from frame_strategies.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from torch.distributed import ProcessGroup
    from torch.optim import Optimizer
    from torch.utils.data import DataLoader

BACKENDS = {"cuda": "nccl", "xpu": "xccl", "cpu": "gloo"}
_OPERATIONS = {"sum": "SUM", "mean": "SUM", "max": "MAX", "min": "MIN"}  # gloo has no mean


def started_by_launcher() -> bool:
    """Whether this is one of several processes, as ``torchrun`` tells them."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def _number(devices: int | Sequence[int] | None) -> int | None:
    return devices if devices is None or isinstance(devices, int) else len(devices)


class Processes(Strategy):
    """One process of those that ``torchrun`` started, over one device; without a launcher, the only one.

    Parameters
    ----------
    devices
        Devices of this machine, or the indices of which; ``None``: all. Each gets a process. On the CPU, a number of
        processes, 1 by default.
    timeout
        Seconds that a process waits for the others before it gives up.
    """

    def __init__(
        self, *, devices: int | Sequence[int] | None = None, timeout: float = 600.0, max_restarts: int = 0
    ) -> None:
        self.max_restarts = max_restarts
        self.rank, self._world_size, self.local_rank = (
            int(os.environ.get(name, default)) if started_by_launcher() else default
            for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
        )
        self.timeout = timedelta(seconds=timeout)
        self._watch: Watch | nullcontext[None] = nullcontext()
        self._failed = False
        self._kind = next((kind for kind in ("cuda", "xpu") if getattr(torch, kind).is_available()), "cpu")
        self._indices = self._chosen(devices)
        asked = _number(devices)
        if asked not in (None, self.processes()):
            self.advice = (
                f"strategy.devices asks for {asked} processes on this machine, and {self.processes()} were started: "
                "their number is torchrun's --nproc-per-node"
            )
        self._own: list[nn.Parameter] = []  # of the model, whose gradients are exchanged by its wrapper
        self._others: list[nn.Parameter] = []  # of the losses
        self._exchanges = True
        self._talk: ProcessGroup | None = None

    def _chosen(self, devices: int | Sequence[int] | None) -> list[int]:
        """The index of the device of each local process."""
        if self._kind == "cpu":
            return list(range(max(_number(devices) or 1, self.local_rank + 1)))
        found = self._module.device_count()
        chosen = (
            list(range(found)) if devices is None else list(range(devices) if isinstance(devices, int) else devices)
        )
        if not chosen or max(chosen) >= found or len(set(chosen)) < len(chosen):
            raise UserError(f"strategy.devices: {devices} asks for GPUs that are not there: this machine has {found}")
        if self.local_rank >= len(chosen):
            raise UserError(
                f"process {self.local_rank + 1} of this machine has no GPU of its own, there are {len(chosen)}; start "
                "as many with torchrun --nproc-per-node"
            )
        return chosen

    @property
    def _module(self) -> Any:
        return getattr(torch, self._kind)

    def processes(self) -> int:
        return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if started_by_launcher() else len(self._indices)

    @property
    def root_device(self) -> torch.device:
        return torch.device("cpu") if self._kind == "cpu" else torch.device(self._kind, self._indices[self.local_rank])

    @property
    def world_size(self) -> int:
        return self._world_size

    @property
    def global_rank(self) -> int:
        return self.rank

    def describe(self, batch_size: int) -> str:
        if self.world_size == 1:
            return super().describe(batch_size)
        most = -(-batch_size // self.world_size)
        at_most = "at most " if batch_size % self.world_size else ""
        each = f"{at_most}{most} {'image' if most == 1 else 'images'} each"
        name = self._module.get_device_name(self.root_device) if self._kind != "cpu" else "CPU"
        return f"{self.world_size} processes, the first on {name}; {each}"

    def setup_environment(self) -> None:
        if self._kind != "cpu":
            self._module.set_device(self.root_device)
        if not started_by_launcher():
            return
        if not distributed.is_available():
            raise UserError("this torch is built without torch.distributed; use strategy.name = 'single'")
        store, watched = stores(self.rank, self.world_size, self.timeout)
        patience = self.timeout + timedelta(seconds=30)  # the watch speaks first: it knows who is missing
        distributed.init_process_group(
            BACKENDS[self._kind],
            store=store,
            rank=self.rank,
            world_size=self.world_size,
            timeout=patience,
            device_id=None if self._kind == "cpu" else self.root_device,
        )
        # Objects and decisions go by a group of the hosts, so that they don't wait for what a GPU is doing.
        own = self._kind != "cpu"
        self._talk = cast(
            "ProcessGroup",
            distributed.new_group(backend="gloo", timeout=patience) if own else distributed.group.WORLD,
        )
        seconds = self.timeout.total_seconds()
        self._watch = Watch(watched, self.rank, self.world_size, seconds, self._position)
        self.barrier()  # from here on each finds all counts in the store

    def _position(self) -> str:
        return f"after step {self.progress.global_step}" if self.progress else "before the first step"

    def is_first_to_fail(self) -> bool:
        self._failed = True
        return self._watch.is_first_to_fail() if isinstance(self._watch, Watch) else True

    def teardown(self) -> None:
        if self._talk is None:
            return
        self._talk = None
        if not self._failed:  # then the process ends, and saying goodbye could wait for ever for those that hang
            cast("Watch", self._watch).close()
            distributed.destroy_process_group()
            # Gloo's threads need the interpreter once more, to drop the last exchange's tensors. A thread that asks for
            # it while Python is ending is ended too, in the middle of C++, and takes the process with it: SIGABRT.
            time.sleep(0.1)

    @property
    def grouped(self) -> bool:
        """Whether there is a group of processes, if only of one."""
        return self._talk is not None

    def setup_module(self, module: nn.Module) -> nn.Module:
        module = module.to(self.root_device)
        if self.grouped:
            module = self._wrapped(module)
            module.register_forward_pre_hook(lambda *_: self._watch.__enter__())
            module.register_forward_hook(lambda *_: self._watch.__exit__(None, None, None), always_call=True)
        self._own = list(module.parameters())
        return module

    def _wrapped(self, module: nn.Module) -> nn.Module:
        """The model, on its device, so that its gradients are means over processes."""
        raise NotImplementedError

    def setup_optimizer(self, optimizer: Optimizer) -> Optimizer:
        own = set(map(id, self._own))
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        self._others = [each for each in parameters if id(each) not in own]
        return optimizer

    def setup_dataloader(self, loader: DataLoader[Any]) -> DataLoader[Any]:
        cast("Any", loader.batch_sampler).shard(self.rank, self.world_size)
        return loader

    def no_sync(self, module: nn.Module, *, enabled: bool) -> AbstractContextManager[None]:
        return self._apart(module) if enabled and self.grouped else super().no_sync(module, enabled=False)

    @contextmanager
    def _apart(self, module: nn.Module) -> Iterator[None]:
        self._exchanges = False
        try:
            with self._unsynchronised(module):
                yield
        finally:
            self._exchanges = True

    def _unsynchronised(self, module: nn.Module) -> AbstractContextManager[None]:
        """While entered the wrapper of the model keeps gradients to itself."""
        raise NotImplementedError

    def backward(self, loss: Tensor) -> None:
        with self._watch if self._exchanges else nullcontext():
            super().backward(loss)
            if self.grouped and self._exchanges:
                self._average_others()

    def _average_others(self) -> None:
        """What no wrapper of the model does: average the gradients of parameters that losses have."""
        for parameter in self._others:
            if self.reduce_boolean_decision(parameter.grad is not None, all_=False):
                grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self.all_reduce(grad, "mean")

    def all_reduce(self, value: Tensor, op: Literal["sum", "mean", "max", "min"] = "sum") -> Tensor:
        if not self.grouped:
            return value
        value = value.clone()
        operation = getattr(distributed.ReduceOp, _OPERATIONS[op])
        with self._watch:
            distributed.all_reduce(value, operation, self._talk if value.device.type == "cpu" else None)
        return value / self.world_size if op == "mean" else value

    def all_gather(self, value: Any) -> list[Any]:
        if not self.grouped:
            return [value]
        found: list[Any] = [None] * self.world_size
        with self._watch:
            distributed.all_gather_object(found, value, self._talk)
        return found

    def broadcast(self, value: Any) -> Any:
        if not self.grouped:
            return value
        box = [value]
        with self._watch:
            distributed.broadcast_object_list(box, src=0, group=self._talk, device=torch.device("cpu"))
        return box[0]

    def reduce_boolean_decision(self, decision: bool, *, all_: bool = True) -> bool:  # noqa: FBT001  (Fabric's name)
        if not self.grouped:
            return decision
        return bool(self.all_reduce(torch.tensor(decision, dtype=torch.uint8), "min" if all_ else "max"))

    def barrier(self) -> None:
        if self.grouped:
            with self._watch:
                distributed.barrier(self._talk)

    def _kept(self, state: dict[str, Any], *, full: bool) -> dict[str, Any]:
        return super()._kept(state, full=full) if self.is_global_zero else {}

    @contextmanager
    def eval_module(self, module: nn.Module) -> Iterator[nn.Module]:
        self._share_buffers(module)
        with super().eval_module(module) as model:
            yield model

    @torch.no_grad()
    def _share_buffers(self, module: nn.Module) -> None:
        """Give all processes the first one's: statistics of batches that each has seen for itself."""
        if self.grouped:
            for buffer in self.unwrap(module).buffers():
                with self._watch:
                    distributed.broadcast(buffer, src=0)
