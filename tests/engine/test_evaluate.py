"""``frame.evaluate``: figures of models and of saved maps."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

import frame
from frame import UserError
from frame.report.figures import as_csv, as_json, as_latex, images_as_csv
from frame_metrics.cod import ObjectMeasures

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = ("s", "e_mean", "e_max", "e_adaptive", "f_mean", "f_max", "f_adaptive", "wf", "mae")
TABLES: dict[str, Any] = {
    "data": {
        "name": "camouflage",
        "size": 64,
        "resolution": 64,
        "train": 16,
        "validation_images": 6,
        "test_images": 5,
        "workers": 0,
    },
    "backbone": "edgenext_xx_small",
    "head": {"name": "moe", "width": 16, "experts": ["edge", "context", "edge"], "top_k": 2},
    "losses": {"mask": "mask"},
    "metrics": {"iou": "iou", "flat": "mae", "experts": "experts"},
    "train": {"ema": 0.5},
    "stages": {"main": {"epochs": 1, "batch_size": 4, "lr": 1e-2}},
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> frame.Result:
    found = frame.run(TABLES | {"run": {"name": "r", "folder": str(tmp_path_factory.mktemp("runs"))}})
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cod10k(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five test images in the layout of COD10K, each of another super-class but the last."""
    from frame.cli.main import main

    folder = tmp_path_factory.mktemp("data")
    size = ["--set", "resolution=48"]
    assert main(["data", "make", str(folder), "--layout", "cod10k", "--train", "1", "--test", "5", *size]) == 0
    return folder


def test_the_held_out_images_have_the_figures_that_training_found(result: frame.Result) -> None:
    found = frame.evaluate(result.folder, split="validation", device="cpu").rows["camouflage"].figures
    assert found["iou"] == result.metrics["iou"]
    assert found["flat/mae"] == pytest.approx(result.metrics["flat"], abs=1e-7)


def test_the_run_s_own_test_split_is_the_default(result: frame.Result) -> None:
    scores = frame.evaluate(result.folder, device="cpu").rows["camouflage"]
    assert set(FIGURES) | {"iou", "dice"} <= scores.figures.keys()
    assert len(scores.images) == 5
    assert "camouflage-test-000000" in scores.images
    for name in ("s", "wf", "mae", "iou"):
        assert scores.figures[name] == pytest.approx(np.mean([each[name] for each in scores.images.values()]))


def test_a_folder_is_known_by_looking_at_it_and_has_a_row_a_super_class(result: frame.Result, cod10k: Path) -> None:
    scores = frame.evaluate(result.folder, {"COD": cod10k}, device="cpu").rows["COD"]
    assert sum(group["images"] for group in scores.groups.values()) == len(scores.images) == 5
    assert len(scores.groups) > 1
    assert scores.groups.keys() <= {"Aquatic", "Terrestrial", "Flying", "Amphibian", "Other"}
    one = next(name for name, group in scores.groups.items() if group["images"] == 1)
    image = next(figures for name, figures in scores.images.items() if f"-{one}-" in name)
    assert scores.groups[one]["wf"] == image["wf"]


def test_flips_and_scales_and_other_weights_change_the_figures(result: frame.Result) -> None:
    def measured(**choice: Any) -> float:
        return frame.evaluate(result.folder, device="cpu", **choice).rows["camouflage"].figures["s"]

    plain = measured()
    assert measured(weights="ema") == plain
    assert len({plain, measured(weights="raw"), measured(flips=True), measured(scales=(0.5, 1))}) == 4


def test_each_expert_s_worth_is_a_row(result: frame.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = frame.evaluate(result.folder, without_experts=["each"], device="cpu").rows
    without = [f"camouflage without {name}" for name in ("edge", "context", "edge_2")]
    assert list(rows) == ["camouflage", *without]
    assert len({row.figures["s"] for row in rows.values()}) == 4
    monkeypatch.setattr("frame.engine.inference.evaluate.validate", None)  # nothing is measured before
    with pytest.raises(UserError, match="no expert is called 'wings'; there are: edge, context, edge_2"):
        frame.evaluate(result.folder, without_experts=["edge", "wings"], device="cpu")


def _maps(folder: Path, masks: Path) -> dict[str, np.ndarray]:
    """A map for each mask: blurred, and half as large."""
    folder.mkdir(parents=True)
    found = {}
    for path in sorted(masks.iterdir()):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        found[path.stem] = cv2.GaussianBlur(mask, (9, 9), 0)
        cv2.imwrite(str(folder / path.name), found[path.stem])
    return found


def test_maps_of_any_model_are_scored_with_and_without_workers(cod10k: Path, tmp_path: Path) -> None:
    masks = cod10k / "Test" / "GT_Object"
    cam = tmp_path / "cam"
    cam.mkdir()
    for path in masks.glob("COD10K-CAM-*"):
        shutil.copy(path, cam)
    maps = _maps(tmp_path / "maps", cam)
    whole = frame.evaluate(data={"COD": cod10k}, predictions=tmp_path / "maps", workers=2).rows["COD"]
    alone = frame.evaluate(data={"COD": cam}, predictions=tmp_path / "maps", workers=0).rows["COD"]
    assert whole.figures == alone.figures
    expected = ObjectMeasures(num_classes=1, figures=FIGURES, keep_mb=0, count_empty=True)
    for name, grey in maps.items():
        mask = cv2.imread(str(cam / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        expected.update(grey[None].astype(np.float32) / np.float32(255), (mask > 128).astype(np.uint8))
    computed = expected.compute()
    assert {name: alone.figures[name] for name in FIGURES} == computed


def test_a_map_that_is_missing_or_damaged_is_named_and_left_out(cod10k: Path, tmp_path: Path) -> None:
    cam = {path.name for path in (cod10k / "Test" / "GT_Object").glob("COD10K-CAM-*")}
    _maps(tmp_path / "maps", cod10k / "Test" / "GT_Object")
    first, second, *_ = sorted(cam)
    (tmp_path / "maps" / first).unlink()
    (tmp_path / "maps" / second).write_bytes(b"")
    scores = frame.evaluate(data={"COD": cod10k}, predictions=tmp_path / "maps", workers=0).rows["COD"]
    assert len(scores.images) == len(cam) - 2
    assert [any(name[:-4] in text for text in scores.unreadable) for name in (first, second)] == [True, True]


def test_what_a_run_held_out_is_not_asked_of_a_folder(result: frame.Result, tmp_path: Path) -> None:
    images, masks = tmp_path / "Imgs", tmp_path / "GT"
    for folder in (images, masks):
        folder.mkdir()
        cv2.imwrite(str(folder / "a.png"), np.zeros((32, 32, 3), np.uint8))
    for name in ("split/val/Imgs", "split/val/GT", "split/train/Imgs", "split/train/GT"):
        shutil.copytree(images if name.endswith("Imgs") else masks, tmp_path / name)
    for there in (tmp_path / "split", tmp_path / "split" / "val"):  # its folders say what it is
        assert frame.evaluate(result.folder, {"mine": there}, split="validation", device="cpu").rows["mine"].images
    with pytest.raises(UserError, match="has no validation split, and which images were held out of it only the run"):
        frame.evaluate(result.folder, {"mine": tmp_path}, split="validation", device="cpu")


def test_only_images_that_are_maps_are_taken_for_some(cod10k: Path, tmp_path: Path) -> None:
    _maps(tmp_path / "maps", cod10k / "Test" / "GT_Object")
    expected = frame.evaluate(data={"COD": cod10k}, predictions=tmp_path / "maps", workers=0).rows["COD"]
    first = next(path for path in sorted((tmp_path / "maps").iterdir()) if "CAM-" in path.name)
    (tmp_path / "maps" / f"._{first.name}").write_bytes(b"of another system")
    layout = shutil.copytree(cod10k, tmp_path / "COD10K-v3")
    shutil.copy(first, layout / "teaser.png")
    found = frame.evaluate(data={"COD": layout}, predictions=tmp_path / "maps", workers=0).rows["COD"]
    assert (found.figures, found.unreadable) == (expected.figures, ())
    shutil.copy(first, first.with_suffix(".webp"))
    with pytest.raises(UserError, match=f"{first.stem}.* and {first.stem}.* have one name: remove or rename"):
        frame.evaluate(data={"COD": cod10k}, predictions=tmp_path / "maps", workers=0)


def test_predictions_may_have_a_sub_folder_a_data_set(cod10k: Path, tmp_path: Path) -> None:
    _maps(tmp_path / "all" / "COD", cod10k / "Test" / "GT_Object")
    assert frame.evaluate(data={"COD": cod10k}, predictions=tmp_path / "all").rows["COD"].figures["wf"] > 0.5


def test_what_is_missing_is_one_message(result: frame.Result, cod10k: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a checkpoint, or a folder of predictions"):
        frame.evaluate(data={"COD": cod10k})
    with pytest.raises(UserError, match="name the data set's folder"):
        frame.evaluate(predictions=tmp_path)
    with pytest.raises(UserError, match=r"no map in it could be scored; the first: COD10K-CAM-.*there is no map of it"):
        frame.evaluate(data={"COD": cod10k}, predictions=tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        frame.evaluate(result.folder, {"COD": tmp_path / "nothing"})


def test_tables_hold_every_row_and_figure(result: frame.Result, cod10k: Path) -> None:
    found = frame.evaluate(result.folder, {"COD_10K": cod10k}, device="cpu")
    scores = found.rows["COD_10K"]
    parsed = json.loads(as_json(found))
    assert parsed["weights"] == "ema"
    assert parsed["data"]["COD_10K"]["figures"]["s"] == scores.figures["s"]
    assert parsed["data"]["COD_10K"]["groups"].keys() == scores.groups.keys()
    lines = as_csv(found).splitlines()
    assert lines[0].startswith("data,images,s,e_mean")
    assert len(lines) == 2 + len(scores.groups)
    assert len(images_as_csv(found).splitlines()) == 1 + len(scores.images)
    latex = as_latex(found)
    assert r"COD\_10K & " in latex
    assert f"{scores.figures['s']:.3f}"[1:] in latex
    assert math.isclose(float(lines[1].split(",")[2]), scores.figures["s"])


def test_a_figure_above_one_keeps_its_digits_in_latex(result: frame.Result, cod10k: Path) -> None:
    found = frame.evaluate(result.folder, {"COD": cod10k}, device="cpu")
    found.rows["COD"].figures["s"] = 10.25
    assert "& 10.250 &" in as_latex(found)
