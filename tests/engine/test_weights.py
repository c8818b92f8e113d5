"""Weights of one's own and of others; never code."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from frame import UserError
from frame.engine.checkpoints.weights import load_into, read_weights


@pytest.fixture
def model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))


def renamed(model: torch.nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in model.state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.module."])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "model_state_dict"])
def test_weights_load_from_the_layouts_of_others(model, tmp_path, prefix: str, wrapper: str | None) -> None:
    state = renamed(model, prefix)
    torch.save(state if wrapper is None else {wrapper: state, "epoch": 3}, tmp_path / "w.pth")
    other = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    load_into(other, read_weights(tmp_path / "w.pth"), tmp_path / "w.pth")
    assert torch.equal(other[0].weight, model[0].weight)


def test_a_prefix_in_the_middle_of_a_name_stays(tmp_path) -> None:
    save_file({"head.module.weight": torch.ones(1)}, tmp_path / "w.safetensors")
    assert set(read_weights(tmp_path / "w.safetensors")) == {"head.module.weight"}


def test_a_file_with_code_is_refused_and_runs_none_of_it(tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"model": {"w": torch.ones(1)}, "extra": Evil()}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"w\.pth holds Python objects.*torch\.save\(model\.state_dict\(\), FILE\)"):
        read_weights(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_damaged_file_is_told(model, tmp_path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("pth"):
        torch.save(model.state_dict(), path)
    else:
        save_file(model.state_dict(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=f"{name} is damaged"):
        read_weights(path)
    with pytest.raises(UserError, match="cannot read weights"):
        read_weights(tmp_path / f"missing-{name}")


def test_weights_that_do_not_fit_are_named(model, tmp_path) -> None:
    state = model.state_dict()
    state["2.bias"] = state.pop("1.bias")
    state["0.weight"] = torch.ones(5)
    with pytest.raises(UserError) as caught:
        load_into(model, state, Path("w.pth"))
    for part in ("1 missing (1.bias)", "1 left over (2.bias)", "1 of another shape (0.weight)"):
        assert part in str(caught.value)


def test_a_run_starts_from_a_checkpoint_of_another(train) -> None:
    first = train("train.stages=['decoder']")
    second = train("train.stages=['finetune']", "stages.finetune.lr=1e-12", f"train.init_from={first.checkpoint}")
    before = load_file(first.checkpoint / "model.safetensors")
    for name, value in load_file(second.checkpoint / "model.safetensors").items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=1e-8)
