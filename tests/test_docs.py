"""What README and docs say is so."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from frame import catalog
from frame.cli.main import COMMANDS
from frame.config.bind import load_run
from frame.plugin.component import Kind

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert "://" in link or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_config_that_is_named_exists(page: Path) -> None:
    for block in blocks(page, ""):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            commands = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "frame"]
            assert set(commands) <= COMMANDS.keys(), line
            assert all((ROOT / word).is_file() for word in words if word.startswith("configs/")), line


def test_every_hook_has_a_section() -> None:
    text = (ROOT / "docs" / "reference" / "hooks.md").read_text()
    for kind in Kind:
        assert f"### {kind.hook}()" in text


def test_every_table_of_a_config_is_in_its_reference() -> None:
    from frame.config.bind import CORE_TABLES, LABELLED, PARTS
    from frame.config.tables import StageTable, TrainTable

    text = (ROOT / "docs" / "reference" / "config.md").read_text()
    for name in (*PARTS, *LABELLED, *CORE_TABLES):
        assert f"`[{name}" in text, name
    for name in (*TrainTable.model_fields, *StageTable.model_fields):
        assert f"`{name}`" in text, name


def test_every_built_in_loss_is_in_their_reference() -> None:
    text = (ROOT / "docs" / "reference" / "losses.md").read_text()
    for entry in catalog().entries(Kind.LOSS):
        assert f"| `{entry.name}` |" in text, entry.name


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


@pytest.fixture
def environment(tmp_path) -> Path:
    """An environment of its own with this one's libraries; returns its python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    libraries = [sysconfig.get_path("purelib"), str(ROOT / "framework"), str(ROOT / "plugins")]
    (site / "libraries.pth").write_text("\n".join(libraries))
    return python


def test_the_plugin_tutorial_makes_a_package_that_trains(tmp_path, environment) -> None:
    page = ROOT / "docs" / "tutorials" / "plugin.md"
    for text in blocks(page, "python") + blocks(page, "toml"):
        path = tmp_path / "frame-acme" / text.splitlines()[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "frame-acme" / "frame_acme" / "__init__.py").touch()

    def frame(*arguments: str) -> str:
        command = [str(environment), "-m", "frame.cli.main", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "-e", str(tmp_path / "frame-acme")]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(environment), *install], check=True)
    row = next(line for line in frame("list", "backbone").splitlines() if line.startswith("tiny"))
    assert row.split()[:5] == ["tiny", "backbone", "acme", "frame-acme", "0.1.0"]
    assert "width: int = 16\n    Channels of the finest map" in frame("show", "backbone", "tiny")
    assert "  ok       check_maps_at_odd_sizes" in frame("plugin", "check", "tiny")
    settings = "data.size=32 data.resolution=32 data.train=4 data.validation_images=2 data.workers=0 "
    settings += "stages.main.epochs=1 stages.main.batch_size=2 stages.main.warmup=0 backbone.name=tiny backbone.width=8"
    quickstart = str(ROOT / "configs" / "quickstart.toml")
    told = frame("run", quickstart, *(word for each in settings.split() for word in ("--set", each)))
    assert "tiny (0.0" in told
    assert "best checkpoint  runs/quickstart/checkpoints/step_00000002" in told

    plugin = tmp_path / "frame-acme" / "frame_acme" / "plugin.py"
    plugin.write_text(plugin.read_text().replace("yield", "yeild", 1))
    assert "broken: plugin 'acme' (frame-acme 0.1.0): SyntaxError" in frame("list")
    assert "ok" in frame("check", quickstart)
