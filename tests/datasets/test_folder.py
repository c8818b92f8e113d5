from __future__ import annotations

import pickle

import numpy as np
import pytest

from frame import UserError
from frame_datasets.folder import Folder

LAYOUTS = [("Image", "Mask"), ("Imgs", "GT"), ("im", "gt"), ("images", "masks"), ("Images", "GT"), ("IMAGES", "Masks")]


@pytest.mark.parametrize(("images", "masks"), LAYOUTS)
def test_the_usual_layouts_are_found(tmp_path, write_files, images, masks):
    write_files(tmp_path / images, ".jpg", "b", "a")
    write_files(tmp_path / masks, ".png", "a", "b")
    data = Folder(split="train", root=tmp_path)
    assert [sample.id for sample in data] == ["a", "b"]
    assert data[0].image.shape == (4, 6, 3)
    assert data[0].mask.tolist() == [[1, 1, 1, 0, 0, 0]] * 4
    assert data.describe() == f"folder at {tmp_path}: 2 train pairs"


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("validation", ["val", "valid", "Validation"])
def test_splits_may_be_above_the_images_or_below(tmp_path, write_files, above, validation):
    for split, stem in (("Train", "a"), (validation, "b"), ("test", "c")):
        for half, suffix in (("images", ".jpg"), ("masks", ".png")):
            write_files(tmp_path / split / half if above else tmp_path / half / split, suffix, stem)
    for split, stem in (("train", "a"), ("validation", "b"), ("test", "c")):
        data = Folder(split=split, root=tmp_path)
        assert [sample.id for sample in data] == [stem]
        assert data.has_validation


def test_the_benchmarks_own_train_folder_is_a_split(tmp_path, write_files):
    write_files(tmp_path / "TrainDataset" / "Imgs", ".jpg", "a")
    write_files(tmp_path / "TrainDataset" / "GT", ".png", "a")
    data = Folder(split="train", root=tmp_path)
    assert len(data) == 1
    assert not data.has_validation


def test_a_folder_without_splits_is_all_train_unless_said_otherwise(tmp_path, write_files):
    write_files(tmp_path / "Imgs", ".jpg", "a")
    write_files(tmp_path / "GT", ".png", "a")
    assert not Folder(split="train", root=tmp_path).has_validation
    with pytest.raises(UserError, match=r"no test split in .*, only train"):
        Folder(split="test", root=tmp_path)
    assert len(Folder(split="test", root=tmp_path, unsplit="test")) == 1


def test_the_options_name_sub_folders_of_any_other_name(tmp_path, write_files):
    write_files(tmp_path / "train" / "photos", ".jpg", "a")
    write_files(tmp_path / "train" / "labels" / "binary", ".png", "a")
    data = Folder(split="train", root=tmp_path, images="photos", masks="labels/binary")
    assert len(data) == 1
    with pytest.raises(UserError, match="no images and masks in"):
        Folder(split="train", root=tmp_path, images="photos")


def test_files_without_a_partner_are_left_out_and_counted(tmp_path, write_files):
    write_files(tmp_path / "im", ".jpg", "a", "b", "c")
    write_files(tmp_path / "gt", ".png", "b", "c", "d", "e")
    data = Folder(split="train", root=tmp_path)
    assert [sample.id for sample in data] == ["b", "c"]
    assert data.describe().endswith("2 train pairs, 1 image and 2 masks without a partner left out")


def test_hidden_files_and_files_of_other_kinds_are_no_images(tmp_path, write_files):
    write_files(tmp_path / "im", ".JPG", "a")
    write_files(tmp_path / "gt", ".png", "a")
    for name in (".DS_Store", "._a.jpg", "Thumbs.db", "README", "a.txt"):
        (tmp_path / "im" / name).touch()
    data = Folder(split="train", root=tmp_path)
    assert data.describe().endswith(": 1 train pair")


def test_an_id_that_comes_twice_is_an_error_with_both_files(tmp_path, write_files):
    write_files(tmp_path / "im", ".jpg", "a")
    write_files(tmp_path / "im", ".png", "a")
    write_files(tmp_path / "gt", ".png", "a")
    with pytest.raises(UserError, match=r"both a\.(jpg and a\.png|png and a\.jpg): remove or rename"):
        Folder(split="train", root=tmp_path)


def test_no_pair_at_all_is_an_error_with_the_rule_and_the_counts(tmp_path, write_files):
    write_files(tmp_path / "im", ".jpg", "a", "b")
    write_files(tmp_path / "gt", ".png", "a_mask")
    with pytest.raises(UserError, match=r"same name up to the suffix \(2 images, 1 masks\)"):
        Folder(split="train", root=tmp_path)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_what_is_written_reads_back(tmp_path, samples, split):
    assert Folder.write(tmp_path, split, iter(samples)) == 5
    data = pickle.loads(pickle.dumps(Folder(split=split, root=tmp_path)))  # noqa: S301 - as a loader's worker gets it
    assert [sample.id for sample in data] == [sample.id for sample in samples]
    for read, written in zip(data, samples, strict=True):
        assert np.array_equal(read.mask, written.mask)
        assert np.abs(read.image.astype(int) - written.image).mean() < 4
