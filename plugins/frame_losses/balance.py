"""Even work for a router's experts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, distributed, nn

from frame import UserError
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frame import Prediction

ROUTER, LOAD, BIAS = "router.", "load.", "bias."
NUDGE = 1e-3  # the bias's gradient: AdamW's step does not depend on it, but clipping does


class Balance(nn.Module):
    """``E * sum_e f_e * P_e``, the mean over routed layers: 1 when balanced.

    ``P`` is the batch's mean router probability, through which the gradient flows; ``f`` is the share of the
    assignments that each expert got, a constant here, over all processes. With few images a batch ``f`` is mostly
    noise, so a running mean of it is used. Switch Transformers (Fedus et al., JMLR 2022), equation 4.

    ``f`` is the share over all layers together, so that each expert has its work and a layer may have its favourites.
    With ``per_level`` it is each layer's own, and all layers use all experts.

    With ``by = "bias"`` the router itself is left alone: the bias by which experts are chosen, and nothing else, gets
    the sign of ``f - 1 / E`` for a gradient (Wang et al., 2024, arXiv:2408.15664). So the optimizer moves it, and what
    undoes, averages and saves weights does so with it. The value is then ``E * sum_e f_e ** 2``, 1 when balanced too.

    Reads ``extras["router.<layer>"]``, probabilities ``[B, E]``, and ``extras["load.<layer>"]``, 1 for each expert
    that the image was sent to ``[B, E]``; to move the bias, that as ``extras["bias.<layer>"]``, the same for all
    images. The running shares are in the state dict as ``_extra_state``.
    """

    def __init__(
        self, *, momentum: float = 0.9, by: Literal["router", "bias"] = "router", per_level: bool = False
    ) -> None:
        super().__init__()
        self.by = by
        self.momentum = momentum
        self.per_level = per_level
        self.shares: dict[str, Tensor] = {}
        """Running share of each expert ``[E]``, by layer."""

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar. Raises :class:`frame.UserError` if the head has no router, or does not tell its load."""
        extras = prediction.extras
        layers = [key.removeprefix(ROUTER) for key in extras if key.startswith(ROUTER)]
        if not layers:
            raise UserError(
                'balance: the head has no router to balance; use head.name = "moe", or take this loss out with '
                "its label = false under [losses]"
            )
        if missing := [LOAD + layer for layer in layers if LOAD + layer not in extras]:
            raise UserError(f"balance: the head's extras lack {', '.join(missing)}, the experts that each image chose")
        if self.by == "bias" and any(BIAS + layer not in extras for layer in layers):
            raise UserError('balance: by = "bias" moves a bias that the head has not; set head.selection_bias = true')
        shares = {each: self._share(each, at_least_float32(extras[LOAD + each].detach()).sum(dim=0)) for each in layers}
        shares = shares if self.per_level else _together(shares)
        return torch.stack([self._layer(layer, share, extras) for layer, share in shares.items()]).mean()

    def _layer(self, layer: str, share: Tensor, extras: Mapping[str, Tensor]) -> Tensor:
        if self.by == "bias":
            moved = (extras[BIAS + layer].mean(dim=0) * (share - 1 / len(share)).sign()).sum() * NUDGE
            return len(share) * share.square().sum() + moved - moved.detach()
        return len(share) * (share * at_least_float32(extras[ROUTER + layer]).mean(dim=0)).sum()

    def _share(self, layer: str, load: Tensor) -> Tensor:
        """The running share ``[E]`` after counting the load ``[E]`` of this batch; evaluation counts nothing."""
        known = self.shares.get(layer)
        if known is not None:
            known = known.to(load.device)
        if not self.training and known is not None:
            return known
        if self.training and distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(load)
        share = load / load.sum().clamp(min=1)
        if known is not None:
            share = torch.lerp(share, known, self.momentum)
        if self.training:
            self.shares[layer] = share
        return share

    def get_extra_state(self) -> dict[str, Tensor]:
        return dict(self.shares)

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        self.shares = dict(state)


def _together(shares: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """For each layer the mean share ``[E]`` of all layers that have as many experts."""
    alike: defaultdict[int, list[Tensor]] = defaultdict(list)
    for share in shares.values():
        alike[len(share)].append(share)
    means = {experts: torch.stack(each).mean(dim=0) for experts, each in alike.items()}
    return {layer: means[len(share)] for layer, share in shares.items()}
