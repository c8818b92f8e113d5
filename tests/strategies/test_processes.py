"""Training in several processes ends where one device does."""

from __future__ import annotations

import pytest
import torch
from tests.strategies.test_training import CLOSE, EPOCHS, SETTINGS


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
