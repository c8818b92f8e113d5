"""Weights from a local file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from frame import UserError
from frame_backbones.edgenext import edgenext_xx_small
from frame_backbones.timm_backbone import TimmBackbone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def classifier() -> State:
    """The state of timm's whole model, as its published files have it: other names, and a classifier."""
    return {key: torch.randn_like(value) for key, value in timm.create_model("edgenext_xx_small").state_dict().items()}


def stem(backbone: TimmBackbone) -> torch.Tensor:
    return backbone.net.state_dict()["stem_0.weight"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {"model_state_dict": state}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {f"module.backbone.{key}": value for key, value in state.items()},
        lambda state: {"state_dict": {f"_orig_mod.module.backbone.{key}": value for key, value in state.items()}},
    ],
    ids=["plain", "state_dict", "nested", "module", "module.backbone", "compiled"],
)
def test_a_torch_file_loads_out_of_its_wrappers(
    tmp_path: Path, classifier: State, wrap: Callable[[State], dict[str, Any]]
) -> None:
    torch.save(wrap(classifier), tmp_path / "weights.pth")
    backbone = edgenext_xx_small(checkpoint=tmp_path / "weights.pth")
    names = {key.replace(".", "_"): value for key, value in classifier.items()}
    for key, value in backbone.net.state_dict().items():
        assert torch.equal(value, names[key.replace(".", "_")]), key


def test_a_safetensors_file_loads(tmp_path: Path, classifier: State) -> None:
    save_file(classifier, tmp_path / "weights.safetensors")
    assert torch.equal(
        stem(edgenext_xx_small(checkpoint=tmp_path / "weights.safetensors")), classifier["stem.0.weight"]
    )


def test_what_a_backbone_saves_it_loads(tmp_path: Path, small: TimmBackbone) -> None:
    state = {f"backbone.{key}": value for key, value in small.state_dict().items()}
    save_file({**state, "head.weight": torch.ones(1)}, tmp_path / "run.safetensors")
    again = edgenext_xx_small(checkpoint=tmp_path / "run.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(small.state_dict().values(), again.state_dict().values(), strict=True))


@pytest.mark.parametrize("model", ["test_vit", "test_efficientnet"])
def test_other_wrappers_of_timm_load_the_file_of_the_whole_model(tmp_path: Path, model: str) -> None:
    torch.save(timm.create_model(model).state_dict(), tmp_path / "weights.pt")
    first, second = (TimmBackbone(model=model, checkpoint=tmp_path / "weights.pt").state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_checkpoint_is_used_instead_of_a_download(tmp_path: Path, classifier: State) -> None:
    save_file(classifier, tmp_path / "weights.safetensors")
    backbone = edgenext_xx_small(pretrained=True, checkpoint=tmp_path / "weights.safetensors")
    assert torch.equal(stem(backbone), classifier["stem.0.weight"])


def test_missing_tensors_are_named(tmp_path: Path, classifier: State) -> None:
    part = {key: value for key, value in classifier.items() if not key.startswith("stages.2.")}
    save_file(part, tmp_path / "part.safetensors")
    with pytest.raises(UserError, match=r"part\.safetensors lacks \d+ of the \d+ .* stages_2\.downsample.*very model"):
        edgenext_xx_small(checkpoint=tmp_path / "part.safetensors")


def test_the_file_of_a_smaller_model_is_refused_by_its_shapes(tmp_path: Path, classifier: State) -> None:
    torch.save({**classifier, "stem.0.weight": torch.ones(8, 3, 4, 4)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"another shape .* stem_0\.weight \[8, 3, 4, 4\] for \[24, 3, 4, 4\]"):
        edgenext_xx_small(checkpoint=tmp_path / "other.pt")


@pytest.mark.parametrize("text", ["no weights here", "read me", "test", "https://somewhere", "a: 1", ""])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_something_else_is_one_message(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text(text)
    with pytest.raises(UserError, match="can't be read as weights"):
        edgenext_xx_small(checkpoint=path)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "args": pytest.Mark}, tmp_path / "danger.pth")
    with pytest.raises(UserError, match="nothing but tensors and plain values"):
        edgenext_xx_small(checkpoint=tmp_path / "danger.pth")
