"""What README and docs say is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from tests.environment import Environment

from frame import catalog
from frame.config.bind import load_run
from frame.plugin.component import Kind

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


def test_every_built_in_callback_is_among_those_that_follow_a_run() -> None:
    text = (ROOT / "docs" / "how-to" / "trackers.md").read_text()
    for entry in catalog().entries(Kind.CALLBACK):
        if entry.plugin.name == "callbacks":
            assert f"| `{entry.name}` |" in text, entry.name


@pytest.mark.parametrize("page", ["augmentation.md", "trackers.md"])
def test_the_tables_of_a_how_to_are_those_of_a_config(page: str, tmp_path) -> None:
    tables = blocks(ROOT / "docs" / "how-to" / page, "toml")
    assert tables
    for number, text in enumerate(tables):
        (config := tmp_path / f"{number}.toml").write_text(
            f'extends = "{ROOT / "configs" / "quickstart.toml"}"\n{text}'
        )
        run = load_run(config, catalog())
        assert run.data.augmentation is not None
        run.data.augmentation(size=64)


def test_the_inline_loss_of_the_readme_is_found(tmp_path) -> None:
    (file := tmp_path / "my_loss.py").write_text(blocks(ROOT / "README.md", "python")[0])
    command = [sys.executable, "-m", "frame.cli.main", "check", str(ROOT / "configs" / "quickstart.toml")]
    command += ["--plugin", str(file), "--set", "losses.mask=log_cosh_dice"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "sha256:" in done.stdout
    command = [sys.executable, "-m", "frame.cli.main", "plugin", "check", "--plugin", str(file)]
    subprocess.run(command, check=True, capture_output=True)


TUTORIAL = ROOT / "docs" / "tutorials" / "plugin.md"
EXAMPLE = ROOT / "examples" / "frame-acme"


def files_of_the_tutorial() -> dict[str, str]:
    """The text of each file that the tutorial has one write, by its path in the distribution."""
    found = blocks(TUTORIAL, "python") + blocks(TUTORIAL, "toml")
    return {first.removeprefix("# "): text for first, _, text in (each.partition("\n") for each in found)}


def test_the_plugin_tutorial_holds_the_files_of_the_example() -> None:
    held = files_of_the_tutorial()
    assert held == {path: (EXAMPLE / path).read_text() for path in held}
    written = {path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*.py") if path.name != "__init__.py"}
    assert held.keys() == written | {"pyproject.toml", "train.toml"}


@pytest.mark.timeout(900)
def test_the_plugin_tutorial_makes_a_package_that_trains(tmp_path) -> None:
    environment = Environment(tmp_path / "venv")
    told = ""
    folder = tmp_path
    for language, text in BLOCK.findall(TUTORIAL.read_text()):
        if language == "":
            told += environment.run(text, folder)
            folder = tmp_path / "frame-acme"
        elif language in ("python", "toml"):
            first, _, rest = text.partition("\n")
            (folder / first.removeprefix("# ")).write_text(rest)
    row = next(line for line in told.splitlines() if line.startswith("tiny"))
    assert row.split()[:5] == ["tiny", "backbone", "acme", "frame-acme", "0.1.0"]
    assert "width: int = 16\n    Channels of the finest map" in told
    assert "loss acme/log_cosh_dice (frame-acme 0.1.0)" in told
    assert " failed" not in told
    assert "best checkpoint  runs/acme/checkpoints/step_00000016" in told

    plugin = folder / "frame_acme" / "plugin.py"
    plugin.write_text(plugin.read_text().replace("yield", "yeild", 1))
    assert "broken: plugin 'acme' (frame-acme 0.1.0): SyntaxError" in environment.run("frame list", tmp_path)
    assert "ok" in environment.run(f"frame check '{ROOT / 'configs' / 'quickstart.toml'}'", tmp_path)


@pytest.mark.timeout(900)
def test_the_example_is_installed_linted_tested_and_trained(tmp_path) -> None:
    folder = copytree(EXAMPLE, tmp_path / "frame-acme", ignore=ignore_patterns("__pycache__", ".*_cache", "runs"))
    environment = Environment(tmp_path / "venv")
    environment.run("pip install .", folder)
    environment.run("ruff format --check --no-cache . && ruff check --no-cache .", folder)
    rows = [line.split()[:4] for line in environment.run("frame list", tmp_path).splitlines()]
    for name, kind in (("tiny", "backbone"), ("wavelet", "expert"), ("log_cosh_dice", "loss")):
        assert [name, kind, "acme", "frame-acme"] in rows
    assert " passed" in environment.run("pytest -q -p no:cacheprovider", folder)
    told = environment.run("frame run train.toml", folder)
    assert "best checkpoint  runs/acme/checkpoints/" in told
