from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest

from frame import UserError, catalog
from frame.cli.main import main
from frame.config.bind import bind_table
from frame.config.document import read
from frame.data.sampling import hold_out
from frame.plugin.component import Kind


def joined(*sets):
    """A ``concat`` of these tables, bound."""
    return bind_table(catalog(), Kind.DATASET, read({"data": {"name": "concat", "sets": list(sets)}}), "data")


@pytest.fixture
def benchmark(tmp_path, write_files):
    """COD10K with 12 crabs, 8 cats and a negative, and CAMO with 20 training images; returns their tables."""
    crabs = [f"COD10K-CAM-1-Aquatic-3-Crab-{number}" for number in range(12)]
    cats = [f"COD10K-CAM-2-Terrestrial-23-Cat-{number}" for number in range(8)]
    cod10k, camo = tmp_path / "COD10K-v3", tmp_path / "CAMO-V.1.0-CVIU2019"
    for half, suffix in (("Image", ".jpg"), ("GT_Object", ".png")):
        write_files(cod10k / "Train" / half, suffix, *crabs, *cats, "COD10K-NonCAM-1-Amphibian-3")
    names = [f"camourflage_{number:05d}" for number in range(20)]
    write_files(camo / "Images" / "Train", ".jpg", *names)
    write_files(camo / "GT", ".png", *names)
    return {"name": "cod10k", "root": str(cod10k)}, {"name": "camo", "root": str(camo)}


def test_cod10k_and_camo_are_one_training_set(benchmark):
    data = joined(*benchmark)(split="train")
    assert len(data) == 40
    assert data.published == 4040
    assert [sample.id for sample in data][18:22] == [
        "COD10K-CAM-2-Terrestrial-23-Cat-6",
        "COD10K-CAM-2-Terrestrial-23-Cat-7",
        "camourflage_00000",
        "camourflage_00001",
    ]
    about = data.describe()
    assert about.startswith("40 train images (published: 4040): COD10K-v3 at ")
    assert "20 CAM train pairs (published: 3040), 1 NonCAM left out; CAMO at " in about
    assert about.endswith("20 train pairs (published: 1000)")
    assert data.files(20)[0].endswith("camourflage_00000.jpg")
    assert [len(files) for files in data.left_out().values()] == [1]


def test_validation_is_held_out_of_each_set_and_sub_class_in_proportion_and_fixed_by_the_seed(benchmark):
    strata = joined(*benchmark)(split="train").strata()
    assert Counter(strata) == {"cod10k/Crab": 12, "cod10k/Cat": 8, "camo": 20}
    kept, held = hold_out(len(strata), 0.25, 7, strata)
    assert Counter(strata[index] for index in held) == {"cod10k/Crab": 3, "cod10k/Cat": 2, "camo": 5}
    assert sorted([*kept, *held]) == list(range(40))
    again = joined(*benchmark)(split="train").strata()
    assert np.array_equal(hold_out(40, 0.25, 7, again)[1], held)
    assert not np.array_equal(hold_out(40, 0.25, 8, again)[1], held)


def test_what_is_in_two_sets_gets_an_id_of_its_own_and_is_named(tmp_path, write_files):
    tables = []
    for name, stems in (("one", "ab"), ("two", "bc"), ("three", "b")):
        write_files(tmp_path / name / "im", ".jpg", *stems)
        write_files(tmp_path / name / "gt", ".png", *stems)
        tables.append({"name": "folder", "root": str(tmp_path / name)})
    data = joined(*tables)(split="train")
    assert [sample.id for sample in data] == ["a", "b", "folder-2-b", "c", "folder-3-b"]
    assert data.describe().endswith("; in more than one set: b")
    assert data.strata() == ["folder-1", "folder-1", "folder-2", "folder-2", "folder-3"]
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - as a loader's worker gets it
    assert [copy.files(index) for index in range(5)] == [data.files(index) for index in range(5)]
    assert copy[4].id == "folder-3-b"


def test_generated_images_beside_files_are_new_in_every_epoch(tmp_path, write_files):
    write_files(tmp_path / "im", ".jpg", "a", "b")
    write_files(tmp_path / "gt", ".png", "a", "b")
    generated = {"name": "camouflage", "train": 3, "resolution": 32}
    data = joined({"name": "folder", "root": str(tmp_path)}, generated)(split="train")
    assert data.fresh
    assert not hasattr(data, "files")
    assert not data.has_validation
    ids = [data[index].id for index in range(10)]
    made = [f"camouflage-camouflage-train-{number:06d}" for number in range(6)]
    assert ids == ["a", "b", *made[:3], "a", "b", *made[3:]]
    only = joined(generated, generated)
    assert only(split="train").has_validation
    assert len({sample.id for sample in (only(split="validation")[index] for index in range(256))}) == 256


def test_an_item_has_the_group_that_its_set_gives_it(benchmark):
    cod10k, camo = benchmark
    data = joined(camo, cod10k)(split="train")
    assert Counter(data.group(sample.id) for sample in data) == {None: 20, "Aquatic": 12, "Terrestrial": 8}
    twice = joined(cod10k, cod10k)(split="train")
    assert Counter(twice.group(sample.id) for sample in twice) == {"Aquatic": 24, "Terrestrial": 16}
    assert not hasattr(joined(camo)(split="train"), "group")


def test_there_is_no_item_past_the_end(benchmark):
    data = joined(*benchmark)(split="train")
    for index in (-1, 40):
        with pytest.raises(IndexError, match="of 40 images"):
            data[index]


def test_each_set_answers_for_its_own_options_and_files(tmp_path, capsys, quickstart_on):
    sets = f'[{{name="cod10k", root="{tmp_path}/a", nocam=true}}, {{name="camo"}}]'
    assert main(["check", quickstart_on(f"sets = {sets}")]) == 2
    told = capsys.readouterr().err
    assert 'data.sets[0].nocam: not an option of dataset "cod10k"' in told
    assert "data.sets[1].root" in told
    sets = f'[{{name="cod10k", root="{tmp_path}/a"}}, {{name="camo", root="{tmp_path}/b"}}]'
    assert main(["check", quickstart_on(f"sets = {sets}")]) == 2
    told = capsys.readouterr().err
    assert 'dataset "cod10k": root: there is no folder' in told
    assert 'dataset "camo": root: there is no folder' in told


@pytest.fixture
def quickstart_on(tmp_path):
    """``quickstart_on("sets = ...")``: the path of a quickstart whose data is a ``concat`` with these lines."""

    def write(lines: str) -> str:
        from pathlib import Path

        parent = Path(__file__).parents[2] / "configs" / "quickstart.toml"
        (tmp_path / "c.toml").write_text(f'extends = "{parent}"\n[data]\nname = "concat"\nsize = 32\n{lines}\n')
        return str(tmp_path / "c.toml")

    return write


def test_a_split_that_one_set_lacks_is_its_own_message(benchmark):
    with pytest.raises(UserError, match="cod10k has no validation split of its own"):
        joined(*benchmark)(split="validation")


CLASSED = """
    from frame import Component, Options, hookimpl

    class Classed(Options):
        classes: tuple[str, ...] = ()

    @hookimpl
    def frame_datasets():
        yield Component(name="classed", target="frame_acme:Classed", options="frame_acme:Classed")
"""


def test_sets_must_have_the_same_classes(install):
    install("frame-acme", "acme", CLASSED)
    one, other = ({"name": "classed", "classes": ["ground", last]} for last in ("polyp", "crab"))
    assert joined(one, one).options.classes == ("ground", "polyp")
    with pytest.raises(UserError, match="classed and classed don't have the same classes in the same order"):
        joined(one, other)
