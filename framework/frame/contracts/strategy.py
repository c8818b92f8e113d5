"""Strategies: how a run uses its devices. Every method has a single-device default, so a new one overrides little."""

from __future__ import annotations

import math
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from torch.optim import Optimizer
    from torch.utils.data import DataLoader


def known_device(name: str, key: str) -> torch.device:
    """The device of that name, such as ``"cuda:1"``, or :func:`default_device` for ``"auto"``.

    Raises
    ------
    UserError
        If this machine has no such device; ``key`` is what the name was given as, an option for example.
    """
    if name == "auto":
        return default_device()
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
        cause = str(error).splitlines()[0]
        raise UserError(f"{key}: this machine has no {name!r} ({cause}); 'auto' takes what there is") from None
    return torch.device(name)


def default_device() -> torch.device:
    """The accelerator that is there, the first of its kind (CUDA, XPU, MPS or another), or the CPU."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found or torch.device("cpu")


class HasStep(Protocol):
    """A position in a run."""

    global_step: int
    """Optimizer steps done."""


class Strategy:
    """One device, one process: the base of all strategies. Method names follow Lightning Fabric's.

    The training loop calls these and nothing else, so it knows no strategy; ``module`` is always what
    :meth:`setup_module` returned.
    """

    max_restarts: int = 0
    """How often the processes that Frame starts for :meth:`processes` are started again after one was lost."""
    advice: str | None = None
    """What would serve better on this machine, for the start of the run."""
    progress: HasStep | None = None
    """Where the run is, set once it is built; for messages about processes that don't come."""

    def processes(self) -> int:
        """Processes on this machine: those that a launcher has started, or should start if there is none yet."""
        return 1

    def is_first_to_fail(self) -> bool:
        """Whether no other process has failed before: then this one says why. Called once, when it fails."""
        return True

    def setup_environment(self) -> None:
        """Start whatever the strategy needs (process groups, devices). Called once, before anything is built."""

    def teardown(self) -> None:
        """Undo :meth:`setup_environment`. Called once, after an exception too."""

    @property
    def root_device(self) -> torch.device:
        """The device on which losses are computed and validation runs."""
        return torch.device("cpu")

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return 1

    @property
    def global_rank(self) -> int:
        """Number of this process among all."""
        return 0

    @property
    def is_global_zero(self) -> bool:
        """Whether this process writes files and speaks to the user."""
        return self.global_rank == 0

    @property
    def compiles(self) -> bool:
        """Whether the model may be compiled; not if it is copied or taken apart, for that is in Python alone."""
        return True

    @property
    def checkpoints(self) -> Literal["portable", "sharded", "both"]:
        """How weights and moments are saved: whole, by the first process; by each what it holds; or both."""
        return "portable"

    def describe(self, batch_size: int) -> str:
        """Devices found and used, and the images each gets of a batch, for the start of the run."""
        return f"1 {device_name(self.root_device)}; {batch_size} images a batch"

    def setup_module(self, module: nn.Module) -> nn.Module:
        """Move the model to its device(s) and wrap it if need be."""
        return module.to(self.root_device)

    def setup_optimizer(self, optimizer: Optimizer) -> Optimizer:
        return optimizer

    def setup_dataloader(self, loader: DataLoader[Any]) -> DataLoader[Any]:
        """Give this process its share. The loader's ``batch_sampler`` can ``shard(rank, world_size)``."""
        return loader

    def batch_to_device(self, batch: Any) -> Any:
        """Every tensor in ``batch`` (nested in tuples, lists, dicts), on the root device."""
        if self.root_device.type == "cpu":
            return batch  # loaders leave it there
        return pytree.tree_map_only(Tensor, lambda t: t.to(self.root_device, non_blocking=True), batch)

    def no_sync(self, module: nn.Module, *, enabled: bool) -> AbstractContextManager[None]:
        """While enabled, gradients are accumulated without being exchanged between processes."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]

    def clip_grad_norm_(self, parameters: Sequence[nn.Parameter], max_norm: float) -> Tensor:
        """Scale all gradients to a total norm of at most ``max_norm``; returns the norm before (inf: measure only)."""
        gradients = [each.grad for each in parameters if each.grad is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))  # noqa: SLF001
        # As torch.nn.utils.clip_grad_norm_, which sorts the gradients by device and type first. On a GPU nobody looks.
        if not math.isinf(max_norm) and (norm.device.type != "cpu" or norm > max_norm):
            torch._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))
        return norm

    def optimizer_step(self, optimizer: Optimizer) -> None:
        optimizer.step()

    def all_reduce(self, value: Tensor, op: Literal["sum", "mean", "max", "min"] = "sum") -> Tensor:
        """The same tensor, combined over all processes."""
        return value

    def all_gather(self, value: Any) -> list[Any]:
        """One picklable object of each process, in order of rank."""
        return [value]

    def broadcast(self, value: Any) -> Any:
        """The first process's picklable object."""
        return value

    def reduce_boolean_decision(self, decision: bool, *, all_: bool = True) -> bool:  # noqa: FBT001  (Fabric's name)
        """Whether all (or any) processes say yes."""
        return decision

    def barrier(self) -> None:
        """Wait until all processes are here."""

    def unwrap(self, module: nn.Module) -> nn.Module:
        """The model as it was built, without wrappers."""
        return module

    @contextmanager
    def eval_module(self, module: nn.Module) -> Iterator[nn.Module]:
        """The unwrapped model in eval mode on the root device; each part's training flag comes back at the end."""
        model = self.unwrap(module)
        flags = [(part, part.training) for part in model.modules()]
        model.eval()
        try:
            yield model
        finally:
            for part, training in flags:
                part.training = training

    def model_state_dict(self, module: nn.Module, *, full: bool = True) -> dict[str, Any]:
        """Weights and buffers by the unwrapped model's names; ``full``: whole, on the CPU, on the first process.

        All processes have to call it.
        """
        return self._kept(self.unwrap(module).state_dict(), full=full)

    def load_model_state_dict(self, module: nn.Module, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`model_state_dict` with ``full``; strict."""
        self.unwrap(module).load_state_dict(state)

    def optimizer_state_dict(self, module: nn.Module, optimizer: Optimizer, *, full: bool = True) -> dict[str, Any]:
        """The optimizer's state by the unwrapped model's parameter names; ``full`` as for :meth:`model_state_dict`.

        Rates and other settings of groups are not part of it: they are functions of the position in a stage.
        """
        names = self._parameter_names(module, optimizer)
        state = optimizer.state_dict()["state"]
        return self._kept({names[index]: values for index, values in state.items()}, full=full)

    def load_optimizer_state_dict(self, module: nn.Module, optimizer: Optimizer, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`optimizer_state_dict` with ``full``."""
        indices = {name: index for index, name in enumerate(self._parameter_names(module, optimizer))}
        groups = optimizer.state_dict()["param_groups"]
        known = {indices[name]: values for name, values in state.items()}
        optimizer.load_state_dict({"state": known, "param_groups": groups})

    def _kept(self, state: dict[str, Any], *, full: bool) -> dict[str, Any]:
        """What a state dict of the model or the optimizer hands out: its tensors on the CPU, if ``full`` whole."""
        return dict(pytree.tree_map_only(Tensor, lambda tensor: tensor.detach().cpu(), state))

    def _parameter_names(self, module: nn.Module, optimizer: Optimizer) -> list[str]:
        """The name of each parameter in the order of the optimizer's groups; losses' own are counted."""
        names = {id(parameter): name for name, parameter in self.unwrap(module).named_parameters()}
        numbers = count()
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        return [names.get(id(parameter)) or f"loss.{next(numbers)}" for parameter in parameters]


def device_name(device: torch.device) -> str:
    """The kind of a device and its maker's name for it: ``GPU: Tesla T4``, ``CPU: 2 threads``."""
    if device.type == "cuda":
        return f"GPU: {torch.cuda.get_device_name(device)}"
    if device.type == "cpu":
        return f"CPU: {torch.get_num_threads()} threads"
    return device.type.upper()
