"""The router: which experts see which image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class Routing(NamedTuple):
    """The router's choice for each image, over all ``E`` experts; float32."""

    scores: Tensor
    """``[B, E]``: what the softmax is taken of."""
    probabilities: Tensor
    """``[B, E]``: the full softmax."""
    weights: Tensor
    """``[B, E]``: what each expert's output counts; 0 for those not chosen."""
    load: Tensor
    """``[B, E]``: 1 for the chosen experts, else 0; no gradient."""


class Router(nn.Module):
    """Global average pool, a linear layer, a softmax, and the ``top_k`` most probable experts of each image.

    The weights are the probabilities of the chosen, divided by their sum (Shazeer et al., 2017, arXiv:1701.06538).
    With ``top_k = 1`` they would always be 1 and teach the router nothing: then the probability itself is the weight
    (Fedus et al., 2021, arXiv:2101.03961). All of it is in float32, under autocast too: rounding would decide ties.

    Parameters
    ----------
    channels, experts, top_k
        Of the map, to choose from, and to choose.
    temperature
        Divides the scores.
    noise
        Standard deviation of the noise on the scores in training.
    dense_warmup
        All experts are chosen, in training, in this share of the run at its beginning. The engine says where it is.
    selection_bias
        Add a bias to the probabilities when choosing, and only then (Wang et al., 2024, arXiv:2408.15664). It has no
        gradient from here: a loss moves it by the load.
    """

    warming_up: Tensor

    def __init__(
        self,
        *,
        channels: int,
        experts: int,
        top_k: int,
        temperature: float = 1.0,
        noise: float = 0.0,
        dense_warmup: float = 0.0,
        selection_bias: bool = False,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, experts)
        self.bias = nn.Parameter(torch.zeros(experts)) if selection_bias else None
        self.top_k = top_k
        self.temperature = temperature
        self.noise = noise
        self.dense_warmup = dense_warmup
        # 1 or 0. A tensor, so that copies on other devices and compiled code follow it; a function of the run's
        # position, so no part of a checkpoint.
        self.register_buffer("warming_up", torch.zeros(()), persistent=False)
        self.off: tuple[int, ...] = ()

    def set_progress(self, progress: float) -> None:
        """Told before each step which share of the run is done."""
        if self.dense_warmup > 0:
            self.warming_up.fill_(progress < self.dense_warmup)

    def switch_off(self, experts: Sequence[int]) -> None:
        """Choose none of these from now on; at least one is left."""
        self.off = tuple(experts)

    def forward(self, x: Tensor) -> Routing:
        """``[B, C, H, W]`` to the routing of ``B`` images."""
        pooled = x.mean((2, 3), dtype=torch.float32)
        # a product and a sum, for autocast would make a matrix product bfloat16
        scores = (pooled.unsqueeze(1) * self.linear.weight.float()).sum(2) + self.linear.bias.float()
        if self.training and self.noise > 0:
            scores = scores + self.noise * torch.randn_like(scores)
        scores = scores / self.temperature
        off = torch.tensor(self.off, device=scores.device) if self.off else None
        if off is not None:
            scores = scores.index_fill(1, off, -torch.inf)
        probabilities = scores.softmax(dim=1)
        merit = probabilities.detach() if self.bias is None else probabilities.detach() + self.bias.detach().float()
        if off is not None:  # whatever their bias
            merit = merit.index_fill(1, off, -torch.inf)
        load = torch.zeros_like(merit).scatter(1, merit.topk(self.top_k, dim=1).indices, 1.0)
        if self.training and self.dense_warmup > 0:
            load = load.maximum(self.warming_up)
        if off is not None:  # where fewer than top_k are left
            load = load.index_fill(1, off, 0.0)
        weights = probabilities * load
        if self.top_k > 1:
            weights = weights / weights.sum(dim=1, keepdim=True)
        return Routing(scores, probabilities, weights, load)
