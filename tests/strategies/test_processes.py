"""Training in several processes ends where one device does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.engine.states import state_of
from tests.strategies import work
from tests.strategies.test_training import CLOSE, EPOCHS, SETTINGS


@pytest.fixture
def run_of(train, config, ranks):
    """``run_of(strategy, *settings)``: the losses of a run's steps and epochs, its figures and its last checkpoint."""

    def run(strategy: str, *settings: str, processes: int = 2, name: str | None = None, **options: Any) -> Any:
        tables = config | {"run": config["run"] | {"name": name or strategy}}
        if strategy == "single":
            result = train(*settings, run=tables["run"])
            log, metrics = list(train.log), result.metrics
        else:
            tables["strategy"] = {"name": strategy, "timeout": 60, **options}
            log, metrics = ranks(processes, work.trained, tables, settings)[0]
        losses = [entry[5] for entry in log if entry[0] == "step"]
        means = [entry[3] for entry in log if entry[0] == "epoch"]
        return losses, means, metrics, state_of(train.runs / tables["run"]["name"])

    return run


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_a_run_gives_the_losses_weights_and_average_of_single(run_of, accumulation: int, processes: int) -> None:
    decoder, finetune = EPOCHS[accumulation]
    stages = (f"stages.decoder.epochs={decoder}", f"stages.finetune.epochs={finetune}")
    settings = (*SETTINGS, *stages, f"train.accumulation={accumulation}")
    losses, means, metrics, expected = run_of("single", *settings)
    assert len(losses) == 12
    for strategy in ("ddp", "fsdp"):
        found_losses, found_means, found_metrics, found = run_of(strategy, *settings, processes=processes)
        torch.testing.assert_close(torch.tensor(found_losses), torch.tensor(losses), **CLOSE)
        assert found_means == [pytest.approx(each, abs=1e-5) for each in means]
        assert found_metrics == pytest.approx(metrics, abs=1e-5)
        for part in ("weights", "ema"):
            torch.testing.assert_close(found[part], expected[part], **CLOSE)
        assert found["optimizer"].keys() == expected["optimizer"].keys()
        for name, moments in expected["optimizer"].items():
            torch.testing.assert_close(found["optimizer"][name], moments, **CLOSE)
