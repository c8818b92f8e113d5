"""``frame export``: one file, compared with the model it is of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

import frame
from frame import UserError
from frame.engine.inference import as_onnx
from frame.engine.inference.export import export

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
TABLES: dict[str, Any] = {
    "data": {"name": "camouflage", "size": 64, "resolution": 64, "train": 8, "validation_images": 2, "workers": 0},
    "backbone": "edgenext_xx_small",
    "head": {"name": "fpn", "width": 16},
    "losses": {"mask": "mask"},
    "metrics": {"iou": "iou"},
    "train": {"ema": 0.9},
    "stages": {"main": {"epochs": 1, "batch_size": 4, "lr": 1e-2}},
}
SMALL = """
    import torch
    from torch import nn
    from torch.nn import functional as F
    from frame import Component, Prediction, hookimpl

    class Bone(nn.Module):
        channels, strides = (4,), (2,)

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

        def forward(self, image):
            return [self.conv(image)]

    class Fixed(Bone):
        def forward(self, image):
            assert image.shape[-2:] == (64, 64), "64 x 64 alone"
            return super().forward(image)

    class Head(nn.Module):
        def __init__(self, *, channels, strides, num_classes):
            super().__init__()
            self.classify = nn.Conv2d(channels[0], num_classes, 1)

        def forward(self, features, size):
            return Prediction(F.interpolate(self.classify(features[0]), size=size, mode="bilinear"))

    class Choosy(Head):
        def forward(self, features, size):
            logits = super().forward(features, size).logits
            return Prediction(logits * 2 if logits.mean() > 0 else logits)

    class Forgetful(Head):
        def forward(self, features, size):
            shift = float(features[0].shape[0]) if torch.compiler.is_compiling() else 0.0
            return Prediction(super().forward(features, size).logits + shift)

    @hookimpl
    def frame_backbones():
        yield Component(name="bone", target="frame_acme:Bone")
        yield Component(name="fixed", target="frame_acme:Fixed")

    @hookimpl
    def frame_heads():
        for name in ("Head", "Choosy", "Forgetful"):
            yield Component(name=name.lower(), target=f"frame_acme:{name}")
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def trained(folder: Path, name: str, **tables: Any) -> Path:
    result = frame.run(TABLES | {"run": {"name": name, "folder": str(folder)}} | tables)
    assert result is not None
    return result.folder


@pytest.fixture(scope="module")
def run(runs: Path) -> Path:
    return trained(runs, "fpn")


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


@pytest.fixture
def needs_onnx() -> None:
    for name in as_onnx.NEEDED:
        pytest.importorskip(name, reason="the extra 'export' is not installed")


@pytest.fixture
def small(install, tmp_path: Path, needs_onnx) -> Callable[..., Path]:
    """``small(backbone, head)``: a run of parts that are exported in seconds."""
    install("frame-acme", "acme", SMALL)
    return lambda backbone, head, **data: trained(
        tmp_path / "runs", "small", backbone=backbone, head=head, data=TABLES["data"] | data
    )


def computed(path: Path, images: torch.Tensor) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(["probability"], {"image": images.numpy()})
    return found


def expected(predictor: frame.Predictor, images: torch.Tensor) -> np.ndarray:
    """What the plain module predicts for ``[B, 3, H, W]`` of 0 to 1."""
    with torch.inference_mode():
        logits = predictor.model((images - MEAN[:, None, None]) / STD[:, None, None]).logits
    return (logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)).numpy()


@pytest.mark.parametrize("which", ["measured", "raw"])
def test_a_safetensors_file_is_loaded_and_predicts_the_same(run: Path, image, tmp_path: Path, which) -> None:
    done = export(run, tmp_path / "x.safetensors", weights=which)
    assert done.which == {"measured": "ema", "raw": "raw"}[which]
    again, before = frame.load(done.path, device="cpu"), frame.load(run, weights=which, device="cpu")
    np.testing.assert_array_equal(again(image), before(image))
    assert again.saved.which == done.which
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]
    twice = export(done.path, tmp_path / "y.safetensors")
    assert twice.path.read_bytes() == done.path.read_bytes()


def test_a_safetensors_file_holds_what_the_checkpoint_said_and_nothing_of_the_optimizer(run: Path, tmp_path) -> None:
    done = export(run, tmp_path / "x", form="safetensors")
    with safe_open(done.path, "pt") as file:
        about = json.loads(file.metadata()["frame"])
        assert set(file.keys()) == set(frame.load(run, device="cpu").model.state_dict())
    assert about["exported"] == "ema"
    assert about["config"]["data"]["size"] == 64
    assert {"metrics", "versions", "classes"} <= about.keys()
    with pytest.raises(UserError, match="holds the ema weights alone, not the raw ones"):
        frame.load(done.path, weights="raw")


def test_an_edgenext_runs_as_onnx_at_any_size_and_batch(run: Path, tmp_path: Path, needs_onnx) -> None:
    done = export(run, tmp_path / "x.onnx")
    assert "onnxruntime against torch" in done.lines[1]
    predictor = frame.load(run, device="cpu")
    for shape in ((1, 3, 97, 131), (3, 3, 97, 131), (2, 3, 64, 64), (1, 3, 20, 300)):
        images = torch.rand(shape)
        np.testing.assert_allclose(computed(done.path, images), expected(predictor, images), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["x.onnx"]


def test_a_mixture_of_experts_runs_as_onnx_by_its_dense_graph(small, tmp_path: Path) -> None:
    head = {"name": "moe", "width": 16, "experts": ["context", "frequency", "texture"], "top_k": 2}
    folder = trained(tmp_path / "runs", "moe", backbone="acme/bone", head=head)
    done = export(folder, tmp_path / "x.onnx")
    images = torch.rand(5, 3, 75, 64)
    predictor = frame.load(folder, device="cpu")
    np.testing.assert_allclose(computed(done.path, images), expected(predictor, images), atol=1e-5)


def test_an_onnx_file_says_what_it_takes_and_what_it_is(small, tmp_path: Path) -> None:
    import onnx

    names = ["background", "moth", "snake"]
    done = export(small("acme/bone", "acme/head", classes=names), tmp_path / "x.onnx")
    model = onnx.load(done.path)
    said = {each.key: each.value for each in model.metadata_props}
    assert json.loads(said["frame"])["config"]["head"]["name"] == "acme/head"
    assert json.loads(said["classes"]) == names
    assert "RGB from 0 to 1, of any size; trained at 64 x 64" in said["image"]
    dims = {
        each.name: [dim.dim_param or dim.dim_value for dim in each.type.tensor_type.shape.dim]
        for each in (*model.graph.input, *model.graph.output)
    }
    assert dims == {"image": ["batch", 3, "height", "width"], "probability": ["batch", 3, "height", "width"]}
    assert computed(done.path, torch.rand(2, 3, 30, 40)).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_backbone_of_one_size_is_exported_for_that_size(small, tmp_path: Path) -> None:
    done = export(small("acme/fixed", "acme/head"), tmp_path / "x.onnx")
    assert "64 x 64 alone, as the backbone takes no other" in done.lines[0]
    assert computed(done.path, torch.rand(3, 3, 64, 64)).shape == (3, 1, 64, 64)


def test_a_model_that_depends_on_values_is_refused_and_nothing_is_left(small, tmp_path: Path) -> None:
    folder = small("acme/bone", "acme/choosy")
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"acme/bone \+ acme/choosy can't be made into a graph .*safetensors instead"):
        export(folder, tmp_path / "out" / "x.onnx")
    assert not list((tmp_path / "out").iterdir())


def test_a_graph_that_predicts_otherwise_is_not_kept(small, tmp_path: Path) -> None:
    folder = small("acme/bone", "acme/forgetful")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.onnx").write_bytes(b"an earlier one")
    with pytest.raises(as_onnx.DifferentError, match=r"differ from torch's by up to .*not kept"):
        export(folder, tmp_path / "out" / "x.onnx")
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"an earlier one"]


def test_the_graph_is_of_the_model_and_its_normalisation() -> None:
    class Double(nn.Module):
        def forward(self, image: torch.Tensor) -> frame.Prediction:
            return frame.Prediction(image[:, :1] * 2)

    images = torch.rand(2, 3, 4, 5)
    found = as_onnx.Probability(Double())(images)  # type: ignore[arg-type]
    torch.testing.assert_close(found, (2 * (images[:, :1] - 0.485) / 0.229).sigmoid())


def test_what_is_missing_is_said_with_the_command_that_brings_it(run: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(as_onnx, "NEEDED", ("json", "frame_nowhere"))
    with pytest.raises(UserError, match=r"needs frame_nowhere: pip install frame_nowhere, or 'frame-seg\[export\]'"):
        export(run, tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("name", "message"),
    [("x.pt", "neither in .onnx nor in .safetensors"), ("file/x.safetensors", "cannot write")],
)
def test_what_cannot_be_written_is_one_message(run: Path, tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=message):
        export(run, tmp_path / name)
