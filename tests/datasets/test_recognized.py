"""Which data set a folder is, told by looking at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frame import UserError, catalog
from frame.data.recognize import all_recognized, recognized

if TYPE_CHECKING:
    from pathlib import Path

CAM, NONCAM = "COD10K-CAM-1-Aquatic-3-Crab-32", "COD10K-NonCAM-1-Amphibian-3"
COD10K, CAMO = (CAM, NONCAM), ("camourflage_00001", "camourflage_00002")


@pytest.fixture
def lay(tmp_path, write_files):
    """``lay("NC4K/{Imgs,GT}", "1", "2")``: pairs of these names in a folder's two sub-folders; returns the root."""

    def write(where: str, *stems: str) -> Path:
        above, _, halves = where.partition("{")
        images, masks = halves.rstrip("}").split(",")
        write_files(tmp_path / "root" / above / images, ".jpg", *stems)
        write_files(tmp_path / "root" / above / masks, ".png", *stems)
        return tmp_path / "root"

    return write


def known(folder: Path, split: str) -> tuple[str, list[str]]:
    """The set's name and the ids that it reads."""
    part = recognized(catalog(), folder, split)
    return part.name, [sample.id for sample in part(split=split)]


@pytest.mark.parametrize("above", ["", "COD10K-v3/", "COD10K-v3/COD10K-v3/"])
def test_cod10k_as_published_with_whatever_a_zip_file_put_around_it(lay, above):
    for part in ("Train", "Test"):
        root = lay(f"{above}{part}/{{Image,GT_Object}}", *COD10K)
    (root / "__MACOSX" / "Train" / "Image").mkdir(parents=True)
    assert known(root, "train") == known(root, "test") == ("cod10k", [CAM])


@pytest.mark.parametrize("above", ["", "CAMO-V.1.0-CVIU2019/"])
def test_camo_as_published(lay, above):
    lay(f"{above}{{Images/Train,GT}}", CAMO[0])
    root = lay(f"{above}{{Images/Test,GT}}", CAMO[1])
    assert known(root, "train") == ("camo", [CAMO[0]])
    assert known(root, "test") == ("camo", [CAMO[1]])


@pytest.mark.parametrize(("name", "halves"), [("NC4K", "{Imgs,GT}"), ("CHAMELEON", "{Image,Mask}")])
def test_the_test_sets_are_known_by_their_folders_names(lay, name, halves):
    root = lay(f"{name}/{halves}", "1", "2")
    assert known(root, "test") == known(root / name, "test") == (name.lower(), ["1", "2"])
    with pytest.raises(UserError, match="has no train split, only test"):  # not even as a plain folder
        recognized(catalog(), root, "train")
    with pytest.raises(UserError, match=f"{name.lower()} has no train split of its own, only test"):
        catalog().find("dataset", name.lower()).load_target()(split="train", root=root)


def test_the_repacked_training_set_is_cod10k_with_camo_in_it(lay):
    root = lay("TrainDataset/{Imgs,GT}", *COD10K, *CAMO)
    lay("TestDataset/COD10K/{Imgs,GT}", CAM)
    assert known(root, "train") == known(root / "TrainDataset", "train") == ("cod10k", [CAM, *CAMO])
    cod10k, camo = (catalog().find("dataset", name).load_target() for name in ("cod10k", "camo"))
    assert [pair.id for pair in cod10k(split="train", root=root).pairs] == [CAM, *CAMO]
    assert cod10k(split="train", root=root).strata() == ["Crab", "CAMO", "CAMO"]
    assert cod10k(split="train", root=root).describe() == (
        f"COD10K-v3 at {root}: 3 CAM train pairs with 2 of CAMO (published: 4040), 1 NonCAM left out"
    )
    assert [pair.id for pair in camo(split="train", root=root).pairs] == list(CAMO)


def test_each_folder_of_the_repacked_test_sets_is_one(lay):
    lay("TrainDataset/{Imgs,GT}", *COD10K, *CAMO)
    lay("TestDataset/CAMO/{Imgs,GT}", *CAMO)
    lay("TestDataset/CHAMELEON/{Imgs,GT}", "animal-1")
    lay("TestDataset/COD10K/{Imgs,GT}", *COD10K)
    lay("TestDataset/NC4K/{Imgs,GT}", "1")
    root = lay("TestDataset/mine/{Imgs,GT}", "1")
    expected = {"CAMO": "camo", "CHAMELEON": "chameleon", "COD10K": "cod10k", "NC4K": "nc4k", "mine": "folder"}
    found = all_recognized(catalog(), root / "TestDataset", "test")
    assert {name: part.name for name, part in found.items()} == expected
    whole = all_recognized(catalog(), root, "test")  # what is called train is no test set
    assert {name: part.name for name, part in whole.items()} == {f"TestDataset/{k}": v for k, v in expected.items()}
    assert known(root / "TestDataset" / "COD10K", "test") == ("cod10k", [CAM])
    with pytest.raises(UserError, match=r"several data sets with a test split: .* TestDataset/CAMO \(camo\), "):
        recognized(catalog(), root, "test")


def test_a_set_by_its_name_finds_its_own_folder_among_the_repacked_ones(lay):
    lay("TestDataset/CAMO/{Imgs,GT}", *CAMO)
    root = lay("TestDataset/NC4K/{Imgs,GT}", "1")
    for name, ids in (("camo", list(CAMO)), ("nc4k", ["1"])):
        data = catalog().find("dataset", name).load_target()(split="test", root=root)
        assert [sample.id for sample in data] == ids


def test_the_test_set_can_not_be_trained_on_by_mistake(lay):
    root = lay("TestDataset/COD10K/{Imgs,GT}", CAM)
    with pytest.raises(UserError, match=r"cod10k: no train split in .*, only test"):
        catalog().find("dataset", "cod10k").load_target()(split="train", root=root / "TestDataset" / "COD10K")
    with pytest.raises(UserError, match="has no train split, only test"):
        recognized(catalog(), root, "train")


@pytest.mark.parametrize("halves", ["{Image,Mask}", "{im,gt}", "{Imgs,GT}", "{images,masks}"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_folder_that_is_not_split_is_read_as_what_is_asked_for(lay, halves, split):
    assert known(lay(halves, "a", "b"), split) == ("folder", ["a", "b"])


def test_names_of_cod10k_tell_it_in_any_folder(lay):
    assert known(lay("Train/{Image,Mask}", *COD10K), "train") == ("cod10k", [CAM])
    root = lay("Train/{Image,Mask}", "another")
    assert known(root, "train") == ("folder", [CAM, NONCAM, "another"])  # images of others are not lost


def test_a_folder_that_no_set_knows_is_one_message_with_what_was_looked_for(tmp_path):
    with pytest.raises(UserError, match="no data set is known by what lies in") as caught:
        recognized(catalog(), tmp_path, "test")
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == ["cod10k", "camo", "chameleon", "nc4k", "folder"]
    assert "Imgs/*.jpg and GT/*.png, there, in NC4K or in TestDataset/NC4K" in lines[3]
    with pytest.raises(UserError, match=f"there is no folder {tmp_path / 'nowhere'}"):
        recognized(catalog(), tmp_path / "nowhere", "test")


ACME = """
    from frame import Component, Options, hookimpl

    class Eager(Options):
        count: int = 1

        @classmethod
        def recognized(cls, folder, split):
            if (folder / "raise").exists():
                raise RuntimeError("no idea")
            return {"count": 7} if (folder / "acme.txt").exists() else None

    class Items(list):
        def __init__(self, *, split, count):
            super().__init__(range(count))

    @hookimpl
    def frame_datasets():
        yield Component(name="acme", target="frame_acme:Items", options="frame_acme:Eager", summary="Acme's items")
"""


def test_third_parties_are_asked_first_and_their_faults_are_their_own(lay, install):
    install("frame-acme", "acme", ACME)
    root = lay("{Imgs,GT}", "a")
    (root / "acme.txt").touch()
    part = recognized(catalog(), root, "test")
    assert (part.name, len(part(split="test"))) == ("acme", 7)
    (root / "raise").touch()
    assert recognized(catalog(), root, "test").name == "folder"
    (root / "GT").rename(root / "labels")
    with pytest.raises(UserError) as caught:
        recognized(catalog(), root, "test")
    assert "acme: Acme's items" in str(caught.value)
    assert "(frame-acme 1.0): RuntimeError: no idea" in str(caught.value)
