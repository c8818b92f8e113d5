"""Reading: TOML, extends, overrides, and where each value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frame import UserError
from frame.config.document import read

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_tables_merge_and_other_values_replace(tmp_path) -> None:
    write(tmp_path, "base/base.toml", "[train]\nclip = 1.0\nstages = ['a', 'b']\n[stages.a]\nlr = 1\nepochs = 3\n")
    child = write(tmp_path, "c.toml", "extends = 'base/base.toml'\n[train]\nstages = ['a']\n[stages.a]\nlr = 2\n")
    document = read(child)
    assert document.tables() == {"train": {"clip": 1.0, "stages": ["a"]}, "stages": {"a": {"lr": 2, "epochs": 3}}}
    assert document.origin(("train", "clip")) == str(tmp_path / "base" / "base.toml")
    assert document.origin(("stages", "a", "lr")) == str(child)


@pytest.mark.parametrize("key", ["backbone", "losses.mask", "head.inner"])
def test_a_component_with_another_name_replaces_its_parents_whole_table(tmp_path, key: str) -> None:
    write(tmp_path, "base.toml", f"[{key}]\nname = 'one'\nold = 1\n")
    other = read(write(tmp_path, "a.toml", f"extends = 'base.toml'\n[{key}]\nname = 'two'\nnew = 2\n"))
    same = read(write(tmp_path, "b.toml", f"extends = 'base.toml'\n[{key}]\nname = 'one'\nnew = 2\n"))
    inner = key.split(".")
    for document, expected in ((other, {"name": "two", "new": 2}), (same, {"name": "one", "old": 1, "new": 2})):
        table = document.tables()
        for part in inner:
            table = table[part]
        assert table == expected


def test_the_name_of_a_run_is_no_component(tmp_path) -> None:
    write(tmp_path, "base.toml", "[run]\nname = 'one'\nseed = 7\n")
    child = write(tmp_path, "c.toml", "extends = 'base.toml'\n[run]\nname = 'two'\n")
    assert read(child).tables() == {"run": {"name": "two", "seed": 7}}


def test_a_component_by_its_name_alone_is_a_table_with_that_name(tmp_path) -> None:
    config = write(tmp_path, "c.toml", "backbone = 'one'\n[losses]\nmask = 'plain'\n[run]\nname = 'x'\n")
    assert read(config).tables() == {
        "backbone": {"name": "one"},
        "losses": {"mask": {"name": "plain"}},
        "run": {"name": "x"},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.clip=0.5", 0.5),
        ("train.clip = 1e-3", 1e-3),
        ('train.clip="bf16"', "bf16"),
        ("train.clip=bf16", "bf16"),
        ("train.clip=../shared/set-1/COD10K v3", "../shared/set-1/COD10K v3"),
        ("train.clip=true", True),
        ('train.clip=["a", "b"]', ["a", "b"]),
        ("train.clip={name = 'x', n = 1}", {"name": "x", "n": 1}),
        ("train.clip=a=b", "a=b"),
    ],
)
def test_an_override_is_toml_and_a_bare_word_a_string(text: str, expected: object) -> None:
    document = read({"train": {"clip": 9, "kept": 1}}, [text])
    assert document.tables() == {"train": {"clip": expected, "kept": 1}}
    assert document.origin(("train", "clip")) == "--set"
    assert document.origin(("train", "kept")) == "argument"


def test_overrides_of_one_component_go_together_in_any_order() -> None:
    base = {"backbone": {"name": "one", "old": 1}}
    for overrides in (["backbone.name=two", "backbone.new=2"], ["backbone.new=2", "backbone.name=two"]):
        assert read(base, overrides).tables() == {"backbone": {"name": "two", "new": 2}}
    assert read(base, ["backbone=two"]).tables() == {"backbone": {"name": "two"}}


@pytest.mark.parametrize("text", ["train.clip", "=1", "train.clip=[1", "train..clip=1", "train.clip=", 'a="x'])
def test_a_malformed_override_is_told(text: str) -> None:
    with pytest.raises(UserError, match="--set"):
        read({}, [text])


def test_a_loop_in_extends_names_its_way(tmp_path) -> None:
    write(tmp_path, "a.toml", "extends = 'b.toml'")
    write(tmp_path, "b.toml", "extends = 'a.toml'")
    with pytest.raises(UserError, match=r"extends runs in a loop: .*a\.toml -> .*b\.toml -> .*a\.toml"):
        read(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends = 'missing.toml'", r"extends: cannot read config .*missing\.toml: No such file"),
        ("extends = ['a', 'b']", "expected the path of one parent"),
        ("[train\nclip = 1", r"not valid TOML: .*line 1"),
        ("a = '\xe9'", "not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, text: str, message: str) -> None:
    (tmp_path / "c.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=message):
        read(tmp_path / "c.toml")
