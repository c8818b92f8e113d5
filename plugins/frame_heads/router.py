"""The router: which experts see which image."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Routing(NamedTuple):
    """The router's choice for each image, over all ``E`` experts; float32."""

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
    """

    def __init__(self, *, channels: int, experts: int, top_k: int, temperature: float, noise: float) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, experts)
        self.top_k = top_k
        self.temperature = temperature
        self.noise = noise

    def forward(self, x: Tensor) -> Routing:
        """``[B, C, H, W]`` to the routing of ``B`` images."""
        pooled = x.mean((2, 3), dtype=torch.float32)
        # a product and a sum, for autocast would make a matrix product bfloat16
        scores = (pooled.unsqueeze(1) * self.linear.weight.float()).sum(2) + self.linear.bias.float()
        if self.training and self.noise > 0:
            scores = scores + self.noise * torch.randn_like(scores)
        probabilities = (scores / self.temperature).softmax(dim=1)
        top, chosen = probabilities.topk(self.top_k, dim=1)
        if self.top_k > 1:
            top = top / top.sum(dim=1, keepdim=True)
        nothing = torch.zeros_like(probabilities)
        return Routing(probabilities, nothing.scatter(1, chosen, top), nothing.scatter(1, chosen, 1.0))
