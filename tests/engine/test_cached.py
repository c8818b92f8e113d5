"""A run with a cache: the same numbers, a line about it, and a message where there can be none."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import pytest
from tests.engine.states import assert_equal, state_of

import frame_datasets.pairs
from frame import UserError, catalog
from frame.config.bind import load_run
from frame.engine.dry_run import estimate

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 12


@pytest.fixture
def root(tmp_path) -> Path:
    """A folder of images and masks with an object each."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / "set" / name).mkdir(parents=True)
    for number in range(IMAGES):
        image = rng.integers(0, 200, (24, 30, 3), dtype=np.uint8)
        mask = np.zeros((24, 30), np.uint8)
        mask[5:15, number : number + 9] = 255
        image[mask > 0] += 50
        cv2.imwrite(str(tmp_path / "set" / "images" / f"{number}.png"), image)
        cv2.imwrite(str(tmp_path / "set" / "masks" / f"{number}.png"), mask)
    return tmp_path / "set"


@pytest.fixture
def cached(train, config, root, tmp_path):
    """Run on that folder with augmentation: ``cached(cache, *overrides)`` returns the result and all it saw."""
    config["data"] = data = {
        "name": "folder",
        "root": str(root),
        "size": 16,
        "workers": 0,
        "validation": 0.25,
        "augmentation": {"name": "albumentations"},
    }

    def run(cache: bool | Path, *overrides: str, data: dict[str, Any] = data) -> tuple[Any, list[Any]]:
        setting = str(cache).lower() if isinstance(cache, bool) else f'"{cache}"'
        result = train(f"data.cache={setting}", *overrides, data=data)
        return result, [entry for entry in train.log if entry[0] in ("step", "epoch")]

    return run


@pytest.fixture
def lines(monkeypatch) -> list[str]:
    """What runs tell at their start and on the way."""
    import frame_small

    told: list[str] = []
    monkeypatch.setattr(frame_small.Recorder, "on_run_start", lambda _self, run: told.extend(run.lines))
    monkeypatch.setattr(frame_small.Recorder, "on_notice", lambda _self, text: told.append(text))
    return told


def about(lines: list[str]) -> list[str]:
    return [line for line in lines if "cache" in line]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_gives_the_same_with_a_cache_as_without(cached, tmp_path, workers: int) -> None:
    plain, expected = cached(False)
    for _ in range(2):  # one that fills it, and one that finds it full
        result, log = cached(tmp_path / "cache", f"data.workers={workers}")
        assert log == expected
        assert_equal(state_of(result.folder), state_of(plain.folder))


def test_a_filled_cache_is_not_read_from_the_files_again(cached, tmp_path, monkeypatch) -> None:
    read, given = [], frame_datasets.pairs.read_pair

    def reading(image: str, *rest: Any) -> Any:
        read.append(image)
        return given(image, *rest)

    monkeypatch.setattr(frame_datasets.pairs, "read_pair", reading)
    cached(tmp_path / "cache")
    first = len(read)
    cached(tmp_path / "cache")
    assert len(read) - first == first - 9  # nine are trained on, the rest is validation and baselines


def test_a_run_says_where_its_cache_is_and_how_large(cached, tmp_path, lines) -> None:
    cached(tmp_path / "cache")
    cached(tmp_path / "cache")
    first, second = about(lines)
    (data,) = (tmp_path / "cache").glob("folder-16-*.data")
    assert first == f"cache   {data}, 37 kB; filled in the first epoch"
    assert second == f"cache   {data}, 37 kB; 9 of 9 images are there"


def test_true_puts_it_where_users_keep_caches(cached, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    cached(True)
    assert len(list((tmp_path / "xdg" / "frame").glob("folder-16-*.data"))) == 1


def test_other_settings_have_another_cache(cached, root, tmp_path) -> None:
    cached(tmp_path / "cache")
    cached(tmp_path / "cache", "data.size=17")
    shutil.copytree(root, other := tmp_path / "other")
    cached(tmp_path / "cache", f"data.root={other}")
    assert len(list((tmp_path / "cache").glob("*.data"))) == 3


def test_several_sets_as_one_share_a_cache(cached, root, tmp_path, lines) -> None:
    shutil.copytree(root, other := tmp_path / "other")
    sets = [{"name": "folder", "root": str(each)} for each in (root, other)]
    data = {"name": "concat", "sets": sets, "size": 16, "workers": 0, "validation": 0.25}
    runs = [cached(cache, data=data)[1] for cache in (False, tmp_path / "cache", tmp_path / "cache")]
    assert runs[0] == runs[1] == runs[2]
    assert about(lines)[-1].endswith("18 of 18 images are there")


def test_a_set_without_files_is_not_cached_and_that_is_said(train, tmp_path, lines) -> None:
    train(f"data.cache={tmp_path / 'cache'}")
    (line,) = about(lines)
    assert line.startswith('warning data.cache has no effect: data set "squares" has no files(index)')
    assert not (tmp_path / "cache").exists()


def test_a_set_of_generated_images_is_not_cached_and_that_is_said(train, tmp_path, lines) -> None:
    data = {"name": "camouflage", "train": 6, "validation_images": 2, "resolution": 32, "size": 16, "workers": 0}
    train(data=data | {"cache": str(tmp_path / "cache")})
    assert about(lines) == ["warning data.cache has no effect: the data set makes new images in every epoch"]
    assert not (tmp_path / "cache").exists()


def test_a_disk_without_room_is_refused_before_anything_is_trained(cached, tmp_path, monkeypatch) -> None:
    class Usage(NamedTuple):
        total: int = 10**9
        used: int = 10**9
        free: int = 5000

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage())
    with pytest.raises(UserError, match=r"cache has 5 kB free, and the cache needs 37 kB more; name another folder"):
        cached(tmp_path / "cache")


def test_a_place_that_is_a_file_is_refused(cached, tmp_path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match=r"data\.cache: .*taken can't be written \(.*\); name another folder"):
        cached(tmp_path / "taken")


def test_damage_is_told_once(cached, tmp_path, lines) -> None:
    cached(tmp_path / "cache")
    (data,) = (tmp_path / "cache").glob("*.data")
    with data.open("r+b") as file:
        for entry in range(IMAGES):
            file.seek(4096 * entry)
            file.write(b"damage")
    lines.clear()
    cached(tmp_path / "cache")
    assert about(lines)[1:] == [f"cache: entries of {data} were damaged and are made anew"]


def test_a_dry_run_writes_no_cache(cached, config, tmp_path) -> None:
    estimate(load_run(config, catalog(), [f"data.cache={tmp_path / 'cache'}"]))
    assert not (tmp_path / "cache").exists()


def test_how_long_training_waited_is_recorded(cached, tmp_path, train) -> None:
    result, _ = cached(tmp_path / "cache", 'callbacks.history="history"')
    records = [json.loads(line) for line in (result.folder / "history.jsonl").read_text().splitlines()]
    shares = [record["waited"] for record in records if record["event"] in ("epoch", "end")]
    assert len(shares) == 6
    assert all(0 < share < 1 for share in shares)
    assert min(shares[:-1]) <= shares[-1] <= max(shares[:-1])
