"""Several processes, each with a shard of the model: torch's FSDP2."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.utils import _pytree as pytree

from frame_strategies.processes import Processes
from frame_strategies.units import touched, units_of, without_views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch.optim import Optimizer

ASKS_FOR_ZEROS = hasattr(FSDPModule, "set_reduce_scatter_unused_params")  # newer than torch 2.6


class Fsdp(Processes):
    """Each process keeps a shard of every parameter and of its moments, and puts a part together while it is at work.

    What is put together at a time are the large modules of the backbone's stages, the head, and the rest. Parameters
    that no process used have a gradient of zeros, where on one device they would have none.
    """

    def __init__(self, *, checkpoints: Literal["portable", "sharded", "both"] = "portable", **options: Any) -> None:
        super().__init__(**options)
        self._checkpoints = checkpoints

    @property
    def checkpoints(self) -> Literal["portable", "sharded", "both"]:
        return self._checkpoints if self.grouped else "portable"

    @property
    def compiles(self) -> bool:
        return not self.grouped  # what puts parts together are Python hooks

    def _wrapped(self, module: nn.Module) -> nn.Module:
        model: Any = module.to(memory_format=torch.contiguous_format)  # which it insists on
        mesh = init_device_mesh(self.root_device.type, (self.world_size,))
        for unit in units_of(model):
            without_views(unit)
            if not ASKS_FOR_ZEROS:
                touched(unit)
            fully_shard(unit, mesh=mesh, reshard_after_forward=True)
        if ASKS_FOR_ZEROS:
            model.set_reduce_scatter_unused_params(True)
        return cast("nn.Module", model)

    @contextmanager
    def _unsynchronised(self, module: nn.Module) -> Iterator[None]:
        model = cast("FSDPModule", module)
        model.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            model.set_requires_gradient_sync(True)

    @contextmanager
    def eval_module(self, module: nn.Module) -> Iterator[nn.Module]:
        # What is put together in inference mode could not be trained afterwards.
        with torch.inference_mode(mode=False), torch.no_grad(), super().eval_module(module) as model:
            yield model

    def setup_optimizer(self, optimizer: Optimizer) -> Optimizer:
        """Parameters of losses, which are not sharded, get groups of their own: kernels want one kind."""
        super().setup_optimizer(optimizer)
        others = set(map(id, self._others))
        for group in list(optimizer.param_groups) if self.grouped else ():
            whole = [each for each in group["params"] if id(each) in others]
            if 0 < len(whole) < len(group["params"]):
                group["params"] = [each for each in group["params"] if id(each) not in others]
                optimizer.add_param_group({**group, "params": whole})
        return optimizer

    def clip_grad_norm_(self, parameters: Sequence[nn.Parameter], max_norm: float) -> Tensor:
        if not self.grouped:
            return super().clip_grad_norm_(parameters, max_norm)
        gradients = [each.grad for each in parameters if each.grad is not None]
        shards = [each.to_local() for each in gradients if isinstance(each, DTensor)]
        whole = [each for each in gradients if not isinstance(each, DTensor)]
        norm = (self.all_reduce(_square(shards, self.root_device)) + _square(whole, self.root_device)).sqrt()
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        if scale.device.type != "cpu" or scale < 1:
            torch._foreach_mul_([*shards, *whole], scale)
        return norm

    def _kept(self, state: dict[str, Any], *, full: bool) -> dict[str, Any]:
        if not full:
            return state
        with self._watch:
            whole = pytree.tree_map_only(DTensor, DTensor.full_tensor, state)
        return super()._kept(whole, full=True)

    def load_model_state_dict(self, module: nn.Module, state: Mapping[str, Any]) -> None:
        own = module.state_dict()
        module.load_state_dict({name: self._sharded(value, own.get(name)) for name, value in state.items()})

    def load_optimizer_state_dict(self, module: nn.Module, optimizer: Optimizer, state: Mapping[str, Any]) -> None:
        own = dict(module.named_parameters())
        sharded = {
            name: {key: self._sharded(value, own.get(name)) for key, value in values.items()}
            for name, values in state.items()
        }
        super().load_optimizer_state_dict(module, optimizer, sharded)

    def _sharded(self, value: Any, like: Any) -> Any:
        """A whole tensor, divided as one of the same shape is; everything else as it is."""
        if not isinstance(like, DTensor) or not isinstance(value, Tensor) or value.shape != like.shape:
            return value
        shards = value.to(like.device).chunk(self.world_size)
        own = shards[self.rank] if self.rank < len(shards) else value[:0].to(like.device)
        return DTensor.from_local(
            own, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
        )


def _square(tensors: list[Tensor], device: torch.device) -> Tensor:
    """The square of the norm over all ``tensors``."""
    if not tensors:
        return torch.zeros((), device=device)
    norms = torch._foreach_norm(tensors)  # noqa: SLF001
    return cast("Tensor", torch.linalg.vector_norm(torch.stack(norms)).square())
