"""``frame plugin new``: what it writes is installed, linted, tested and trained as its author would do it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.environment import Environment

from frame.cli.main import main
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from pathlib import Path

SHORT = "--set stages.main.epochs=1"


def named(kind: Kind) -> str:
    return f"frame-my-{kind}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where a distribution of each kind is."""
    folder = tmp_path_factory.mktemp("written")
    for kind in Kind:
        assert main(["plugin", "new", f"my-{kind}", "--kind", kind, "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory, folder) -> Environment:
    """One in which all of them are installed."""
    made = Environment(tmp_path_factory.mktemp("environment") / "venv")
    made.run("pip install " + " ".join(f"-e ./{named(kind)}" for kind in Kind), folder)
    return made


def test_all_of_them_are_listed_and_none_is_broken(environment, folder) -> None:
    told = environment.run("frame list", folder)
    rows = {tuple(line.split()[:5]) for line in told.splitlines()}
    assert {(f"my_{kind}", kind, f"my_{kind}", named(kind), "0.1.0") for kind in Kind} <= rows
    assert "broken" not in told


def test_mypy_finds_nothing(environment, folder, request) -> None:
    packages = " ".join(f"{named(kind)}/frame_my_{kind}" for kind in Kind)
    cache = request.config.cache.mkdir("mypy-of-plugins")
    told = environment.run(
        f"mypy --config-file {named(Kind.LOSS)}/pyproject.toml --cache-dir {cache} {packages}", folder
    )
    assert "Success: no issues found in 36 source files" in told


@pytest.mark.parametrize("kind", list(Kind))
def test_its_tests_pass_and_it_trains(environment, folder, kind) -> None:
    tested = environment.run("pytest -q -p no:cacheprovider", folder / named(kind))
    assert " passed" in tested
    assert "xfailed" not in tested
    readme = (folder / named(kind) / "README.md").read_text()
    training = [line for line in readme.splitlines() if line.startswith(("frame run", "frame data make"))]
    assert training
    assert training[-1] == "frame run train.toml"
    told = environment.run("\n".join([*training[:-1], f"{training[-1]} {SHORT}"]), folder / named(kind))
    assert f"best checkpoint  runs/my_{kind}/checkpoints/" in told


@pytest.mark.parametrize("name", ["x", "a-name-of-thirty-letters-in-it"])
def test_ruff_finds_nothing_however_long_the_name(tmp_path, name) -> None:
    for kind in Kind:
        assert main(["plugin", "new", name, "--kind", kind, "-o", str(tmp_path / kind)]) == 0
    for command in (["check"], ["format", "--check"]):
        line = [sys.executable, "-m", "ruff", *command, "--no-cache", str(tmp_path)]
        done = subprocess.run(line, check=False, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stdout


def test_a_prefix_and_dashes_are_understood(tmp_path, capsys) -> None:
    assert main(["plugin", "new", "frame-two-words", "--kind", "head", "-o", str(tmp_path)]) == 0
    project = tmp_path / "frame-two-words"
    assert (project / "frame_two_words" / "two_words.py").is_file()
    assert (project / ".github" / "workflows" / "ci.yml").is_file()
    assert "class TwoWords(nn.Module)" in (project / "frame_two_words" / "two_words.py").read_text()
    assert "frame plugin check frame-two-words\n" in capsys.readouterr().out
    texts = [path.read_text() for path in project.rglob("*") if path.is_file()]
    assert not any("acme" in text.lower() or "%" in text for text in texts)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("Shiny", "is no name: use lower-case letters"),
        ("-x", "is no name"),
        ("2d", "is no name"),
        ("a" * 31, "is too long: take at most 30 letters"),
        ("seg", "is Frame's own: there is a frame-seg already"),
        ("losses", "is Frame's own: there is a frame_losses already"),
        ("dice", "is the name of a built-in loss, which keeps it"),
        ("class", "stands for something else"),
        ("options", "stands for something else"),
        ("tensor", "stands for something else"),
    ],
)
def test_a_name_that_would_not_work_is_refused(tmp_path, capsys, name, cause) -> None:
    assert main(["plugin", "new", "--kind", "loss", "-o", str(tmp_path), "--", name]) == 2
    assert cause in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path, capsys) -> None:
    (tmp_path / "frame-mine").mkdir()
    assert main(["plugin", "new", "mine", "--kind", "loss", "-o", str(tmp_path)]) == 2
    assert f"{tmp_path / 'frame-mine'} is there already, and is left as it is" in capsys.readouterr().err
    assert not list((tmp_path / "frame-mine").iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys) -> None:
    (tmp_path / "file").touch()
    assert main(["plugin", "new", "mine", "--kind", "loss", "-o", str(tmp_path / "file")]) == 2
    assert "can't be written" in capsys.readouterr().err


def test_it_imports_no_torch(tmp_path) -> None:
    script = "import sys; from frame.cli.main import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    arguments = ["plugin", "new", "mine", "--kind", "backbone", "-o", str(tmp_path)]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, stdout=subprocess.DEVNULL)
