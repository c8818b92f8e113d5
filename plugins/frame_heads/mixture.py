"""A mixture of experts: ``x`` plus the weighted outputs of the experts that each image was routed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame_heads.router import Router, Routing


class Dispatch(NamedTuple):
    """Who works on what, known to the host."""

    images: Tensor
    """``[E, B]``: the images of each expert, those that chose it first."""
    counts: list[int]
    """How many images each expert has."""


def dispatch(routings: Sequence[Routing]) -> list[Dispatch]:
    """Group the images of every layer by expert, with a single wait for the device for all layers together."""
    load = torch.stack([routing.load for routing in routings]).transpose(1, 2)  # [layers, E, B]
    images = load.argsort(dim=2, descending=True, stable=True)
    counts: list[list[int]] = load.sum(2, dtype=torch.int64).tolist()  # the wait
    return [Dispatch(*layer) for layer in zip(images, counts, strict=True)]


class _WithZeros(Function):
    """A tensor as it is; backward its gradient, and zeros for parameters that had no part in it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.parameters = parameters
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        zeros = [torch.empty_like(parameter) for parameter in ctx.parameters]
        torch._foreach_zero_(zeros)  # one call for all
        return (grad, *zeros)


def _with_zeros(x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    return cast("Tensor", _WithZeros.apply(x, *parameters))


class Mixture(nn.Module):
    """Experts and their router.

    The experts are registered before the router: replicas of a model pack their parameters one after another, and a
    router of seven outputs in front would leave all the others at odd addresses.
    """

    def __init__(self, experts: Sequence[nn.Module], router: Router) -> None:
        super().__init__()
        self.experts = nn.ModuleList(experts)
        self.router = router

    def sparse(self, x: Tensor, weights: Tensor, plan: Dispatch) -> Tensor:
        """Run each expert once, on its images alone, and the idle ones not at all. ``[B, C, H, W]`` to the same.

        The parameters of idle experts have a gradient of zeros, as with :meth:`dense`: so an optimizer treats them the
        same, and every process of several has something to exchange.
        """
        out = x.clone()
        idle: list[nn.Parameter] = []
        for index, (expert, count) in enumerate(zip(self.experts, plan.counts, strict=True)):
            weight = weights[:, index, None, None, None]  # [B, 1, 1, 1]
            if count == len(x):  # all images, always so with a batch of one: nothing to gather
                out += weight * expert(x)
            elif count:
                images = plan.images[index, :count]
                partial = weight.index_select(0, images) * expert(x.index_select(0, images))
                out.index_add_(0, images, partial.to(out.dtype))
            elif torch.is_grad_enabled():
                idle += [parameter for parameter in expert.parameters() if parameter.requires_grad]
        return _with_zeros(out, idle) if idle else out

    def dense(self, x: Tensor, weights: Tensor) -> Tensor:
        """The same by running every expert on every image: for graphs, which can't depend on the data."""
        out = x
        for weight, expert in zip(weights.unbind(1), self.experts, strict=True):
            out = out + weight[:, None, None, None] * expert(x)
        return out
