"""``frame export``."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.engine.test_export import SMALL
from tests.test_docs import blocks

import frame
from frame.engine.inference import as_onnx

ROOT = Path(__file__).parents[2]
TABLES = {
    "data": {"name": "camouflage", "size": 128, "resolution": 32, "train": 4, "validation_images": 2, "workers": 0},
    "backbone": "edgenext_xx_small",
    "head": {"name": "fpn", "width": 16},
    "losses": {"mask": "mask"},
    "metrics": {"iou": "iou"},
    "stages": {"main": {"epochs": 1, "batch_size": 4, "lr": 1e-2}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    result = frame.run(TABLES | {"run": {"name": "r", "folder": str(tmp_path_factory.mktemp("runs"))}})
    assert result is not None
    return str(result.folder)


@pytest.fixture
def photo(tmp_path) -> Path:
    cv2.imwrite(str(tmp_path / "fish.jpg"), np.random.default_rng(0).integers(0, 255, (300, 260, 3), dtype=np.uint8))
    return tmp_path / "fish.jpg"


def test_an_exported_file_is_what_predict_takes(call, run, photo, tmp_path) -> None:
    done = call("export", run, "-o", str(tmp_path / "model.safetensors"))
    assert done.code == 0, done.err
    assert done.out.startswith(f"{tmp_path / 'model.safetensors'}: safetensors, raw weights, ")
    for model, out in ((str(tmp_path / "model.safetensors"), "a"), (run, "b")):
        assert call("predict", model, str(photo), "-o", str(tmp_path / out), "--device", "cpu").code == 0
    masks = [(tmp_path / out / "mask" / "fish.png").read_bytes() for out in ("a", "b")]
    assert masks[0] == masks[1]
    # the same model, so the same folder will do
    assert "1 were there already" in call("predict", run, str(photo), "-o", str(tmp_path / "a")).out


def test_the_page_about_onnx_does_what_it_says(call, run, photo, tmp_path, monkeypatch) -> None:
    for name in as_onnx.NEEDED:
        pytest.importorskip(name, reason="the extra 'export' is not installed")
    done = call("export", run, "-o", str(tmp_path / "model.onnx"))
    assert done.code == 0, done.err
    assert "onnxruntime against torch" in done.out
    monkeypatch.chdir(tmp_path)
    names: dict[str, np.ndarray] = {}
    exec(blocks(ROOT / "docs" / "how-to" / "export.md", "python")[0], names)  # noqa: S102 - our own page
    probability = cv2.resize(names["probability"][0, 0], (260, 300))
    np.testing.assert_allclose(probability, frame.load(run, device="cpu")(photo), atol=0.02)  # OpenCV's resizing
    assert names["mask"].shape == (300, 260)


def test_a_graph_that_differs_ends_with_one(call, install, tmp_path) -> None:
    for name in as_onnx.NEEDED:
        pytest.importorskip(name, reason="the extra 'export' is not installed")
    install("frame-acme", "acme", SMALL)
    parts = {"backbone": "acme/bone", "head": "acme/forgetful", "run": {"name": "r", "folder": str(tmp_path)}}
    result = frame.run(TABLES | parts)
    assert result is not None
    done = call("export", str(result.folder), "-o", str(tmp_path / "model.onnx"))
    assert done.code == 1
    assert done.err.startswith(f"{result.folder}: onnxruntime's predictions differ from torch's by up to")
    assert not (tmp_path / "model.onnx").exists()


def test_a_name_that_says_no_format_is_one_message(call, run, tmp_path) -> None:
    done = call("export", run, "-o", str(tmp_path / "model.pt"))
    assert done.code == 2
    assert "say which it is with --format" in done.err
