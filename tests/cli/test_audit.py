"""``frame data audit`` for a person and for a script."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path, call) -> Path:
    settings = ("--train", "14", "--test", "2", "--set", "resolution=64")
    assert call("data", "make", str(tmp_path / "set"), "--layout", "folder", *settings).code == 0
    return tmp_path / "set"


def test_nothing_found_is_exit_code_0(call, folder) -> None:
    done = call("data", "audit", str(folder))
    assert done.code == 0
    assert done.err == ""  # no bar where nobody looks
    assert done.out == (
        f"folder train: folder at {folder}: 14 train pairs\n"
        f"folder test: folder at {folder}: 2 test pairs\n\nnothing found\n"
    )


def test_findings_are_exit_code_1_ten_of_a_kind_for_a_person_and_all_as_json(
    call, folder, tmp_path, monkeypatch
) -> None:
    for number in range(12):
        (folder / "train" / "masks" / f"camouflage-train-{number:06d}.png").unlink()
    image = folder / "test" / "images" / "camouflage-test-000000.jpg"
    shutil.copy(image, folder / "train" / "images" / "camouflage-train-000013.jpg")
    monkeypatch.chdir(tmp_path)
    done = call("data", "audit", "set")
    assert done.code == 1
    assert "files without a partner: 12\n  set/train/images/camouflage-train-000000.jpg: image without a" in done.out
    assert "\n  and 2 more, which --json lists\n" in done.out
    assert (
        "images that are in several splits: 1\n  set/train/images/camouflage-train-000013.jpg (folder train) = "
        "set/test/images/camouflage-test-000000.jpg (folder test)\n"
    ) in done.out
    assert done.out.endswith("\nfound: 13\n")
    done = call("data", "audit", "set", "--json")
    assert done.code == 1
    told = json.loads(done.out)
    assert [split["name"] for split in told["splits"]] == ["folder train", "folder test"]
    assert told["splits"][0]["left_out"] == {"image without a mask": {"files": 12, "blank": 0}}
    assert [finding["kind"] for finding in told["findings"]] == ["unpaired"] * 12 + ["same_across"]
    assert told["findings"][-1]["files"][1] == {
        "split": "folder test",
        "path": "set/test/images/camouflage-test-000000.jpg",
    }


def test_negatives_are_told_with_their_blank_masks(call, tmp_path) -> None:
    settings = ("--train", "8", "--test", "2", "--set", "resolution=64", "--set", "empty=0.5", "--set", "seed=3")
    assert call("data", "make", str(tmp_path / "set"), "--layout", "cod10k", *settings).code == 0
    negatives = len(list((tmp_path / "set" / "Train" / "Image").glob("COD10K-NonCAM-*")))
    done = call("data", "audit", str(tmp_path / "set"))
    assert done.code == 1
    assert f"\n  NonCAM: {negatives} of {negatives} masks are blank, and not used\n" in done.out
    assert f"\n  cod10k train: {8 - negatives} pairs, published are 3040\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "there is no folder"),
        ((".",), "no data set is known by what lies in"),
        ((".", "--data", "cod10"), "did you mean 'cod10k'"),
        ((".", "--data", "folder"), "root: no images and masks in"),
        ((".", "--data", "folder", "--set", "image=x"), 'did you mean "images"?'),
        ((".", "--data", "camouflage"), "root: not an option of dataset"),
        ((".", "--set", "images=x"), "--set gives options to a data set, so name one with --data"),
    ],
)
def test_what_a_user_can_mend_is_exit_code_2_and_one_message(call, tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("data", "audit", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
