"""The published sets at their full number of files, of which the names are all that is needed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from frame import catalog
from frame.config.bind import bind_table
from frame.config.document import read
from frame.data.recognize import recognized
from frame.data.sampling import hold_out
from frame.plugin.component import Kind

CLASSES = ("1-Aquatic-3-Crab", "2-Terrestrial-23-Cat", "3-Flying-65-Owl", "4-Amphibian-67-Frog", "5-Other-69-Other")
CAM = {"Train": range(1, 3041), "Test": range(3041, 5067)}
CAMO = {"Train": range(1, 1001), "Test": range(1001, 1251)}


def named(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.jpg").touch()


def cam(part: str) -> list[str]:
    return [f"COD10K-CAM-{CLASSES[number % len(CLASSES)]}-{number}" for number in CAM[part]]


def camo(part: str) -> list[str]:
    return [f"camourflage_{number:05d}" for number in CAMO[part]]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """COD10K and CAMO as published, and the benchmark's repacked folders, without content; masks are links."""
    root = tmp_path_factory.mktemp("published")
    cod10k, anabranch = root / "COD10K-v3", root / "CAMO-V.1.0-CVIU2019"
    for part in ("Train", "Test"):
        named(cod10k / part / "Image", cam(part) + [f"COD10K-NonCAM-1-Amphibian-{number}" for number in range(9)])
        (cod10k / part / "GT_Object").symlink_to(cod10k / part / "Image")
        named(anabranch / "Images" / part, camo(part))
    named(anabranch / "GT", camo("Train") + camo("Test"))
    named(root / "TrainDataset" / "Imgs", cam("Train") + camo("Train"))
    named(root / "TestDataset" / "CHAMELEON" / "Imgs", [f"animal-{number}" for number in range(1, 77)])
    for name, images in (("COD10K", cod10k / "Test" / "Image"), ("CAMO", anabranch / "Images" / "Test")):
        (root / "TestDataset" / name).mkdir()
        (root / "TestDataset" / name / "Imgs").symlink_to(images)
    for folder in (root / "TrainDataset", *(root / "TestDataset").iterdir()):
        (folder / "GT").symlink_to(folder / "Imgs")
    return root


@pytest.mark.parametrize(
    ("place", "split", "count", "name"),
    [
        ("COD10K-v3", "train", 3040, "cod10k"),
        ("COD10K-v3", "test", 2026, "cod10k"),
        ("CAMO-V.1.0-CVIU2019", "train", 1000, "camo"),
        ("CAMO-V.1.0-CVIU2019", "test", 250, "camo"),
        ("TrainDataset", "train", 4040, "cod10k"),
        ("TestDataset/COD10K", "test", 2026, "cod10k"),
        ("TestDataset/CAMO", "test", 250, "camo"),
        ("TestDataset/CHAMELEON", "test", 76, "chameleon"),
    ],
)
def test_each_has_as_many_pairs_as_published_and_says_so(root, place, split, count, name) -> None:
    part = recognized(catalog(), root / place, split)
    data = part(split=split)
    assert (part.name, len(data), data.published) == (name, count, count)
    assert ", as published" in data.describe()


def test_the_benchmarks_training_set_is_the_same_joined_and_repacked(root) -> None:
    sets = [{"name": "cod10k", "root": f"{root}/COD10K-v3"}, {"name": "camo", "root": f"{root}/CAMO-V.1.0-CVIU2019"}]
    part = bind_table(catalog(), Kind.DATASET, read({"data": {"name": "concat", "sets": sets}}), "data")
    joined = part(split="train")
    repacked = recognized(catalog(), root / "TrainDataset", "train")(split="train")
    assert len(joined) == len(repacked) == joined.published == 4040
    names = [[Path(data.files(index)[0]).name for index in range(4040)] for data in (joined, repacked)]
    assert names[0] == names[1]
    assert joined.describe().startswith("4040 train images, as published: COD10K-v3 at ")
    strata = joined.strata()
    kept, held = hold_out(4040, 0.1, 0, strata)
    assert np.intersect1d(kept, held).size == 0
    assert Counter(strata[index] for index in held) == {
        "camo": 100,
        **{f"cod10k/{name.rpartition('-')[2]}": pytest.approx(61, abs=1) for name in CLASSES},
    }
