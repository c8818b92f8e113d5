"""Gradients of zeros for what a module did not use, where torch can't be asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.utils import _pytree as pytree

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Touched(Function):
    """A tensor as it is; backward its gradient, and zeros for all of ``parameters``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.parameters = parameters
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        return (grad, *(torch.zeros_like(parameter) for parameter in ctx.parameters))


def touch(unit: nn.Module) -> None:
    """From now on every trained parameter of ``unit``, but for those of units in it, takes part in its output.

    To be called before the unit is sharded, so that the hook sees its parameters put together. FSDP2 exchanges the
    gradients that there are, and waits for ever where processes have not the same.
    """
    places = [(part, name) for part in _parts(unit) for name in part._parameters]  # noqa: SLF001

    def hook(_unit: nn.Module, _inputs: Any, output: Any) -> Any:
        leaves, structure = pytree.tree_flatten(output)
        for place, leaf in enumerate(leaves):
            if isinstance(leaf, Tensor) and leaf.requires_grad:
                found = (getattr(part, name) for part, name in places)
                leaves[place] = _Touched.apply(
                    leaf, *(each for each in found if each is not None and each.requires_grad)
                )
                return pytree.tree_unflatten(leaves, structure)
        return None

    unit.register_forward_hook(hook)


def _parts(unit: nn.Module) -> Iterator[nn.Module]:
    """The modules of a unit, without those that are units already."""
    from torch.distributed.fsdp import FSDPModule

    yield unit
    for child in unit.children():
        if not isinstance(child, FSDPModule):
            yield from _parts(child)
