"""The parts of a model that FSDP2 puts together as one, and what they need of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.distributed.fsdp import FSDPModule
from torch.utils import _pytree as pytree

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = 0.01  # of all parameters: to fetch less by itself takes longer than to keep it


def units_of(model: Any) -> list[nn.Module]:
    """The units, the whole model last, which has what is in no other: small parts, and those of no stage.

    The head is one unit. Of its experts those that are at work differ from process to process, and all processes have
    to fetch the same units in the same order.
    """
    enough = SMALL * _size(model)
    parts = [part for stage in model.backbone_stages() for module in stage for part in _callable(module)]
    return [*(part for part in parts if _size(part) >= enough), model.head, model]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _callable(module: nn.Module) -> Iterator[nn.Module]:
    """The module, or what is in it if it is a list, which nothing ever calls."""
    if isinstance(module, (nn.ModuleList, nn.ModuleDict)):
        for child in module.children():
            yield from _callable(child)
    else:
        yield module


def without_views(unit: nn.Module) -> None:
    """From now on copy what ``unit`` returns if it is a view, for an operation in place would take FSDP2's hook off."""
    unit.register_forward_hook(lambda _unit, _inputs, output: pytree.tree_map_only(Tensor, _no_view, output))


def _no_view(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.requires_grad and tensor._is_view() else tensor  # noqa: SLF001


def touched(unit: nn.Module) -> None:
    """From now on give every trained parameter of ``unit`` a gradient, of zeros if it was not used.

    FSDP2 exchanges the gradients that there are, and fails or waits for ever where processes have not the same. Newer
    versions of torch can be asked to see to it, at no cost; this is for the others. To be called before the unit is
    sharded and after those in it, so that the hook sees its own parameters put together.
    """
    places = [(part, name) for part in _parts(unit) for name in part._parameters]  # noqa: SLF001

    def hook(_unit: nn.Module, _inputs: Any, output: Any) -> Any:
        leaves, structure = pytree.tree_flatten(output)
        found = (getattr(part, name) for part, name in places)
        trained = [each for each in found if each is not None and each.requires_grad]
        for place, leaf in enumerate(leaves):
            if isinstance(leaf, Tensor) and leaf.requires_grad:
                leaves[place] = _Touched.apply(leaf, *trained)
                return pytree.tree_unflatten(leaves, structure)
        return None

    unit.register_forward_hook(hook)


def _parts(unit: nn.Module) -> Iterator[nn.Module]:
    """The modules of a unit, without those that are units already."""
    yield unit
    for child in unit.children():
        if not isinstance(child, FSDPModule):
            yield from _parts(child)


class _Touched(Function):
    """A copy of a tensor; backward its gradient, and zeros for all of ``parameters``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.parameters = parameters
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        return (grad, *(torch.zeros_like(parameter) for parameter in ctx.parameters))
