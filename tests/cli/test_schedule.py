"""``frame show CONFIG --schedule``: rates and freezing of the whole run, foretold."""

from __future__ import annotations

import json
import sys

import cv2
import pytest


@pytest.fixture
def cod10k(call, quickstart, tmp_path) -> tuple[str, ...]:
    """The config with ImageNet's weights, on a set of 22 training images of which 2 are held out."""
    sizes = ("--train", "22", "--test", "2", "--set", "resolution=32")
    assert call("data", "make", str(tmp_path / "set"), "--layout", "cod10k", *sizes).code == 0
    return quickstart.replace("quickstart", "cod10k"), "--set", f"data.root={tmp_path / 'set'}"


@pytest.fixture
def offline(monkeypatch, tmp_path) -> None:
    """No way to pretrained weights."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")


SHORT = ("--set", "stages.decoder.batch_size=8", "--set", "stages.finetune.epochs=6", "--set", "train.accumulation=2")


@pytest.mark.usefixtures("offline")
def test_the_whole_run_is_told_without_its_model(call, cod10k) -> None:
    done = call("show", *cod10k, *SHORT, "--schedule")
    assert done.code == 0, done.err
    first, data, *rest = done.out.splitlines()
    assert first == "run     cod10k: 36 epochs, 66 steps"
    assert data.endswith("20 for training, 2 for validation")
    # 20 images in batches of 8 are 3, in windows of two 2 steps; in batches of 20 they are one.
    assert rest == [
        "",
        "decoder 1/2: 30 epochs x 2 steps; cosine 8.5e-4 to 1e-5, warm-up 10 epochs",
        "                      step  epoch  in epoch  backbone      head  trained",
        "start                    1   1/30       1/2    frozen  4.25e-05  head",
        "end of warm-up, peak    20  10/30       2/2    frozen  8.50e-04  head",
        "end                     60  30/30       2/2    frozen  1.00e-05  head",
        "",
        "finetune 2/2: 6 epochs x 1 step; cosine 1.8e-4 to 1e-5",
        "                      step  epoch  in epoch  backbone      head  trained",
        "start, peak             61    1/6       1/1  1.80e-05  1.80e-04  head, backbone (last stage)",
        "unfreezing              63    3/6       1/1  1.21e-05  1.21e-04  head, backbone (last 2 stages)",
        "unfreezing              65    5/6       1/1  2.62e-06  2.62e-05  head, backbone (all)",
        "end                     66    6/6       1/1  1.00e-06  1.00e-05  head, backbone (all)",
    ]


@pytest.mark.usefixtures("offline")
def test_json_holds_every_steps_rates_and_the_moments(call, cod10k) -> None:
    found = json.loads(call("show", *cod10k, *SHORT, "--schedule", "--json").out)
    assert (found["run"], found["epochs"], found["steps"]) == ("cod10k", 36, 66)
    decoder, finetune = found["stages"]
    assert decoder["rates"]["backbone"] == [None] * 60
    assert len(decoder["rates"]["head"]) == 60
    assert finetune["rates"]["backbone"] == pytest.approx([0.1 * rate for rate in finetune["rates"]["head"]])
    moment = finetune["moments"][1]
    assert moment == {
        "events": ["unfreezing"],
        "global_step": 63,
        "epoch": 2,
        "step": 0,
        "rates": {group: rates[2] for group, rates in finetune["rates"].items()},
        "trained": {"backbone_stages": 2, "head": True},
    }
    assert finetune["moments"][-1]["trained"]["backbone_stages"] == "all"


def test_a_run_of_the_config_takes_as_many_steps(call, quickstart, tmp_path) -> None:
    settings = {"data.resolution": 32, "data.size": 32, "data.train": 10, "data.validation_images": 2}
    settings |= {"data.workers": 0, "stages.main.epochs": 2, "stages.main.batch_size": 4, "train.accumulation": 2}
    settings |= {"run.folder": tmp_path / "runs", "callbacks.history.every": 1, "callbacks.pictures": "false"}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    (stage,) = json.loads(call("show", quickstart, "--schedule", "--json", *words).out)["stages"]
    assert call("run", quickstart, *words).code == 0
    history = (tmp_path / "runs" / "quickstart" / "history.jsonl").read_text().splitlines()
    steps = [record for record in map(json.loads, history) if record["event"] == "step"]
    assert [record["rates"] for record in steps] == [
        {"backbone": backbone, "head": head} for backbone, head in zip(*stage["rates"].values(), strict=True)
    ]
    assert len(steps) == 4


@pytest.mark.parametrize("order", ["config first", "file first", "no file"])
def test_the_picture_is_drawn_where_it_is_asked_for(call, quickstart, tmp_path, order) -> None:
    picture = str(tmp_path / "plan.png")
    words = {
        "config first": (quickstart, "--schedule", picture),
        "file first": ("--schedule", picture, quickstart),
        "no file": ("--schedule", quickstart),
    }[order]
    done = call("show", *words)
    assert done.code == 0, done.err
    assert "end of warm-up, peak" in done.out
    drawn = cv2.imread(picture) if order != "no file" else None
    assert [path.name for path in tmp_path.iterdir()] == ([] if order == "no file" else ["plan.png"])
    assert drawn is None or min(drawn.shape[:2]) > 500


def test_warnings_of_the_run_go_to_stderr(call, quickstart) -> None:
    done = call("show", quickstart, "--schedule", "--json", "--set", "stages.main.warmup=9")
    assert done.code == 0
    assert "warning: stages.main.warmup of 9 epochs is longer than the stage's 8" in done.err
    assert json.loads(done.out)["stages"][0]["warmup_steps"] == 9 * 64


def test_data_that_is_not_there_is_told_as_by_check(call, quickstart, tmp_path) -> None:
    words = (quickstart.replace("quickstart", "cod10k"), "--set", f"data.root={tmp_path / 'nowhere'}")
    done, checked = call("show", *words, "--schedule"), call("check", *words)
    assert (done.code, done.out) == (2, "")
    assert f"there is no folder {tmp_path / 'nowhere'}" in done.err
    assert done.err == checked.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("head", "moe", "--schedule"), "frame show --schedule takes one config"),
        (("--schedule", "plan.png"), "frame show --schedule takes one config"),
        (("CONFIG", "--schedule", "plan.jpg"), "frame show --schedule takes one config, and the .png file"),
        (("CONFIG", "--schedule", "CONFIG/plan.png"), "cannot write the picture"),
        (("nowhere.toml", "--schedule"), "cannot read config nowhere.toml"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_printed(call, quickstart, arguments, message) -> None:
    done = call("show", *(word.replace("CONFIG", quickstart) for word in arguments))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


def test_without_matplotlib_the_picture_says_how_to_get_it(call, quickstart, monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "frame.report.schedule_picture", raising=False)
    done = call("show", quickstart, "--schedule", str(tmp_path / "plan.png"))
    assert done.code == 2
    assert "pip install 'frame-seg[plot]'" in done.err
    assert call("show", quickstart, "--schedule").code == 0
