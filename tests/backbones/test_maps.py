"""The maps a backbone gives are those that it announces."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from frame_backbones import edgenext
from frame_backbones.timm_backbone import TimmBackbone

SIZES = [(64, 96), (97, 65), (33, 1)]
CHANNELS = {
    "edgenext_xx_small": (24, 48, 88, 168),
    "edgenext_x_small": (32, 64, 100, 192),
    "edgenext_small": (48, 96, 160, 304),
    "edgenext_base": (80, 160, 288, 584),
}
OTHERS: dict[str, dict[str, Any]] = {
    "test_convnext": {},
    "resnet10t": {"out_indices": (1, 2, 3, 4)},
    "test_efficientnet": {"out_indices": (-2, -1)},  # a wrapper of its own in timm
    "test_vit": {"arguments": {"dynamic_img_size": True}},  # no pyramid: every map at stride 16
    "swin_tiny_patch4_window7_224": {"arguments": {"strict_img_size": False, "embed_dim": 24}},  # channels last
}


def check_maps(backbone: TimmBackbone, size: tuple[int, int]) -> None:
    with torch.no_grad():
        maps = backbone(torch.randn(2, 3, *size))
    expected = [
        (2, c, -(-size[0] // s), -(-size[1] // s)) for c, s in zip(backbone.channels, backbone.strides, strict=True)
    ]
    assert [tuple(x.shape) for x in maps] == expected


@pytest.mark.parametrize("name", CHANNELS)
def test_edgenext_has_the_channels_and_strides_of_its_paper(name: str) -> None:
    backbone = getattr(edgenext, name)().eval()
    assert (backbone.channels, backbone.strides) == (CHANNELS[name], (4, 8, 16, 32))
    check_maps(backbone, (40, 70))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_maps_cover_the_image_at_any_size(small: TimmBackbone, size: tuple[int, int]) -> None:
    check_maps(small, size)


@pytest.mark.parametrize("name", OTHERS)
def test_other_timm_models_keep_the_contract_at_an_odd_size(name: str) -> None:
    check_maps(TimmBackbone(model=name, **OTHERS[name]).eval(), (97, 65))


@pytest.mark.parametrize(("arguments", "side"), [({}, 224), ({"img_size": 160}, 160)])
def test_an_image_of_the_one_size_that_a_model_is_made_for_is_not_padded(arguments: dict[str, Any], side: int) -> None:
    backbone = TimmBackbone(model="levit_128s", arguments=arguments).eval()
    assert max(backbone.strides) == 64  # of which neither is a multiple
    check_maps(backbone, (side, side))


def test_a_map_does_not_shift_when_the_image_is_cut(small: TimmBackbone) -> None:
    """Position i stands for the pixels from i * stride on, whether the size is a multiple of the stride or not."""
    image = torch.zeros(1, 3, 128, 128)
    image[:, :, 32:40, 64:72] = 5.0
    with torch.no_grad():
        quiet, whole, cut = (small(x)[0] for x in (torch.zeros_like(image), image, image[:, :, :117, :107]))
    for maps in (whole, cut):
        peak = (maps - quiet[:, :, : maps.shape[2], : maps.shape[3]]).abs().sum(1)[0].argmax()
        row, column = divmod(int(peak), maps.shape[3])
        assert (7 <= row <= 10, 15 <= column <= 18) == (True, True)


def test_out_indices_choose_maps() -> None:
    backbone = TimmBackbone(model="resnet10t", out_indices=(-3, -1))
    assert (backbone.channels, backbone.strides) == ((128, 512), (8, 32))


def test_drop_path_makes_training_random_and_leaves_evaluation_alone() -> None:
    backbone = edgenext.edgenext_xx_small(drop_path=0.5)
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        first, second = backbone.train()(image)[-1], backbone(image)[-1]
        assert not torch.equal(first, second)
        assert torch.equal(backbone.eval()(image)[-1], backbone(image)[-1])
