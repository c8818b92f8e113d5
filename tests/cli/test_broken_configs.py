"""Every way of getting a config wrong is one readable message and exit code 2."""

from __future__ import annotations

import pytest

BROKEN = {  # the text that follows a whole config, --set arguments, and what is said
    "unknown table": ("[bakbone]\nname = 'x'\n", (), 'bakbone: no such table; did you mean "backbone"?'),
    "unknown core key": ("", ("train.clipp=1",), 'train.clipp: not an option of [train]; did you mean "clip"?'),
    "unknown option": (
        "",
        ("backbone.drop_pat=0.1",),
        'backbone.drop_pat: not an option of backbone "edgenext_xx_small" (frame-seg 0.1.0); did you mean "drop_path"?',
    ),
    "unknown component": ("", ("backbone=edgenext_huge",), "no backbone is called 'edgenext_huge'; did you mean"),
    "a key with a hyphen": (
        "",
        ("train.weight-decay=0.1",),
        "train.weight-decay: not an option of [train]; did you mean",
    ),
    "a key that is no word": ("", ("train.2nd=1",), "train.2nd: not an option of [train]; there are:"),
    "fewer workers than none": ("", ("data.workers=-1",), "data.workers: "),
    "no expert": ("", ('head={name = "moe", experts = []}',), "experts: name at least 1, got []"),
    "a text of another form": ("", ('run.max_time="2 hours"',), 'run.max_time: got "2 hours"; '),
    "component of another kind": ("", ("head=texture",), "no head is called 'texture'; 'texture' is an expert"),
    "unknown component within a component": (
        "",
        ('head={name = "moe", experts = ["textur"]}',),
        "did you mean 'texture'",
    ),
    "wrong type": ("", ('data.size="big"',), 'data.size: expected a whole number, got "big"'),
    "fraction for a whole number": (
        "",
        ("stages.main.epochs=2.5",),
        "stages.main.epochs: expected a whole number, got 2.5",
    ),
    "table for a number": ("", ("stages.main.lr={a = 1}",), "stages.main.lr: expected a number, got"),
    "missing": ("", ("data={name = 'folder', size = 64}",), 'data.root: required by dataset "folder"'),
    "missing table": (
        "[losses]\nmask = false\ndeep = false\nbalance = false\n",
        (),
        "losses: at least one loss is required",
    ),
    "negative": ("", ("stages.main.lr=-0.1",), "stages.main.lr: input should be greater than 0, got -0.1"),
    "out of range": ("", ("data.difficulty=1.5",), "data.difficulty: input should be less than or equal to 1, got 1.5"),
    "not a number": ("", ("stages.main.lr=nan",), "stages.main.lr: input should be"),
    "no such choice": ("", ("stages.main.scheduler=linear",), "stages.main.scheduler: expected 'cosine', 'polynomial'"),
    "a path that isn't there": ("", ("data={name = 'cod10k', root = 'no/where'}",), "there is no folder"),
    "a checkpoint that isn't there": ("", ("train.init_from=no/where",), "train.init_from: there is no no/where"),
    "a bad override": ("", ("train.clip",), "--set 'train.clip': write KEY=VALUE"),
    "an override that is no TOML": (
        "",
        ("train.clip=[1",),
        "--set 'train.clip=[1': neither a TOML value nor a bare word",
    ),
    "bad TOML": ("[train\n", (), "not valid TOML"),
    "a key twice": ("[train]\nclip = 1.0\nclip = 2.0\n", (), "not valid TOML"),
    "a parent that isn't there": ("EXTENDS nowhere.toml", (), "extends: cannot read config"),
    "a loop in extends": ("EXTENDS broken.toml", (), "extends runs in a loop"),
    "unknown stage": ("", ("train.stages=['mian']",), 'train.stages[0]: no stage is called "mian"; there are: main'),
    "settings that contradict": (
        "",
        ("stages.main.frozen=['backbone']", "stages.main.unfreeze=progressive"),
        "stages.main: unfreeze and frozen = ['backbone'] contradict each other",
    ),
    "more experts wanted than there are": ("", ("head.name=moe", "head.top_k=9"), "top_k"),
    "unknown monitor": ("", ("train.monitor=f1",), 'train.monitor: no metric is labelled "f1"'),
    "requirement that isn't met": ("", ("plugins.require=['frame-acme>=2']",), "'frame-acme>=2' is not installed"),
}


@pytest.mark.parametrize(("text", "overrides", "message"), BROKEN.values(), ids=BROKEN)
def test_it_is_one_readable_message_and_exit_code_2(call, quickstart, tmp_path, text, overrides, message) -> None:
    path = tmp_path / "broken.toml"
    parent = text.removeprefix("EXTENDS ") if text.startswith("EXTENDS") else quickstart
    path.write_text(f'extends = "{parent}"\n' + ("" if text.startswith("EXTENDS") else text))
    done = call("check", str(path), *(word for override in overrides for word in ("--set", override)))
    assert done.code == 2
    assert message in done.err, done.err
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert str(tmp_path) in done.err or "--set" in done.err


def test_run_says_the_same_before_it_imports_torch(shell, quickstart, tmp_path) -> None:
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "torch.py").write_text("raise ImportError('torch was imported')\n")
    done = shell("run", quickstart, "--set", "train.clipp=1", path=tmp_path / "poison")
    assert (done.code, done.err) == (2, '--set: train.clipp: not an option of [train]; did you mean "clip"?\n')


def test_cod10k_without_its_data_says_where_it_looked_and_the_ways_on(call, quickstart, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("run", quickstart.replace("quickstart", "cod10k"))
    assert done.code == 2
    for part in (
        str(tmp_path / "data" / "COD10K-v3"),
        "Train,Test}/Image/*.jpg",
        "github.com/DengPingFan/SINet",
        "frame data make DIR --layout cod10k",
        "frame run configs/quickstart.toml",
    ):
        assert part in done.err
    assert not (tmp_path / "runs").exists()
