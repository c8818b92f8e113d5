"""Copies of a model on other devices, made anew for a forward pass, whose gradients flow back to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

if TYPE_CHECKING:
    from collections.abc import Sequence


def copies(parts: Sequence[nn.Module], devices: Sequence[torch.device]) -> list[nn.Module]:
    """One copy of a model a device: the same parts, flags and attributes, with parameters and buffers of its own.

    ``parts`` is what :func:`parts_of` finds in the model. Copies are made from what that is now, so whatever was
    changed since the last time holds: ``requires_grad``, ``training``, hooks, weights. Every tensor is copied by
    itself. Torch's own replicas are views at any offset into packed buffers, which kernels for aligned memory refuse
    ('misaligned address') and which have lost their memory format.
    """
    tensors = tensors_of(parts)
    trained = [tensor for tensor in tensors if tensor.requires_grad]
    fixed = [tensor for tensor in tensors if not tensor.requires_grad]
    arrived: tuple[Tensor, ...] = _Spread.apply(devices, *trained) if trained else ()
    made = []
    for place, device in enumerate(devices):
        there = arrived[place * len(trained) : (place + 1) * len(trained)]
        own = dict(zip(map(id, trained), there, strict=True))
        own.update(zip(map(id, fixed), _copied(fixed, device), strict=True))
        made.append(_assembled(parts, own))
    return made


def parts_of(model: nn.Module) -> list[nn.Module]:
    """The model and all modules in it, each once. Takes a quarter of the time of ``model.modules()``."""
    found = {model: None}
    following = [model]
    for part in following:
        for child in part._modules.values():  # noqa: SLF001
            if child is not None and child not in found:
                found[child] = None
                following.append(child)
    return following


def tensors_of(parts: Sequence[nn.Module]) -> list[Tensor]:
    """Parameters and buffers, each once, shared ones too."""
    found = {
        id(tensor): tensor
        for part in parts
        for own in (part._parameters, part._buffers)  # noqa: SLF001
        for tensor in own.values()
        if tensor is not None
    }
    return list(found.values())


@torch.no_grad()
def _copied(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    there = [torch.empty_like(tensor, device=device) for tensor in tensors]  # with the strides of channels_last
    if there:
        torch._foreach_copy_(there, list(tensors))
    return there


def _assembled(parts: Sequence[nn.Module], own: dict[int, Tensor]) -> nn.Module:
    """The tree of ``parts`` once more, over tensors of its own."""
    made: dict[nn.Module | None, Any] = {part: object.__new__(type(part)) for part in parts}
    made[None] = None
    for part in parts:
        state = part.__dict__.copy()  # shallow, as torch's replicas are
        for name in ("_parameters", "_buffers"):
            state[name] = {key: own.get(id(tensor)) for key, tensor in state[name].items()}
        state["_modules"] = {key: made[child] for key, child in state["_modules"].items()}
        state["_compiled_call_impl"] = None  # it would run the original
        if isinstance(part, nn.RNNBase):  # keeps its weights in a list as well
            state["_flat_weights"] = [state["_parameters"][name] for name in part._flat_weights_names]  # noqa: SLF001
        object.__setattr__(made[part], "__dict__", state)
    copy: nn.Module = made[parts[0]]
    return copy


class _Spread(Function):
    """Tensors to their copies on each device, one device after another; backward the sum of what comes back.

    What no copy used gets no gradient, not one of zeros, which an optimizer would take for a reason to decay it.
    """

    @staticmethod
    def forward(ctx: Any, devices: Sequence[torch.device], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.root, ctx.count = tensors[0].device, len(tensors)
        return tuple(copy for device in devices for copy in _copied(tensors, device))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        total: list[Tensor | None] = [None] * ctx.count
        for start in range(0, len(grads), ctx.count):  # always in this order, so that the sum has the same bits
            arrived = [grad if grad is None else grad.to(ctx.root) for grad in grads[start : start + ctx.count]]
            total = _sum(total, arrived)
        return (None, *total)


def _sum(one: list[Tensor | None], other: list[Tensor | None]) -> list[Tensor | None]:
    pairs = {i: (a, b) for i, (a, b) in enumerate(zip(one, other, strict=True)) if a is not None and b is not None}
    sums = torch._foreach_add([a for a, _ in pairs.values()], [b for _, b in pairs.values()]) if pairs else ()  # noqa: SLF001
    both = dict(zip(pairs, sums, strict=True))
    return [both.get(i, b if a is None else a) for i, (a, b) in enumerate(zip(one, other, strict=True))]
