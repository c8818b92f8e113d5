"""What a backbone can't do is one message with a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import huggingface_hub.constants
import pytest
import torch

from frame import UserError
from frame_backbones.edgenext import edgenext_xx_small
from frame_backbones.options import PretrainedOptions, TimmOptions
from frame_backbones.timm_backbone import TimmBackbone

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet_18"}, 'no model "resnet_18"; did you mean resnet18'),
        ({"model": "zzzzzzzz"}, "timm.list_models"),
        ({"model": "vgg11", "drop_path": 0.1}, 'drop_path: timm\'s "vgg11" has no stochastic depth'),
        ({"model": "resnet10t", "out_indices": (9,)}, r"can't build .* out_indices = \(9,\)"),
        ({"model": "resnet10t", "arguments": {"wings": 2}}, "unexpected keyword argument 'wings'"),
        ({"model": "resnet10t.nowhere"}, "Invalid pretrained tag"),
        ({"model": "resnet10t.nowhere", "pretrained": True}, "there are: resnet10t.c3_in1k"),
    ],
)
def test_a_model_that_cannot_be_built_says_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TimmBackbone(**options)


def test_an_image_of_a_size_that_the_model_does_not_take_is_told() -> None:
    model = TimmBackbone(model="swin_tiny_patch4_window7_224")
    with pytest.raises(UserError, match=r"made for images of one size: .*224.* Set data.size to it"), torch.no_grad():
        model(torch.zeros(1, 3, 160, 160))


def test_pretrained_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"can't be reached .*\.checkpoint = FILE.*\.pretrained = false"):
        edgenext_xx_small(pretrained=True)


def test_a_checkpoint_that_is_not_there_is_a_problem_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "here.pt").touch()
    assert not list(PretrainedOptions(checkpoint=tmp_path / "here.pt").problems())
    assert "gone.pt" in next(iter(PretrainedOptions(checkpoint=tmp_path / "gone.pt").problems()))


def test_options_bind_from_json_as_a_config_gives_them() -> None:
    text = '{"model": "resnet18", "out_indices": [1, 2], "checkpoint": "w.pt", "arguments": {"img_size": 352}}'
    options = TimmOptions.model_validate_json(text)
    assert (options.out_indices, options.arguments) == ((1, 2), {"img_size": 352})
