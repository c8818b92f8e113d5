from __future__ import annotations

import cv2
import numpy as np
import pytest

from frame import UserError
from frame_datasets.cod10k import Cod10k

CAM = ("COD10K-CAM-1-Aquatic-3-Crab-32", "COD10K-CAM-2-Terrestrial-23-Cat-1506")
NONCAM = ("COD10K-NonCAM-1-Amphibian-3", "COD10K-NonCAM-5-Background-5-Vegetation-4854")


@pytest.fixture
def cod10k(tmp_path, write_files):
    """The published layout with both forms of NonCAM names, and a file that somebody left there."""
    for part in ("Train", "Test"):
        for half, suffix in (("Image", ".jpg"), ("GT_Object", ".png")):
            write_files(tmp_path / "COD10K-v3" / part / half, suffix, *CAM, *NONCAM, "holiday")
    return tmp_path / "COD10K-v3"


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("split", ["train", "test"])
def test_only_camouflaged_objects_are_in_it_by_default(cod10k, split, inside):
    data = Cod10k(split=split, root=cod10k if inside else cod10k.parent)
    assert [sample.id for sample in data] == list(CAM)


def test_noncam_adds_negatives_for_training_and_never_to_the_test_set(cod10k):
    assert [sample.id for sample in Cod10k(split="train", root=cod10k, noncam=True)] == [*CAM, *NONCAM]
    assert [sample.id for sample in Cod10k(split="test", root=cod10k, noncam=True)] == list(CAM)


def test_strata_are_sub_classes_one_an_item(cod10k, write_files):
    assert Cod10k(split="train", root=cod10k, noncam=True).strata() == ["Crab", "Cat", "NonCAM", "NonCAM"]
    for half, suffix in (("Image", ".jpg"), ("GT_Object", ".png")):
        write_files(cod10k / "Train" / half, suffix, "COD10K-CAM-mine")
    assert Cod10k(split="train", root=cod10k).strata() == ["Crab", "Cat", "other"]


def test_it_tells_what_it_found_beside_what_was_published(cod10k):
    (cod10k / "Test" / "GT_Object" / f"{CAM[0]}.png").unlink()
    assert Cod10k(split="train", root=cod10k).describe() == (
        f"COD10K-v3 at {cod10k}: 2 CAM train pairs (published: 3040), 2 NonCAM left out, "
        "1 pair with neither prefix left out"
    )
    assert Cod10k(split="train", root=cod10k, noncam=True).describe() == (
        f"COD10K-v3 at {cod10k}: 2 CAM train pairs (published: 3040), 2 NonCAM as negatives, "
        "1 pair with neither prefix left out"
    )
    assert Cod10k(split="test", root=cod10k).describe() == (
        f"COD10K-v3 at {cod10k}: 1 CAM test pair (published: 2026), 2 NonCAM left out, "
        "1 image without a mask left out, 1 pair with neither prefix left out"
    )


def test_there_is_no_validation_split(cod10k):
    with pytest.raises(UserError, match="no validation split of its own, only train and test"):
        Cod10k(split="validation", root=cod10k)


def test_what_is_written_reads_back(tmp_path, samples):
    assert Cod10k.write(tmp_path, "train", iter(samples)) == 5
    assert Cod10k.write(tmp_path, "test", samples[:2]) == 2
    train = {sample.id: sample for sample in Cod10k(split="train", root=tmp_path, noncam=True)}
    names = [
        line.split()[0].removesuffix(".jpg") for line in lines(tmp_path, "CAM_train") + lines(tmp_path, "NonCAM_train")
    ]
    assert len(train) == 5
    assert set(train) == set(names)
    for name, written in zip(names, samples, strict=True):
        assert np.array_equal(train[name].mask, written.mask)
        assert np.abs(train[name].image.astype(int) - written.image).mean() < 4


def lines(root, name):
    return (root / "Info" / f"{name}.txt").read_text().splitlines()


def test_written_names_spread_over_super_classes_and_are_in_one_split_only(tmp_path, samples):
    Cod10k.write(tmp_path, "train", samples[:3] * 3)
    Cod10k.write(tmp_path, "test", samples[:3] * 3)
    train, test = (Cod10k(split=split, root=tmp_path) for split in ("train", "test"))
    assert len(train) == len(test) == 9
    assert {pair.id for pair in train.pairs}.isdisjoint(pair.id for pair in test.pairs)
    assert {pair.id.split("-")[3] for pair in train.pairs} == {"Aquatic", "Terrestrial", "Flying", "Amphibian", "Other"}
    assert len(set(train.strata())) == 8


def test_what_is_written_has_edges_lists_and_negatives(tmp_path, samples):
    Cod10k.write(tmp_path, "train", samples)
    assert [line.split()[1] for line in lines(tmp_path, "CAM_train")] == ["1"] * 3
    assert [line.split()[1] for line in lines(tmp_path, "NonCAM_train")] == ["0"] * 2
    assert all(line.startswith("COD10K-NonCAM-") for line in lines(tmp_path, "NonCAM_train"))
    for line, sample in zip(lines(tmp_path, "CAM_train"), samples, strict=False):
        name = line.split()[0].replace(".jpg", ".png")
        edge = cv2.imread(str(tmp_path / "Train" / "GT_Edge" / name), cv2.IMREAD_UNCHANGED)
        assert set(np.unique(edge)) == {0, 255}
        assert edge[4, 6] == 255  # the object's corner
        assert edge[8, 12] == 0  # its inside
        assert edge[20, 30] == 0 == sample.mask[20, 30]
