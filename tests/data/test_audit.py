"""What an audit finds, each fault made in a set that is otherwise sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from frame import UserError, catalog
from frame.data.audit.parts import audited_splits
from frame.data.audit.report import audit
from frame.data.make import make
from frame.plugin.component import Kind

COUNTS = {"train": 12, "test": 6}


def made(folder: Path, layout: str, empty: float = 0.0) -> Path:
    """Generated photographs of 96 pixels in a layout."""
    from frame.config.bind import bind_component

    options = ["resolution=96", f"empty={empty}"]
    source = bind_component(catalog(), Kind.DATASET, "camouflage", options)
    make(folder, catalog().find(Kind.DATASET, layout), source, COUNTS)
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return made(tmp_path / "set", "folder")


@pytest.fixture
def cod10k(tmp_path) -> Path:
    return made(tmp_path / "COD10K-v3", "cod10k", empty=0.3)


def found(*folders: Path, **choice) -> dict[str, list[tuple[list[str], str]]]:
    """Findings by kind: the names of their files, with their splits, and the detail."""
    kinds: dict[str, list[tuple[list[str], str]]] = {}
    for finding in audit(audited_splits(catalog(), folders, **choice)).findings:
        files = [f"{split}: {Path(path).name}" for split, path in finding.files]
        kinds.setdefault(finding.kind, []).append((files, finding.detail))
    return kinds


def name(folder: Path, number: int, split: str = "train") -> str:
    return sorted(path.stem for path in (folder / split / "images").iterdir())[number]


def test_a_sound_set_has_no_findings(folder):
    splits = audited_splits(catalog(), [folder])
    assert [(split.name, len(split.pairs)) for split in splits] == [("folder train", 12), ("folder test", 6)]
    assert audit(splits).findings == []


def test_files_without_a_partner_are_named(folder):
    (folder / "train" / "masks" / f"{name(folder, 0)}.png").rename(folder / "train" / "masks" / "alone.png")
    assert found(folder) == {
        "unpaired": [
            ([f"folder train: {name(folder, 0)}.jpg"], "image without a mask"),
            (["folder train: alone.png"], "mask without an image"),
        ]
    }


def test_files_that_cannot_be_read_are_named_and_the_others_looked_at(folder):
    (folder / "train" / "images" / f"{name(folder, 0)}.jpg").write_bytes(b"no image")
    (folder / "test" / "masks" / f"{name(folder, 2, 'test')}.png").write_bytes(b"")
    kinds = found(folder)
    assert list(kinds) == ["unreadable"]
    (first, second) = kinds["unreadable"]
    assert f"{name(folder, 0)}.jpg is damaged or not an image" in first[1]
    assert f"{name(folder, 2, 'test')}.png is damaged or not an image" in second[1]


def rewrite(folder: Path, number: int, change) -> str:
    """Change the mask of a training pair; returns what a finding calls it."""
    path = folder / "train" / "masks" / f"{name(folder, number)}.png"
    cv2.imwrite(str(path), change(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))
    return f"folder train: {path.name}"


def test_masks_of_another_size_blank_full_and_grey_ones_are_told_apart(folder):
    small = rewrite(folder, 0, lambda mask: cv2.resize(mask, (48, 48), interpolation=cv2.INTER_NEAREST))
    blank = rewrite(folder, 1, np.zeros_like)
    full = rewrite(folder, 2, lambda mask: np.full_like(mask, 255))
    grey = rewrite(folder, 3, with_grey)
    kinds = found(folder)
    assert kinds.pop("size") == [([f"folder train: {name(folder, 0)}.jpg", small], "image 96x96, mask 48x48")]
    assert kinds.pop("blank") == [([blank], "")]
    assert kinds.pop("full") == [([full], "")]
    assert kinds.pop("grey") == [([grey], "20 grey pixels, 0.22%")]
    assert not kinds


def test_pairs_that_a_run_would_refuse_are_found_with_its_own_message(folder):
    tall = rewrite(folder, 0, lambda mask: cv2.resize(mask, (48, 96), interpolation=cv2.INTER_NEAREST))
    ((files, message),) = found(folder)["unreadable"]
    assert files[1] == tall
    assert "of one scene they would have one shape" in message
    rewrite(folder, 0, lambda mask: np.full((96, 96), 7, np.uint8))
    classes = {"names": ["folder"], "overrides": ["classes=['ground', 'polyp']", "ignore=[255]"]}
    told = {files[1]: message for files, message in found(folder, **classes)["unreadable"]}
    assert list(told) == [tall]
    assert "holds the class 7, but data.classes names 2" in told[tall]


def test_classes_in_colours_that_are_read_as_one_object_are_told(folder):
    def painted(mask, *colours):
        picture = np.zeros((*mask.shape, 3), np.uint8)
        for number, colour in enumerate(colours):
            picture[10 * number : 10 * number + 10, :10] = colour
        return picture

    rewrite(folder, 0, lambda mask: painted(mask, (0, 0, 255)))  # one colour is as good as white
    two = rewrite(folder, 1, lambda mask: painted(mask, (0, 0, 200), (0, 200, 0)))
    assert found(folder)["colours"] == [([two], "2; data.classes and data.palette tell them apart")]


def with_grey(mask):
    mask[:5, :4] = 100
    mask[5, :4] = 10  # near enough to black
    return mask


@pytest.mark.parametrize("levels", [(0, 1), (0, 200), (3, 250)])
def test_a_mask_of_two_levels_is_black_and_white_whatever_they_are(folder, levels):
    rewrite(folder, 0, lambda mask: np.where(mask > 0, levels[1], levels[0]).astype(np.uint8))
    assert found(folder) == {}


def test_colour_masks_and_masks_of_16_bits_are_read_by_their_levels(folder):
    rewrite(folder, 0, lambda mask: cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR))
    rewrite(folder, 1, lambda mask: mask.astype(np.uint16) * 257)
    rewrite(folder, 2, lambda mask: np.dstack([mask, mask, mask, np.full_like(mask, 90)]))
    assert found(folder) == {}


def again(source: Path, target: Path, quality: int, scale: float) -> None:
    """The same photograph as somebody else saved it."""
    pixels = cv2.resize(cv2.imread(str(source)), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(target), pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])


@pytest.mark.parametrize(("quality", "scale"), [(95, 0.9), (60, 1.0), (40, 1.15), (75, 0.8)])
def test_a_test_image_that_is_trained_on_is_found_under_another_name_quality_and_size(cod10k, quality, scale):
    train, test = (cod10k / part / "Image" for part in ("Train", "Test"))
    leaks = {}
    for number, path in enumerate(sorted(test.glob("COD10K-CAM-*"))[:2]):
        leak = f"COD10K-CAM-1-Aquatic-3-Crab-{9000 + number}"
        again(path, train / f"{leak}.jpg", quality, scale)
        shutil.copy(cod10k / "Test" / "GT_Object" / f"{path.stem}.png", cod10k / "Train" / "GT_Object" / f"{leak}.png")
        leaks[f"cod10k train: {leak}.jpg"] = f"cod10k test: {path.name}"
    kinds = found(cod10k)
    assert {files[0]: files[1] for files, _ in kinds["near_across"]} == leaks
    assert not kinds.keys() & {"same", "same_across", "near"}


def test_the_same_image_is_found_by_its_pixels_within_a_split_and_across(folder):
    images, masks = folder / "train" / "images", folder / "train" / "masks"
    for number, split in ((3, "train"), (1, "test")):
        stem = name(folder, number, split)
        pixels = cv2.imread(str(folder / split / "images" / f"{stem}.jpg"))
        cv2.imwrite(str(images / f"copy-of-{split}.png"), pixels)  # another kind of file, the same pixels
        shutil.copy(folder / split / "masks" / f"{stem}.png", masks / f"copy-of-{split}.png")
    kinds = found(folder)
    within = [f"folder train: {name(folder, 3)}.jpg", "folder train: copy-of-train.png"]
    across = ["folder train: copy-of-test.png", f"folder test: {name(folder, 1, 'test')}.jpg"]
    assert {kind: [sorted(files) for files, _ in each] for kind, each in kinds.items()} == {
        "same_across": [sorted(across)],
        "same": [sorted(within)],
    }


def test_a_crop_another_photograph_and_blank_images_are_no_twins(folder):
    images = folder / "train" / "images"
    first = cv2.imread(str(images / f"{name(folder, 0)}.jpg"))
    cv2.imwrite(str(images / f"{name(folder, 1)}.jpg"), cv2.resize(first[:64, :64], (96, 96)))
    for number, level in ((2, 80), (3, 90)):
        cv2.imwrite(str(images / f"{name(folder, number)}.jpg"), np.full((96, 96, 3), level, np.uint8))
    assert found(folder) == {}


def test_sets_in_several_folders_are_compared(folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder / "test" / "images", other / "im")
    shutil.copytree(folder / "test" / "masks", other / "gt")
    (other / "im" / f"{name(folder, 0, 'test')}.jpg").rename(other / "im" / "x.jpg")
    (other / "gt" / f"{name(folder, 0, 'test')}.png").rename(other / "gt" / "x.png")
    kinds = found(folder, other)
    assert list(kinds) == ["same_across"]
    assert len(kinds["same_across"]) == 6
    assert ["set/folder test: camouflage-test-000000.jpg", "other/folder train: x.jpg"] in [
        files for files, _ in kinds["same_across"]
    ]


def test_counts_are_held_against_the_published_and_blank_negatives_are_counted(cod10k):
    done = audit(audited_splits(catalog(), [cod10k]))
    assert [finding.kind for finding in done.findings] == ["count", "count"]
    told = done.as_json()["splits"]
    negatives = [len(list((cod10k / part / "Image").glob("COD10K-NonCAM-*"))) for part in ("Train", "Test")]
    assert [split["left_out"]["NonCAM"] for split in told] == [{"files": each, "blank": each} for each in negatives]
    assert done.findings[0].detail == f"cod10k train: {12 - negatives[0]} pairs, published are 3040"
    as_negatives = found(cod10k, names=["cod10k"], overrides=["noncam=true"])
    assert len(as_negatives["blank"]) == negatives[0] > 0  # asked for, they are part of the set


def test_a_named_data_set_is_read_though_it_does_not_know_the_folder(folder):
    (folder / "train" / "images").rename(folder / "train" / "photos")
    with pytest.raises(UserError, match="no data set is known by what lies in"):
        audited_splits(catalog(), [folder / "train"])
    assert [split.name for split in audited_splits(catalog(), [folder])] == ["folder test"]
    splits = audited_splits(catalog(), [folder], ["folder"], ["images=photos"])
    assert [(split.name, len(split.pairs)) for split in splits] == [("folder train", 12)]
    with pytest.raises(UserError, match="there is no folder"):
        audited_splits(catalog(), [folder / "nowhere"])
    with pytest.raises(UserError, match="root: no CAMO"):
        audited_splits(catalog(), [folder], ["camo"])


def test_a_data_set_without_files_says_so(tmp_path, install):
    source = """
        from frame import Component, Options, hookimpl

        class Known(Options):
            @classmethod
            def recognized(cls, folder, split):
                return {}

        class Items(list):
            def __init__(self, *, split):
                super().__init__(range(3))

        @hookimpl
        def frame_datasets():
            yield Component(name="acme", target="frame_acme:Items", options="frame_acme:Known")
    """
    install("frame-acme", "acme", source)
    with pytest.raises(UserError, match='data set "acme" has no files that it tells of'):
        audited_splits(catalog(), [tmp_path])
