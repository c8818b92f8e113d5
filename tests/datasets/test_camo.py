from __future__ import annotations

import numpy as np
import pytest

from frame import UserError
from frame_datasets.benchmark import Camo

SET = "CAMO-V.1.0-CVIU2019"


@pytest.fixture
def camo(tmp_path, write_files):
    """The published layout: three training pairs, one of them without a mask, and two for testing."""
    folder = tmp_path / SET
    write_files(folder / "Images" / "Train", ".jpg", "camourflage_00001", "camourflage_00002", "camourflage_00003")
    write_files(folder / "Images" / "Test", ".jpg", "camourflage_00004", "camourflage_00005")
    write_files(folder / "GT", ".png", *(f"camourflage_0000{number}" for number in (1, 2, 4, 5)))
    return folder


@pytest.mark.parametrize("inside", [True, False])
def test_the_root_may_be_the_set_or_the_folder_it_is_in(camo, inside):
    root = camo if inside else camo.parent
    assert [sample.id for sample in Camo(split="train", root=root)] == ["camourflage_00001", "camourflage_00002"]
    assert [sample.id for sample in Camo(split="test", root=root)] == ["camourflage_00004", "camourflage_00005"]


def test_it_tells_what_it_found_beside_what_was_published(camo):
    told = Camo(split="train", root=camo).describe()
    assert told == f"CAMO at {camo}: 2 train pairs (published: 1000), 1 image without a mask left out"
    assert Camo(split="test", root=camo).describe() == f"CAMO at {camo}: 2 test pairs (published: 250)"


def test_without_test_images_training_works_and_testing_says_what_is_missing(camo):
    for file in (camo / "Images" / "Test").iterdir():
        file.unlink()
    (camo / "Images" / "Test").rmdir()
    assert len(Camo(split="train", root=camo)) == 2
    with pytest.raises(UserError, match=r"test split needs .*Test; it comes from https://"):
        Camo(split="test", root=camo)


def test_there_is_no_validation_split(camo):
    with pytest.raises(UserError, match="no validation split of its own, only train and test"):
        Camo(split="validation", root=camo)
    assert not getattr(Camo, "has_validation", False)


def test_what_is_written_reads_back_and_splits_share_no_name(tmp_path, samples):
    assert Camo.write(tmp_path, "train", samples[:3]) == 3
    assert Camo.write(tmp_path, "test", iter(samples[3:])) == 2
    train, test = (list(Camo(split=split, root=tmp_path)) for split in ("train", "test"))
    assert [sample.id for sample in train] == ["camourflage_00001", "camourflage_00002", "camourflage_00003"]
    assert [sample.id for sample in test] == ["camourflage_00004", "camourflage_00005"]
    for read, written in zip(train + test, samples, strict=True):
        assert np.array_equal(read.mask, written.mask)
