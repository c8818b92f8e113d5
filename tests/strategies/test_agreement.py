"""What one process of several meets with, all act on; what only the first knows, all are told."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from tests.engine.states import assert_equal
from tests.strategies import work
from tests.strategies.test_training import CLOSE, SETTINGS

from frame.engine.checkpoints import checkpoint

BOTH = pytest.mark.parametrize("strategy", ["ddp", "fsdp"])


def tables(config, strategy: str, **others):
    return config | {"strategy": {"name": strategy, "timeout": 60}} | others


@pytest.mark.parametrize("broken", [None, 2])
def test_validation_figures_equal_one_devices_to_the_last_digit_for_any_size(ranks, broken: int | None) -> None:
    (expected,) = ranks(1, work.figures, "single", broken)
    for processes in (2, 3):
        for strategy in ("ddp", "fsdp"):
            for found in ranks(processes, work.figures, strategy, broken):
                np.testing.assert_equal(found, expected)  # to the last digit; nan, of no image, equals nan


@BOTH
@pytest.mark.parametrize("policy", ["skip", "rollback"])
def test_a_loss_of_one_process_that_is_not_finite_is_skipped_by_all(ranks, config, train, strategy, policy) -> None:
    settings = ("train.save_every=4", f"train.non_finite={policy}", "train.keep=20", "train.ema=0.5")

    def ended(bad: int) -> dict:
        run = config["run"] | {"name": f"bad-{bad}"}
        log, _ = ranks(2, work.trained_with_a_bad_loss, 5, bad, tables(config, strategy, run=run), settings)[0]
        folder = train.runs / run["name"]
        assert json.loads((folder / "result.json").read_text())["skipped_steps"] == 1
        assert next(entry[1] for entry in log if entry[0] == "notice").startswith(
            "stage decoder, epoch 2, step 2: loss, plain not finite"
        )
        return checkpoint.load(next(checkpoint.newest(folder / "checkpoints"))).weights

    weights = ended(1)
    assert all(value.isfinite().all() for value in weights.values())
    assert_equal(weights, ended(0))


@BOTH
def test_a_gradient_that_overflows_in_one_process_lowers_the_scale_of_all(ranks, strategy) -> None:
    assert ranks(2, work.scales, strategy) == [([1024.0, 512.0, 512.0], True)] * 2


def test_a_step_over_shards_that_is_told_of_infinity_changes_nothing(ranks) -> None:
    assert ranks(2, work.after_infinity) == [True, True]


@BOTH
def test_a_full_disk_of_the_first_process_ends_all_and_is_told_once(ranks, config, strategy) -> None:
    other, told = sorted(ranks(2, work.message_of_a_full_disk, tables(config, strategy)))
    ranks.close()  # a process that failed is fit for nothing more
    assert other == "another process failed first, and says why"
    assert "No space left on device; earlier checkpoints are whole" in told


def test_the_levers_that_the_first_process_finds_are_those_of_all(ranks, config) -> None:
    found = ranks(2, work.chosen_levers, tables(config, "ddp", train={"precision": "auto"}))
    assert [precision for precision, *_ in found] == ["bf16", "bf16"]
    assert found[0][1] == found[1][1]  # the same weights to begin with
    assert found[0][2] != found[1][2]  # and other numbers to draw from then on


def test_each_process_goes_on_from_its_own_generators_state(run_of, train) -> None:
    settings = (*SETTINGS, "backbone.drop=0.3", "stages.finetune.epochs=1", "train.save_every=1", "train.keep=99")
    *_, whole = run_of("ddp", *settings)
    first, second = whole["random"]
    assert not torch.equal(first["torch"], second["torch"])
    saved = sorted((train.runs / "ddp" / "checkpoints").iterdir())
    for path in saved[7:]:
        shutil.rmtree(path)
    *_, again = run_of("ddp", *settings, resume=True)
    assert_equal(whole, again)


def test_another_number_of_processes_draws_from_states_of_its_own(run_of, train) -> None:
    settings = (*SETTINGS, "backbone.drop=0.3", "stages.decoder.epochs=1", "train.save_every=1")
    run_of("ddp", *settings, "stages.finetune.epochs=1")
    *_, found = run_of("ddp", *settings, "stages.finetune.epochs=2", processes=3, resume=True)
    assert len({bytes(state["torch"].numpy()) for state in found["random"]}) == 3


@BOTH
def test_parameters_of_losses_are_trained_as_on_one_device(run_of, strategy) -> None:
    losses = {"plain": "learned"}
    *_, expected = run_of("single", *SETTINGS, losses=losses)
    *_, found = run_of(strategy, *SETTINGS, losses=losses)
    assert expected["losses"]["losses.plain.uncertainty"].item() != 0
    for part in ("weights", "losses", "optimizer"):
        torch.testing.assert_close(found[part], expected[part], **CLOSE)


ROUTERS = {
    "balance": ({}, {"balance": {"name": "balance", "weight": 0.1}}),
    "bias": (
        {"selection_bias": True, "dense_warmup": 0.3, "shared": "contrast"},
        {"balance": {"name": "balance", "by": "bias"}, "z": {"name": "router_z", "weight": 0.01}},
    ),
}


@BOTH
@pytest.mark.parametrize("router", ROUTERS)
def test_the_router_and_its_balance_are_trained_as_on_one_device(run_of, strategy, router) -> None:
    """Experts that are idle in one process, or in both, included; and with ddp parts that no loss looks at."""
    options, losses = ROUTERS[router]
    experts = ["texture", "context", "edge", "contrast"]
    parts = {
        "head": {"name": "moe", "experts": experts, "top_k": 1, "width": 8, **options},
        "losses": {"mask": "mask", **losses},
        "metrics": {"accuracy": "accuracy", "experts": "experts"},
    }
    if strategy == "fsdp":
        parts["losses"]["deep"] = {"name": "deep_supervision", "weight": 0.4}
    settings = (*SETTINGS, "stages.decoder.lr=0.0005", "stages.finetune.lr=0.0005")
    losses, means, figures, expected = run_of("single", *settings, **parts)
    found_losses, found_means, found_figures, found = run_of(strategy, *settings, **parts)
    torch.testing.assert_close(torch.tensor(found_losses), torch.tensor(losses), **CLOSE)
    assert found_means == [pytest.approx(each, abs=1e-5) for each in means]
    assert found_figures == pytest.approx(figures, abs=1e-4)
    assert found["optimizer"].keys() == expected["optimizer"].keys()
    for name, moments in expected["optimizer"].items():
        # A bias in front of a norm has no gradient but rounding, which AdamW takes as seriously as any.
        counts = moments["exp_avg_sq"].sqrt() > 1e-6
        for part in ("weights", "ema"):
            torch.testing.assert_close(found[part][name][counts], expected[part][name][counts], **CLOSE, msg=name)
