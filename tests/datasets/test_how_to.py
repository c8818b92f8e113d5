"""What docs/how-to/data.md shows, and the reference of the hook, done with small sets in the places they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from frame.cli.main import main

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "data.md").read_text()
QUICKSTART = DOCS.parent / "configs" / "quickstart.toml"
AUDITS = [shlex.split(line)[1:] for line in PAGE.splitlines() if line.startswith("frame data audit")]


@pytest.fixture
def places(tmp_path, monkeypatch, capsys):
    """The folders of the page, each with generated images."""
    monkeypatch.chdir(tmp_path)
    for folder, layout in (
        ("data/COD10K-v3", "cod10k"),
        ("data/CAMO-V.1.0-CVIU2019", "camo"),
        ("data/polyps", "folder"),
        ("made", "folder"),
    ):
        settings = ["--train", "4", "--test", "2", "--set", "resolution=48"]
        assert main(["data", "make", folder, "--layout", layout, *settings]) == 0
    for split, target in (("train", "TrainDataset"), ("test", "TestDataset/NC4K")):
        Path(target).mkdir(parents=True)
        for half, name in (("images", "Imgs"), ("masks", "GT")):
            Path("made", split, half).rename(Path(target, name))
    for split in ("train", "test"):
        Path("data", "polyps", split, "images").rename(Path("data", "polyps", split, "photos"))
    capsys.readouterr()


def test_the_page_shows_audits() -> None:
    assert len(AUDITS) == 3


@pytest.mark.parametrize("command", AUDITS, ids=" ".join)
def test_each_audit_of_the_page_looks_at_the_sets(command, places, capsys) -> None:
    code = main(command)
    told = capsys.readouterr().out
    assert code == ("published" in told and "--json" not in command), told
    assert re.search(r" 4 (CAM )?train pairs", told)


def test_the_training_set_of_the_benchmark_is_a_config_that_checks(places, capsys) -> None:
    (table,) = (text for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "concat" in text)
    Path("both.toml").write_text(f'extends = "{QUICKSTART.as_posix()}"\n{table}\nsize = 32\n')
    assert main(["check", "both.toml"]) == 0, capsys.readouterr().err


def test_the_references_example_is_recognized(tmp_path) -> None:
    import frame

    (source,) = (
        text
        for text in re.findall(r"```python\n(.*?)```", (DOCS / "reference" / "hooks.md").read_text(), re.DOTALL)
        if "def recognized" in text
    )
    names = {"frame": frame, "Path": Path, "__name__": "example"}
    exec(compile(source, "hooks.md", "exec"), names)  # noqa: S102
    options = names["WoundsOptions"]
    assert options.recognized(tmp_path, "train") is None
    (tmp_path / "wounds-train.csv").touch()
    assert options.recognized(tmp_path, "train") == {"root": tmp_path}
    assert options.recognized(tmp_path, "test") is None
