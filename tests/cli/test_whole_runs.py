"""The configs that ship, run for real, made small by --set."""

from __future__ import annotations

import json

import cv2
import pytest
from tests.cli.small import SMALL, overrides

import frame


def test_quickstart_trains_and_names_what_it_left(call, quickstart, tmp_path) -> None:
    small = {"data.resolution": 32, "data.train": 8, "data.validation_images": 4, "run.folder": tmp_path / "runs"}
    done = call("run", quickstart, *overrides(SMALL | small))
    assert done.code == 0, done.err
    for word in ("all foreground", "mean mask", "best", "images a batch", "M parameters"):
        assert word in done.out
    folder = tmp_path / "runs" / "quickstart"
    last = {line[:17].strip(): line[17:] for line in done.out.splitlines()[-4:]}
    assert last["run folder"] == str(folder)
    assert (folder / "checkpoints" / "step_00000002" / "model.safetensors").is_file()
    assert last["best checkpoint"] == str(folder / "checkpoints" / "step_00000002")
    assert cv2.imread(last["sample pictures"]) is not None
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [record["event"] for record in history] == ["run", "stage", "epoch", "end"]
    assert set(history[2]["train"]) == {"loss", "mask", "deep"}


@pytest.mark.parametrize("layout", ["camo", "folder"])
def test_a_written_layout_trains_like_the_real_set(call, quickstart, tmp_path, layout: str) -> None:
    made = call(
        "data",
        "make",
        str(tmp_path / "set"),
        "--layout",
        layout,
        "--train",
        "10",
        "--test",
        "2",
        "--set",
        "resolution=40",
    )
    assert made.code == 0, made.err
    assert "train: 10 pairs\ntest: 2 pairs" in made.out
    config = tmp_path / "c.toml"
    config.write_text(f'extends = "{quickstart}"\n[data]\nname = "{layout}"\nroot = "{tmp_path / "set"}"\n')
    done = call("run", str(config), *overrides(SMALL | {"run.folder": tmp_path / "runs"}))
    assert done.code == 0, done.err
    assert "9 for training, 1 for validation" in done.out


def test_cod10k_goes_through_both_stages(call, quickstart, tmp_path) -> None:
    made = call(
        "data",
        "make",
        str(tmp_path / "set"),
        "--layout",
        "cod10k",
        "--train",
        "6",
        "--test",
        "2",
        "--set",
        "resolution=40",
        "--set",
        "empty=0.3",
    )
    assert made.code == 0, made.err
    settings = {"data.root": tmp_path / "set", "data.size": 32, "data.workers": 0, "run.folder": tmp_path / "runs"}
    settings |= {"backbone.pretrained": "false"}
    settings |= {
        f"stages.{stage}.{key}": value
        for stage in ("decoder", "finetune")
        for key, value in (("epochs", 1), ("batch_size", 3))
    }
    done = call("run", quickstart.replace("quickstart", "cod10k"), *overrides(settings))
    assert done.code == 0, done.err
    assert "decoder  1/2" in done.out
    assert "finetune 2/2" in done.out
    assert "edgenext_base (17.9" in done.out


def test_making_data_overwrites_nothing(call, tmp_path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("precious")
    done = call("data", "make", str(tmp_path / "set"), "--layout", "camo")
    assert done.code == 2
    assert "is not an empty folder: choose another, nothing was written" in done.err
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_told(call, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    done = call("data", "make", str(tmp_path / "file" / "set"), "--layout", "camo")
    assert done.code == 2
    assert "cannot write" in done.err


def test_pretrained_without_a_network_says_what_to_do(call, quickstart, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    done = call("run", quickstart, "--set", "backbone.pretrained=true", *overrides(SMALL))
    assert done.code == 2
    assert "backbone.checkpoint" in done.err
    assert "backbone.pretrained = false" in done.err


ACME = """
    import torch
    from torch import nn
    from frame import Component, hookimpl

    class Shift(nn.Module):
        '''An expert that knows nothing but its channels.'''
        def __init__(self, *, channels):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

        def forward(self, x):
            return x + self.bias

    @hookimpl
    def frame_experts():
        yield Component(name="shift", target="frame_acme:Shift")
"""


def test_a_third_partys_expert_joins_the_mixture_by_name(install, quickstart, tmp_path) -> None:
    install("frame-acme", "acme", ACME)
    small = {"data.resolution": 32, "data.train": 8, "data.validation_images": 4, "run.folder": str(tmp_path / "runs")}
    experts = {"head.name": "moe", "head.experts": ["texture", "acme/shift", "shift"], "callbacks.terminal": False}
    result = frame.run(quickstart, SMALL | small | experts)
    assert result is not None
    components = json.loads((result.folder / "components.json").read_text())["components"]
    assert {"kind": "expert", "name": "acme/shift", "distribution": "frame-acme", "version": "1.0"} in components
