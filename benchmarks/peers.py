"""A plugin with segmentation_models.pytorch's models, so that they are trained by the same loop as Frame's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from frame import Component, Options, Prediction, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Image(nn.Module):
    """A backbone that hands on the image: these models bring their own encoder."""

    channels, strides = (3,), (1,)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [image]


class WholeOptions(Options):
    encoder: str = "edgenext_xx_small"
    """One of timm's."""


class Whole(nn.Module):
    """A model of smp's, encoder included; its logits are the prediction."""

    def __init__(self, architecture: Any, encoder: str, num_classes: int) -> None:
        super().__init__()
        self.model = architecture(f"tu-{encoder}", encoder_weights=None, classes=num_classes)

    def forward(self, features: Sequence[Tensor], _size: tuple[int, int]) -> Prediction:
        return Prediction(self.model(features[0]))


def fpn(*, num_classes: int, encoder: str, **_features: Any) -> Whole:
    return Whole(smp.FPN, encoder, num_classes)


def unet(*, num_classes: int, encoder: str, **_features: Any) -> Whole:
    return Whole(smp.Unet, encoder, num_classes)


@hookimpl
def frame_backbones() -> Iterator[Component]:
    yield Component(name="image", target="peers:Image", summary="The image itself")


@hookimpl
def frame_heads() -> Iterator[Component]:
    for name in ("fpn", "unet"):
        yield Component(
            name=f"smp_{name}", target=f"peers:{name}", options="peers:WholeOptions", summary="smp's whole model"
        )
