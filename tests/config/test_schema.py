"""The JSON schema of configs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from frame import catalog
from frame.config.schema import config_schema

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))
ACME = """
    from frame import Component, hookimpl
    @hookimpl
    def frame_experts():
        yield Component(name="wavelet", target="x:Wavelet", options="frame_acme_options:WaveletOptions", summary="Haar")
"""
OPTIONS = '''
    from frame import Options
    class WaveletOptions(Options):
        bands: int = 3
        """How many."""
'''


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads((ROOT / "configs" / "frame.schema.json").read_text(encoding="utf-8"))


def wrong(schema: dict[str, Any], config: str) -> list[str]:
    found = Draft7Validator(schema).iter_errors(tomllib.loads(config))
    return sorted(f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found)


def test_the_committed_schema_is_that_of_the_built_ins(schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAME_NO_PLUGINS", "1")
    current = json.loads(json.dumps(config_schema(catalog())))
    assert schema == current, "it is old: FRAME_NO_PLUGINS=1 frame schema -o configs/frame.schema.json"
    Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_the_configs_point_at_the_schema_and_keep_it(config: Path, schema: dict[str, Any]) -> None:
    text = config.read_text(encoding="utf-8")
    assert text.startswith("#:schema ./frame.schema.json\n")
    assert wrong(schema, text) == []


@pytest.mark.parametrize(
    ("config", "where", "what"),
    [
        ("[trian]\nclip = 1.0", "", "'trian' was unexpected"),
        ('[head]\nname = "moe"\ntopk = 3', "head", "'topk' is not one of"),
        ('[head]\nname = "fpn"\ntop_k = 3', "head", "'top_k' is not one of"),
        ("[head]\ntopk = 3", "head", "'topk' is not one of"),
        ('[head]\nname = "mo"', "head.name", "'mo' is not one of"),
        ('head = "mo"', "head", "'mo' is not one of"),
        ('[head]\nname = "moe"\nexperts = ["texture", {name = "edge", bands = 1}]', "head.experts.1", "'bands'"),
        ('[head]\nname = "moe"\ntop_k = "three"', "head.top_k", "not of type 'integer'"),
        ('[data]\nname = "camo"\ndifficulty = 0.4', "data", "'difficulty' is not one of"),
        ("[data]\nsize = 4", "data.size", "less than the minimum"),
        ("[data]\naugmentation = true", "data.augmentation", "False was expected"),
        ("[losses.mine]\nweight = -1.0", "losses.mine.weight", "less than the minimum"),
        ('[train]\nprecision = "fp8"', "train.precision", "'fp8' is not one of"),
        ("[stages.main]\nepochs = 0", "stages.main.epochs", "less than the minimum"),
    ],
)
def test_a_mistake_is_told_once_and_in_its_place(config: str, where: str, what: str, schema: dict[str, Any]) -> None:
    found = wrong(schema, config)
    assert len(found) == 1, found
    assert found[0].startswith(f"{where}: ")
    assert what in found[0]


@pytest.mark.parametrize(
    "config",
    [
        "[head]\ntop_k = 2",  # of a parent's head
        'metrics.iou = "iou"\nhead = "fpn"',
        "[metrics]\nmae = false",
        "[data]\naugmentation = false",
        '[data]\nname = "camo"\nroot = "x"\nsize = 224',
        '[losses.deep]\nname = "deep_supervision"\nweight = 0.4\nloss = {name = "structure"}',
        '[stages.a]\nunfreeze = "progressive"\n[stages.b]\nunfreeze = [0.0, 0.5]',
        'extends = "base.toml"',
    ],
)
def test_what_a_config_may_say_is_accepted(config: str, schema: dict[str, Any]) -> None:
    assert wrong(schema, config) == []


def test_options_carry_their_documentation_and_defaults(schema: dict[str, Any]) -> None:
    top_k = schema["definitions"]["head"]["else"]["properties"]["top_k"]
    assert "experts work on an image" in top_k["description"]
    assert "moe: " in schema["definitions"]["head"]["then"]["description"]


def test_a_third_party_s_options_are_in_it_and_a_broken_plugin_is_not(install) -> None:
    site = install("frame-acme", "acme", ACME)
    (site / "frame_acme_options.py").write_text("\n".join(line[4:] for line in OPTIONS.splitlines()))
    install("frame-bad", "bad", "def broken(:\n")
    found = config_schema(catalog())
    assert wrong(found, '[head]\nname = "moe"\nexperts = [{name = "wavelet", bands = 2}, "edge"]') == []
    assert wrong(found, '[head]\nname = "moe"\nexperts = [{name = "wavelet", band = 2}]') != []


@pytest.mark.parametrize("command", [["taplo", "lint"], ["tombi", "lint", "--offline"]], ids=lambda words: words[0])
def test_editors_linters_agree(command: list[str], tmp_path: Path) -> None:
    tool = shutil.which(command[0], path=f"{sysconfig.get_path('scripts')}:{Path(sys.executable).parent}")
    if tool is None:
        pytest.skip(f"{command[0]} is not installed")
    shutil.copy(ROOT / "configs" / "frame.schema.json", tmp_path)
    for path in CONFIGS:
        shutil.copy(path, tmp_path)

    def lint(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([tool, *command[1:], name], cwd=tmp_path, capture_output=True, text=True, check=False)

    for path in CONFIGS:
        done = lint(path.name)
        assert done.returncode == 0, done.stderr
    (tmp_path / "bad.toml").write_text('#:schema ./frame.schema.json\n[head]\nname = "moe"\ntopk = 3\n')
    done = lint("bad.toml")
    assert done.returncode != 0
    assert "topk" in done.stdout + done.stderr
