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
    """Who works on what."""

    pairs: Tensor
    """``[E * B]``: pairs of an expert and an image as ``expert * B + image``, those that chose each other first."""
    counts: list[int]
    """How many images each expert has, known to the host."""

    def images(self, batch: int) -> tuple[Tensor, ...]:
        """The images of each expert, in order."""
        return torch.split(self.pairs[: sum(self.counts)] % batch, self.counts)


def dispatch(routings: Sequence[Routing]) -> list[Dispatch]:
    """Group the images of every layer by expert, with a single wait for the device for all layers together."""
    load = torch.stack([routing.load for routing in routings]).transpose(1, 2)  # [layers, E, B]
    pairs = load.flatten(1).argsort(dim=1, descending=True, stable=True)
    counts: list[list[int]] = load.sum(2, dtype=torch.int64).tolist()  # the wait
    return [Dispatch(*layer) for layer in zip(pairs, counts, strict=True)]


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


class _Rows:
    """Maps ``[N, C, H, W]`` as rows ``[N, C * H * W]``, an image each, and back, both without copying.

    Selecting rows is several times as fast as selecting maps, and keeps the layout, channels-last or not.
    """

    def __init__(self, like: Tensor) -> None:
        channels_last = like.is_contiguous(memory_format=torch.channels_last) and not like.is_contiguous()
        self.order, self.back = ((0, 2, 3, 1), (0, 3, 1, 2)) if channels_last else ((0, 1, 2, 3), (0, 1, 2, 3))
        self.shape = [like.shape[axis] for axis in self.order[1:]]

    def of(self, x: Tensor) -> Tensor:
        return x.permute(self.order).flatten(1)

    def maps(self, rows: Tensor) -> Tensor:
        return rows.view(-1, *self.shape).permute(self.back)

    def gathered(self, x: Tensor, images: Sequence[Tensor]) -> dict[int, Tensor]:
        """The images of each expert that has some but not all, selected together: backward is one sum, not many."""
        some = [index for index, each in enumerate(images) if 0 < len(each) < len(x)]
        if not some:
            return {}
        selected = self.of(x).index_select(0, torch.cat([images[index] for index in some]))
        parts = torch.split(selected, [len(images[index]) for index in some])
        return {index: self.maps(part) for index, part in zip(some, parts, strict=True)}


def _weighted(weight: Tensor, found: Tensor) -> Tensor:
    """An expert's weighted output, in its own precision: the weights' would double what is written and read."""
    return weight.to(found.dtype) * found


class Mixture(nn.Module):
    """Experts and their router, and maybe one more expert that works on every image with a weight of 1.

    The experts are registered before the router: replicas of a model pack their parameters one after another, and a
    router of seven outputs in front would leave all the others at odd addresses.
    """

    def __init__(self, experts: Sequence[nn.Module], router: Router, shared: nn.Module | None = None) -> None:
        super().__init__()
        self.experts = nn.ModuleList(experts)
        self.shared = shared
        self.router = router

    def sparse(self, x: Tensor, weights: Tensor, plan: Dispatch) -> Tensor:
        """Run each expert once, on its images alone, and the idle ones not at all. ``[B, C, H, W]`` to the same.

        The parameters of idle experts have a gradient of zeros, as with :meth:`dense`: so an optimizer treats them the
        same, and every process of several has something to exchange.
        """
        in_place = x.device.type == "cpu" and not torch.is_grad_enabled()
        return (self._added if in_place else self._grouped)(x, weights, plan)

    def _grouped(self, x: Tensor, weights: Tensor, plan: Dispatch) -> Tensor:
        """In few operations over many images each, for an accelerator and for the backward pass."""
        rows = _Rows(like=x)
        images = plan.images(len(x))
        pairs = plan.pairs[: sum(plan.counts)]
        weight = torch.split(weights.t().flatten().index_select(0, pairs)[:, None, None, None], plan.counts)
        gathered = rows.gathered(x, images)
        out = rows.of(x).clone() if self.shared is None else rows.of(x + self.shared(x))
        idle: list[nn.Parameter] = []
        for index, (expert, count) in enumerate(zip(self.experts, plan.counts, strict=True)):
            if count == len(x):  # all images, always so with a batch of one: nothing to gather
                out += rows.of(_weighted(weight[index], expert(x)))
            elif count:
                found = rows.of(_weighted(weight[index], expert(gathered[index])))
                out.index_add_(0, images[index], found.to(out.dtype))
            elif torch.is_grad_enabled():
                idle += [parameter for parameter in expert.parameters() if parameter.requires_grad]
        return rows.maps(_with_zeros(out, idle) if idle else out)

    def _added(self, x: Tensor, weights: Tensor, plan: Dispatch) -> Tensor:
        """With the least that is written and read: neighbours are not gathered, and what is found is added in place."""
        rows = _Rows(like=x)
        out = x.clone() if self.shared is None else x + self.shared(x)
        for weight, expert, images in zip(weights.unbind(1), self.experts, plan.images(len(x)), strict=True):
            if not len(images):
                continue
            own = images.tolist()
            first, end = own[0], own[-1] + 1
            are_neighbours = end - first == len(own)
            some = x[first:end] if are_neighbours else rows.maps(rows.of(x).index_select(0, images))
            for image, found in zip(own, expert(some), strict=True):
                out[image].addcmul_(weight[image], found)
        return out

    def dense(self, x: Tensor, weights: Tensor) -> Tensor:
        """The same by running every expert on every image: for graphs, which can't depend on the data."""
        out = x if self.shared is None else x + self.shared(x)
        for weight, expert in zip(weights.unbind(1), self.experts, strict=True):
            out = out + _weighted(weight[:, None, None, None], expert(x))
        return out
