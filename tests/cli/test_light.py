"""``list``, ``show`` and ``check`` import nothing heavy, and work when it can't be imported at all."""

from __future__ import annotations

import json

import pytest

HEAVY = ("torch", "numpy", "timm", "cv2", "albumentations", "torchvision")


@pytest.fixture
def poisoned(tmp_path):
    """A folder whose torch, numpy and so on raise on import."""
    folder = tmp_path / "poison"
    folder.mkdir()
    for name in HEAVY:
        (folder / f"{name}.py").write_text(f"raise ImportError('{name} was imported')\n")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--json"),
        ("show", "head", "moe"),
        ("show", "dataset", "cod10k"),
        ("show", "CONFIG"),
        ("check", "CONFIG"),
        ("--help",),
    ],
)
def test_it_works_without_torch_numpy_or_timm(shell, poisoned, quickstart, arguments) -> None:
    done = shell(*(quickstart if word == "CONFIG" else word for word in arguments), path=poisoned)
    assert done.code == 0, done.err
    assert "was imported" not in done.out + done.err


def test_every_builtin_option_class_is_light(shell, poisoned) -> None:
    listed = json.loads(shell("list", "--json", path=poisoned).out)
    assert {plugin["state"] for plugin in listed["plugins"]} == {"ok"}
    modules = sorted({each["options"].partition(":")[0] for each in listed["components"] if each["options"]})
    assert len(modules) >= 6


def test_doctor_says_what_is_wrong_and_fails(shell, poisoned) -> None:
    done = shell("doctor", path=poisoned)
    assert done.code == 1
    assert "fault: torch can't be imported: torch was imported" in done.out
