"""What this plugin adds to Frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

EXPERTS = {
    "texture": "Energy of 3x3 convolutions at several dilations",
    "attention": "How far each place is from what it attends to, at linear cost",
    "hybrid": "Depthwise filters of reach 5x5 times a global gate",
    "frequency": "How much there is in the upper bands of a Laplacian pyramid, and its lowest band",
    "edge": "Magnitudes of fixed Sobel and Laplace filters",
    "context": "Pyramid pooling: means and deviations over grids of several sizes",
    "contrast": "What a place has more of than its surroundings",
}


@hookimpl
def frame_heads() -> Iterable[Component]:
    yield Component(
        name="moe",
        target="frame_heads.moe:MoE",
        options="frame_heads.options:MoEOptions",
        summary="A mixture of experts at every level, chosen for each image, and a top-down decoder",
    )
    yield Component(
        name="fpn",
        target="frame_heads.fpn:FPN",
        options="frame_heads.options:FPNOptions",
        summary="A plain feature pyramid with the decoder of moe, to compare with",
    )


@hookimpl
def frame_experts() -> Iterable[Component]:
    for name, summary in EXPERTS.items():
        yield Component(
            name=name,
            target=f"frame_heads.experts.{name}:{name.title()}",
            options=f"frame_heads.experts.options:{name.title()}Options",
            summary=summary,
        )


@hookimpl
def frame_metrics() -> Iterable[Component]:
    yield Component(
        name="experts",
        target="frame_heads.usage:ExpertUsage",
        summary="How evenly a router uses its experts: diversity, variation, dead ones, entropy, utilization",
    )


@hookimpl
def frame_callbacks() -> Iterable[Component]:
    yield Component(
        name="experts",
        target="frame_heads.album:Experts",
        options="frame_heads.options:ExpertsOptions",
        summary="Which expert took which images, as a table and a picture",
    )
