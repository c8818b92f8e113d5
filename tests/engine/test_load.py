"""``frame.load``: what a run saved, ready to predict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

import frame
from frame import UserError
from frame.data.pipeline import resized

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {
    "data": {"name": "camouflage", "size": 64, "resolution": 64, "train": 16, "validation_images": 4, "workers": 0},
    "backbone": "edgenext_xx_small",
    "head": {"name": "fpn", "width": 16},
    "losses": {"mask": "mask"},
    "metrics": {"iou": "iou"},
    "train": {"ema": 0.9, "keep": 3},
    "stages": {"main": {"epochs": 2, "batch_size": 8, "lr": 1e-2}},
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> frame.Result:
    folder = tmp_path_factory.mktemp("runs")
    found = frame.run(TABLES | {"run": {"name": "r", "folder": str(folder)}})
    assert found is not None
    return found


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def test_a_run_predicts_at_the_images_own_size(result: frame.Result, image: np.ndarray) -> None:
    found = frame.load(result.folder, device="cpu")(image)
    assert found.shape == (50, 70)
    assert found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1


def test_the_model_is_the_plain_module_with_the_measured_weights(result: frame.Result, image: np.ndarray) -> None:
    predictor = frame.load(result.folder, device="cpu")
    assert predictor.saved.path == result.checkpoint
    small = resized(image, 64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.from_numpy(small) / 255 - mean) / std).permute(2, 0, 1)[None]
    with torch.no_grad():
        logits = predictor.model(x).logits
    same = frame.load(result.checkpoint, device="cpu")(small)
    np.testing.assert_allclose(logits.sigmoid()[0, 0].numpy(), same, atol=1e-5)
    average = torch.nn.Module.state_dict(predictor.model)
    raw = frame.load(result.folder, weights="raw", device="cpu").model.state_dict()
    assert any(not torch.equal(average[name], raw[name]) for name in raw)


def test_an_image_may_be_an_array_a_file_or_a_pil_image(
    result: frame.Result, image: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(image).save(tmp_path / "x.png")
    predictor = frame.load(result.folder, device="cpu")
    expected = predictor(image)
    for same in (tmp_path / "x.png", str(tmp_path / "x.png"), Image.fromarray(image)):
        np.testing.assert_array_equal(predictor(same), expected)


def test_another_kind_of_array_is_refused_with_its_shape(result: frame.Result) -> None:
    with pytest.raises(ValueError, match=r"expected \[H, W, 3\] uint8 RGB, got \[5, 5\] float32"):
        frame.load(result.folder, device="cpu")(np.zeros((5, 5), np.float32))


def test_a_mirrored_image_has_the_mirrored_prediction_when_flips_are_averaged(
    result: frame.Result, image: np.ndarray
) -> None:
    once, averaged = frame.load(result.folder, device="cpu"), frame.load(result.folder, device="cpu", flips=True)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    np.testing.assert_allclose(averaged(image), averaged(mirrored)[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(averaged(image), (once(image) + once(mirrored)[:, ::-1]) / 2, atol=1e-4)


def test_scales_change_the_prediction_and_scale_one_does_not(result: frame.Result, image: np.ndarray) -> None:
    plain = frame.load(result.folder, device="cpu")(image)
    np.testing.assert_allclose(frame.load(result.folder, device="cpu", scales=[1])(image), plain)
    several = frame.load(result.folder, device="cpu", scales=(0.5, 1, 1.5))(image)
    assert several.shape == plain.shape
    assert not np.allclose(several, plain, atol=1e-4)


def test_a_model_that_was_pretrained_is_loaded_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: frame.Result, image: np.ndarray
) -> None:
    """The config in the checkpoint asks for pretrained weights; the checkpoint has all that the model needs."""
    checkpoint = result.checkpoint
    assert checkpoint is not None
    manifest = json.loads((checkpoint / "checkpoint.json").read_text())
    manifest["config"]["backbone"] |= {"pretrained": True}
    copy = tmp_path / checkpoint.name
    copy.mkdir()
    for file in checkpoint.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "checkpoint.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    np.testing.assert_array_equal(frame.load(copy, device="cpu")(image), frame.load(checkpoint, device="cpu")(image))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "nothing", "there is no .*nothing: give a run's folder"),
        (lambda folder: folder, "holds no whole checkpoint"),
        (lambda folder: _written(folder / "x.safetensors", b"nonsense"), "damaged or no safetensors file"),
    ],
)
def test_what_is_no_checkpoint_is_one_message(make: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        frame.load(make(tmp_path))  # type: ignore[operator]


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
