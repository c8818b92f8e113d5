from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

from frame import catalog
from frame.cli.main import main
from frame_datasets.benchmark import Camo
from frame_datasets.cod10k import Cod10k
from frame_datasets.folder import Folder
from frame_datasets.options import CamoOptions, Cod10kOptions, FolderOptions

NAMES = ["camouflage", "folder", "camo", "cod10k", "chameleon", "nc4k"]
CLASSES = {"folder": FolderOptions, "camo": CamoOptions, "cod10k": Cod10kOptions}
TARGETS = {"folder": Folder, "camo": Camo, "cod10k": Cod10k}


@pytest.mark.parametrize("name", NAMES)
def test_a_target_takes_the_split_and_its_options_as_keywords_with_the_same_defaults(name):
    entry = catalog().find("dataset", name)
    parameters = inspect.signature(entry.load_target()).parameters
    fields = entry.load_options().model_fields
    assert list(parameters) == ["split", *fields]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())
    for key, field in fields.items():
        assert field.is_required() == (parameters[key].default is inspect.Parameter.empty)
        assert field.is_required() or parameters[key].default == field.default


@pytest.mark.parametrize("name", NAMES)
def test_no_option_takes_a_name_that_the_data_table_has_itself(name):
    taken = {"name", "size", "workers", "validation", "augmentation", "cache"}
    assert taken.isdisjoint(catalog().find("dataset", name).load_options().model_fields)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("exists", [True, False])
def test_a_missing_set_is_one_message_with_place_layout_and_two_ways_on(tmp_path, name, exists):
    root = tmp_path if exists else tmp_path / "nowhere"
    (message,) = CLASSES[name](root=root).problems()
    assert message.startswith("root: ")
    assert str(root) in message
    assert "expected " in message
    assert f"`frame data make DIR --layout {name}`" in message
    assert "`--set data.root=DIR`" in message
    assert "`frame run configs/quickstart.toml`" in message
    assert name == "folder" or "published at https://" in message


@pytest.mark.parametrize("name", CLASSES)
def test_the_target_gives_the_same_message_as_the_check(tmp_path, name):
    (message,) = CLASSES[name](root=tmp_path).problems()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - compared in full below
        TARGETS[name](split="train", root=tmp_path)
    assert type(caught.value).__name__ == "UserError"
    assert str(caught.value) == message


def test_a_relative_root_is_shown_as_the_place_it_means(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    (message,) = Cod10kOptions(root=Path("data")).problems()
    assert f"there is no folder {tmp_path / 'data'}:" in message


@pytest.mark.parametrize("layout", CLASSES)
def test_a_made_set_passes_its_check_and_has_the_pairs_asked_for(tmp_path, layout, capsys):
    root = tmp_path / "made"
    command = ["data", "make", str(root), "--layout", layout, "--train", "5", "--test", "3"]
    assert main([*command, "--set", "resolution=48", "--set", "seed=2"]) == 0
    assert "train: 5 pairs" in capsys.readouterr().out
    assert CLASSES[layout](root=root).problems() == []
    source = catalog().find("dataset", "camouflage").load_target()
    for split, count in (("train", 5), ("test", 3)):
        read = list(TARGETS[layout](split=split, root=root))
        made = [source(split=split, resolution=48, seed=2)[index].mask for index in range(count)]
        assert len(read) == count
        assert {sample.mask.tobytes() for sample in read} == {mask.tobytes() for mask in made}
        assert all(sample.image.shape == (48, 48, 3) and sample.image.dtype == np.uint8 for sample in read)


def test_checking_options_imports_nothing_heavy(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "import frame_datasets.plugin\n"
        "from frame_datasets.options import CamoOptions, Cod10kOptions, FolderOptions\n"
        f"root = Path({str(tmp_path)!r})\n"
        "assert all(options(root=root).problems() for options in (CamoOptions, Cod10kOptions, FolderOptions))\n"
        "print(sorted({'torch', 'numpy', 'cv2', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
