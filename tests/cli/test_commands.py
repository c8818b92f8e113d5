"""What the commands print, and their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import pytest

import frame
from frame.cli.main import COMMANDS

ACME = """
    from frame import Component, hookimpl
    @hookimpl
    def frame_backbones():
        yield Component(name="tiny", target="frame_acme_net:Tiny", summary="Two convolutions")
"""


def test_list_shows_name_kind_plugin_distribution_and_version(install, call) -> None:
    install("frame-acme", "acme", ACME, version="1.2")
    done = call("list", "backbones")
    assert done.code == 0
    row = next(line for line in done.out.splitlines() if line.startswith("tiny"))
    assert row.split() == ["tiny", "backbone", "acme", "frame-acme", "1.2", "Two", "convolutions"]
    assert "cod10k" not in done.out
    assert "cod10k" in call("list").out


def test_list_json_holds_components_and_plugins(install, call) -> None:
    install("frame-acme", "acme", ACME)
    install("frame-bad", "bad", "def broken(:\n")
    listed = json.loads(call("list", "--json").out)
    tiny = next(each for each in listed["components"] if each["name"] == "tiny")
    assert (tiny["qualified_name"], tiny["distribution"]) == ("acme/tiny", "frame-acme")
    bad = next(each for each in listed["plugins"] if each["name"] == "bad")
    assert bad["state"] == "broken"
    assert "SyntaxError" in bad["cause"]


def test_a_broken_plugin_is_listed_with_its_cause_and_everything_else_works(install, call, quickstart) -> None:
    install("frame-bad", "bad", "def broken(:\n")
    done = call("list")
    assert done.code == 0
    assert "broken: plugin 'bad' (frame-bad 1.0): SyntaxError" in done.out
    assert call("check", quickstart).code == 0
    assert call("show", "backbone", "edgenext_base").code == 0


def test_blocking_shows_in_the_list(install, call) -> None:
    install("frame-acme", "acme", ACME)
    done = call("list", "--no-plugin", "acme")
    assert "blocked: plugin 'acme' (frame-acme 1.0)" in done.out
    assert call("list", "--no-plugin", "akme").code == 2


def test_a_file_is_listed_as_a_plugin(tmp_path, call) -> None:
    file = tmp_path / "my_cli_loss.py"
    file.write_text(
        "from frame import Component, hookimpl\n@hookimpl\ndef frame_losses():\n"
        "    yield Component(name='mine', target='my_cli_loss:Mine')\n"
    )
    row = next(line for line in call("list", "loss", "--plugin", str(file)).out.splitlines() if "mine" in line)
    assert "sha256:" in row


def test_show_prints_options_with_defaults_and_documentation(call) -> None:
    out = call("show", "head", "moe").out
    assert 'experts: tuple[expert, ...] = ["texture"' in out
    assert "from plugin 'heads' (frame-seg" in out
    record = json.loads(call("show", "head", "moe", "--json").out)
    assert {"top_k", "width"} <= {option["name"] for option in record["options"]}
    assert all(option["doc"] for option in record["options"])


def test_every_builtin_option_is_documented(call) -> None:
    for entry in frame.catalog().entries():
        record = json.loads(call("show", entry.kind, entry.qualified_name, "--json").out)
        for option in record["options"]:
            assert option["doc"], f"{entry.qualified_name}.{option['name']}"


def test_show_prints_a_config_with_the_origin_of_each_value(call, quickstart) -> None:
    out = call("show", quickstart, "--set", "train.clip=0.5").out
    lines = {line.partition(" = ")[0]: line for line in out.splitlines()}
    assert lines["train.clip"].endswith("# --set")
    assert lines["data.size"].endswith("quickstart.toml")
    assert lines["train.accumulation"].endswith("# default")
    assert tomllib.loads(out)["head"]["name"] == "fpn"


def test_check_names_what_it_found(call, quickstart) -> None:
    done = call("check", quickstart, "--set", "stages.main.scheduler=constant", "--set", "stages.main.min_lr=1e-4")
    assert done.code == 0
    assert "components from frame-seg" in done.out
    assert "warning: stages.main.min_lr has no effect" in done.err


def test_doctor_reports_versions_devices_and_plugins(call) -> None:
    done = call("doctor")
    assert done.code == 0, done.out
    for word in ("python", "torch", "devices", "plugins", "nothing is wrong"):
        assert word in done.out
    assert json.loads(call("doctor", "--json").out)["faults"] == []


def test_doctor_tells_of_a_broken_plugin(install, call) -> None:
    install("frame-bad", "bad", "1 / 0\n")
    done = call("doctor")
    assert done.code == 1
    assert "fault: plugin 'bad' (frame-bad 1.0) is broken: ZeroDivisionError" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lst",), "did you mean 'frame list'?"),
        (("show", "backbone"), "'frame list backbone' names them"),
        (("show", "backbone", "resnet", "18"), "takes a kind and a name, or one config"),
        (("show", "backbone", "edgenext"), "did you mean 'edgenext_"),
        (("check", "nowhere.toml"), "cannot read config nowhere.toml"),
        (("list", "widgets"), "invalid choice"),
        (("data", "make", "x", "--layout", "iou"), "no dataset is called 'iou'; 'iou' is a metric"),
        (("data", "make", "x", "--layout", "camo", "--train", "0"), "--train and --test take numbers from 1 on"),
        (("data", "make", "x", "--layout", "camo", "--set", "difficulti=1"), 'did you mean "difficulty"?'),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(call, arguments, message) -> None:
    done = call(*arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_file_that_was_asked_for_and_does_not_load_is_told(tmp_path, call, quickstart) -> None:
    (file := tmp_path / "bad.py").write_text("import nowhere_at_all\n")
    done = call("check", quickstart, "--plugin", str(file))
    assert done.code == 0
    assert done.err.startswith("warning: ")
    assert "No module named 'nowhere_at_all'" in done.err


def test_a_file_without_a_component_cannot_be_checked(tmp_path, call) -> None:
    (file := tmp_path / "empty.py").write_text("x = 1\n")
    done = call("plugin", "check", "--plugin", str(file))
    assert (done.code, done.out) == (2, "")
    assert "no component; mark a hook, frame_losses say, with @hookimpl" in done.err


@pytest.mark.parametrize("arguments", [("list",), ("--help",), ("run", "--help")])
def test_a_reader_that_has_seen_enough_is_no_fault(arguments) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "frame.cli.main", *arguments]
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with os.fdopen(writer, "w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False, env=buffered)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_output_at_all_is_no_fault() -> None:
    command = ["sh", "-c", f"'{sys.executable}' -m frame.cli.main list >&-"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_names_every_command(call) -> None:
    out = call().out
    for command in COMMANDS:
        assert f"  {command}" in out
        assert "usage: frame" in call(command, "--help").out
    assert call("--version").out.startswith("frame-seg ")
