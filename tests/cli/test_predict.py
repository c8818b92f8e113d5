"""``frame predict``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.damaged import KINDS, write_damaged, write_good

import frame

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {
    "data": {"name": "camouflage", "size": 32, "resolution": 32, "train": 8, "validation_images": 2, "workers": 0},
    "backbone": "edgenext_xx_small",
    "head": {"name": "fpn", "width": 16},
    "losses": {"mask": "mask"},
    "metrics": {"iou": "iou"},
    "train": {"ema": 0.9},
    "stages": {"main": {"epochs": 1, "batch_size": 4, "lr": 1e-2}},
}
CLASSES = ["background", "moth", "snake & co", "starfish"]


def trained(folder: Path, name: str, **data: object) -> str:
    result = frame.run(TABLES | {"run": {"name": name, "folder": str(folder)}, "data": TABLES["data"] | data})
    assert result is not None
    return str(result.folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def model(runs: Path) -> str:
    return trained(runs, "binary")


@pytest.fixture(scope="module")
def many(runs: Path) -> str:
    return trained(runs, "many", classes=[name.partition(" ")[0] for name in CLASSES])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five images of several sizes, two of them in a folder within."""
    folder = tmp_path / "photos"
    (folder / "sea" / "deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, size in {"a.jpg": (40, 60), "b.PNG": (33, 20), "c.v2.webp": (64, 64)}.items():
        cv2.imwrite(str(folder / name.lower()), rng.integers(0, 255, (*size, 3), dtype=np.uint8))
    (folder / "b.png").rename(folder / "b.PNG")
    for name in ("sea/a.jpg", "sea/deep/d.jpeg"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (50, 30, 3), dtype=np.uint8))
    (folder / "notes.txt").write_text("no image")
    (folder / "._a.jpg").write_text("what macOS leaves")
    return folder


@pytest.fixture
def predict(call, tmp_path):
    """``predict(model, inputs...)`` into ``out``, on the CPU."""
    return lambda model, *words: call("predict", model, *map(str, words), "-o", str(tmp_path / "out"), "--device=cpu")


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_masks_of_a_folder_have_their_images_sizes_and_places(predict, model, photos, tmp_path) -> None:
    done = predict(model, photos)
    assert done.code == 0, done.err
    assert done.out.startswith("5 predicted with the ema weights of")
    out = tmp_path / "out"
    names = ["mask/a.png", "mask/b.png", "mask/c.v2.png", "mask/sea/a.png", "mask/sea/deep/d.png"]
    assert files(out) == [*names, "predict.json"]
    for image, name in zip(["a.jpg", "b.PNG", "c.v2.webp", "sea/a.jpg", "sea/deep/d.jpeg"], names, strict=True):
        found = cv2.imread(str(out / name), cv2.IMREAD_UNCHANGED)
        expected = frame.load(model, device="cpu")(photos / image)
        assert found.shape == expected.shape
        assert set(np.unique(found)) <= {0, 255}
        near = abs(expected - 0.5) < 1e-4  # in another batch the last bits differ
        assert ((found == 255) == (expected > 0.5))[~near].all()


def test_probabilities_and_overlays_are_written_where_asked_for(predict, model, photos, tmp_path) -> None:
    done = predict(model, photos / "a.jpg", "--save", "probability", "overlay", "--flips", "--scales", "1", "1.5")
    assert done.code == 0, done.err
    assert files(tmp_path / "out") == ["overlay/a.jpg", "predict.json", "probability/a.png"]
    found = cv2.imread(str(tmp_path / "out" / "probability" / "a.png"), cv2.IMREAD_UNCHANGED)
    expected = frame.load(model, device="cpu", flips=True, scales=(1, 1.5))(photos / "a.jpg")
    assert np.abs(found / 255.0 - expected).max() <= 0.5 / 255 + 1e-4
    assert cv2.imread(str(tmp_path / "out" / "overlay" / "a.jpg")).shape == (40, 60, 3)


def test_the_threshold_makes_the_mask(predict, model, photos, tmp_path) -> None:
    expected = frame.load(model, device="cpu")(photos / "a.jpg")
    middle = float(np.median(expected))
    assert predict(model, photos / "a.jpg", "--threshold", middle).code == 0
    found = cv2.imread(str(tmp_path / "out" / "mask" / "a.png"), cv2.IMREAD_UNCHANGED)
    near = abs(expected - middle) < 1e-4
    assert 0 < (found == 255).mean() < 1
    assert ((found == 255) == (expected > middle))[~near].all()


def test_masks_of_classes_hold_indices_and_show_colours(predict, many, photos, tmp_path) -> None:
    done = predict(many, photos / "a.jpg", "--save", "mask", "probability", "overlay")
    assert done.code == 0, done.err
    out = tmp_path / "out"
    probabilities = frame.load(many, device="cpu")(photos / "a.jpg")
    planes = ["0-background", "1-moth", "2-snake", "3-starfish"]
    assert files(out / "probability") == [f"{plane}/a.png" for plane in planes]
    for plane, expected in zip(planes, probabilities, strict=True):
        found = cv2.imread(str(out / "probability" / plane / "a.png"), cv2.IMREAD_UNCHANGED)
        assert np.abs(found / 255.0 - expected).max() <= 0.5 / 255 + 1e-4
    with Image.open(out / "mask" / "a.png") as mask:
        assert mask.mode == "P"
        indices, colours = np.asarray(mask), np.asarray(mask.convert("RGB"))
    assert (indices == probabilities.argmax(axis=0)).mean() > 0.99
    np.testing.assert_array_equal(colours, frame.CLASS_COLOURS[indices])
    assert predict(many, photos / "a.jpg", "--threshold", "0.5").err.startswith("a threshold is for one class")


def test_an_image_that_its_camera_turned_has_the_mask_that_viewers_show(predict, model, tmp_path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown a quarter turned
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=turned)
    assert predict(model, tmp_path / "turned.png").code == 0
    assert cv2.imread(str(tmp_path / "out" / "mask" / "turned.png"), cv2.IMREAD_UNCHANGED).shape == (60, 40)


def test_patterns_are_understood_when_no_shell_has(predict, model, photos, tmp_path) -> None:
    assert predict(model, f"{photos}/**/*.jp*g").code == 0
    assert files(tmp_path / "out" / "mask") == ["a.png", "sea/a.png", "sea/deep/d.png"]


def test_what_was_done_is_kept_and_what_is_cut_short_or_older_is_not(predict, model, photos, tmp_path) -> None:
    predict(model, photos)
    masks = tmp_path / "out" / "mask"
    before = {path: path.stat().st_mtime_ns for path in masks.rglob("*.png")}
    (masks / "a.png").write_bytes((masks / "a.png").read_bytes()[:-3])
    (masks / "b.png").unlink()
    os.utime(photos / "sea" / "a.jpg", (time.time() + 5, time.time() + 5))
    done = predict(model, photos)
    assert done.code == 0
    assert done.out.startswith("3 predicted")
    assert "2 were there already" in done.out
    kept = {path.relative_to(masks).as_posix() for path, made in before.items() if path.stat().st_mtime_ns == made}
    assert kept == {"c.v2.png", "sea/deep/d.png"}
    os.utime(photos / "sea" / "a.jpg", (1, 1))
    assert predict(model, photos, "--save", "mask", "overlay").out.startswith("5 predicted")
    assert predict(model, photos).out.startswith("0 predicted")
    assert predict(model, photos, "--overwrite").out.startswith("5 predicted")


def test_predictions_of_two_models_are_never_mixed(predict, model, runs, photos, tmp_path) -> None:
    assert predict(model, photos / "a.jpg").code == 0
    mask = (tmp_path / "out" / "mask" / "a.png").read_bytes()
    raw = predict(model, photos / "a.jpg", "--weights", "raw")
    assert raw.code == 2
    assert "holds other predictions (checkpoint" in raw.err
    assert "weights ema, now raw): choose another folder with -o, or --overwrite" in raw.err
    assert "mask's threshold 0.5, now 0.4" in predict(model, photos / "a.jpg", "--threshold", "0.4").err
    others = predict(model, photos / "b.PNG", "--weights", "raw", "--overwrite")
    assert others.code == 2
    assert "1 of them, such as" in others.err
    assert (tmp_path / "out" / "mask" / "a.png").read_bytes() == mask
    assert predict(model, photos / "a.jpg", "--weights", "raw", "--overwrite").code == 0
    note = json.loads((tmp_path / "out" / "predict.json").read_text())
    assert (note["weights"], note["size"], note["files"]) == ("raw", 32, {"mask": {"threshold": 0.5}})


def test_what_is_overwritten_is_gone_before_it_is_noted_whose_it_is(
    predict, model, runs, photos, tmp_path, monkeypatch
) -> None:
    assert predict(model, photos).code == 0

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("frame.engine.inference.predictor.Predictor.predict", stopped)
        patched.setattr("frame.engine.inference.predictor.Predictor.probabilities", stopped)
        assert predict(model, photos, "--weights", "raw", "--overwrite").code == 130
    assert predict(model, photos, "--weights", "raw").out.startswith("5 predicted")


def test_a_folder_with_masks_of_somebody_else_is_left_alone(predict, model, photos, tmp_path) -> None:
    (tmp_path / "out" / "mask").mkdir(parents=True)
    (tmp_path / "out" / "mask" / "a.png").write_bytes(b"precious")
    done = predict(model, photos, "--overwrite")
    assert done.code == 2
    assert "so Frame did not write it: choose another -o" in done.err
    assert files(tmp_path / "out") == ["mask/a.png"]


def test_two_images_for_one_file_are_an_error_before_anything_is_computed(predict, model, photos, tmp_path) -> None:
    cv2.imwrite(str(photos / "a.png"), np.zeros((4, 4, 3), np.uint8))
    done = predict(model, photos)
    assert done.code == 2
    assert "a.jpg and" in done.err
    assert "would both be written to" in done.err
    assert predict(model, photos / "a.jpg", photos / "sea" / "a.jpg").code == 2
    assert not (tmp_path / "out").exists()
    assert predict(model, photos / "a.jpg", photos / "a.jpg").code == 0  # the same, twice


def test_what_was_written_is_no_input_and_no_input_is_written_over(call, model, photos) -> None:
    for _ in range(2):
        done = call("predict", model, str(photos), "-o", str(photos / "out"))
        assert done.code == 0, done.err
    assert "0 predicted" in done.out
    (photos / "mask").mkdir()
    (photos / "b.PNG").rename(photos / "mask" / "b.png")
    done = call("predict", model, str(photos / "mask"), "-o", str(photos))
    assert done.code == 2
    assert "is one of the images and would be written over" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.jpg"], "there is no nowhere.jpg: give images, folders of images, or patterns"),
        (["nowhere-*.jpg"], "nowhere-*.jpg holds no image"),
        ([".", "--batch-size", "0"], "--batch-size and --workers from 1 on"),
        ([".", "--threshold", "2"], "--threshold takes a probability"),
        ([".", "--scales", "nan"], "--scales takes numbers above 0"),
    ],
)
def test_what_the_user_can_mend_is_one_message(predict, model, words, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = predict(model, *words)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_masks_are_not_put_where_they_would_be_the_next_images(call, model, photos) -> None:
    done = call("predict", model, str(photos), "-o", str(photos))
    assert done.code == 2
    assert "holds the images: the next call would predict its masks too; choose another -o" in done.err


def test_a_device_that_is_not_there_is_one_message(call, model, photos, tmp_path) -> None:
    done = call("predict", model, str(photos), "-o", str(tmp_path / "out"), "--device", "gpu")
    assert done.code == 2
    assert done.err.startswith("device: this machine has no 'gpu'")
    assert done.err.endswith("'auto' takes what there is\n")


def test_two_hundred_damaged_images_among_good_ones_are_named_and_skipped(shell, model, tmp_path) -> None:
    damaged = write_damaged(tmp_path / "photos", 200)
    good = write_good(tmp_path / "photos", 24)
    words = ("predict", model, str(tmp_path / "photos"), "-o", str(tmp_path / "out"), "--save", "mask", "overlay")
    done = shell(*words, "--workers", "4")  # where the decoder's own log lines would show
    assert done.code == 1, done.err
    assert done.out.startswith("24 predicted")
    assert "200 could not be read" in done.out
    assert done.err.count("skipped: ") == 200  # not always at a line's start: libpng writes there by itself
    for path, kind in damaged:
        assert done.err.count(f"skipped: {path} ") == 1, kind
    assert "[ WARN" not in done.err  # OpenCV's log
    assert "[ERROR" not in done.err
    assert {kind for _, kind in damaged} == set(KINDS)
    assert files(tmp_path / "out" / "mask") == [f"{path.stem}.png" for path in good]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_prediction_ends_with_its_batch_and_goes_on(model, tmp_path, number, code) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_good(photos, 400)
    command = [sys.executable, "-m", "frame.cli.main", "predict", model, str(photos), "-o", str(out), "--batch-size=2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not any(out.glob("mask/*.png")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        told, complaints = process.communicate(timeout=60)
    assert process.returncode == code, complaints
    assert f"stopped by {number.name}; the same command goes on" in complaints
    whole = files(out / "mask")
    assert 0 < len(whole) < 400
    assert told.startswith(f"{len(whole)} predicted")
    assert f"{400 - len(whole)} left" in told
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert f"{400 - len(whole)} predicted" in done.stdout
    assert f"{len(whole)} were there already" in done.stdout
    assert done.stderr == ""  # no bar where there is no terminal
    assert len(files(out)) == 401


def test_a_file_that_cannot_be_written_ends_it_with_one_message(predict, model, photos, tmp_path) -> None:
    assert predict(model, photos / "a.jpg").code == 0
    (tmp_path / "out" / "mask" / "sea").write_text("a file where a folder should be")
    done = predict(model, photos)
    assert done.code == 2
    assert done.err.startswith(f"cannot write {tmp_path / 'out' / 'mask' / 'sea'}")
    assert len(done.err.splitlines()) == 1
