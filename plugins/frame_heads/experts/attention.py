"""Attention: what a place has and no other place that is like it."""

from __future__ import annotations

from math import gcd

from torch import Tensor, nn

from frame_heads.layers import Pointwise, group_norm


class Attention(nn.Module):
    """How far each place is from what it attends to, on a narrower map, whatever the sign.

    What the image has much of is near to what its places find in one another; what is rare stands out, as in
    context-aware saliency (Goferman et al., CVPR 2010). The attention is the efficient one of Shen et al. (2021,
    arXiv:1812.01243): keys are normalised over positions and queries over channels, so that keys and values meet first,
    in one small matrix a head, and the cost is linear in the number of positions.
    """

    def __init__(self, *, channels: int, heads: int = 4, reduction: int = 2) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.heads = gcd(heads, narrow)
        self.to_qkv = Pointwise(channels, 3 * narrow, bias=False)
        self.fuse = nn.Sequential(group_norm(narrow), nn.ReLU(inplace=True), Pointwise(narrow, channels))

    def forward(self, x: Tensor) -> Tensor:
        # [N, 3D, H, W] to three [N, heads, D / heads, H * W], where D is the narrow width
        query, key, value = self.to_qkv(x).flatten(2).unflatten(1, (3, self.heads, -1)).unbind(1)
        context = value @ key.softmax(dim=-1).to(value.dtype).transpose(-1, -2)  # [N, heads, D / heads, D / heads]
        attended = context @ query.softmax(dim=-2).to(value.dtype)
        out: Tensor = self.fuse((value - attended).abs().flatten(1, 2).unflatten(2, x.shape[-2:]))
        return out
