"""Training over replicas ends where one device does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.engine.states import state_of
from tests.strategies.models import images, loss_of, segmenter

from frame import Strategy

CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.mark.parametrize("replicas", [2, 3])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_accumulation_clipping_and_grad_scaler_equal_one_devices(
    data_parallel, device, replicas: int, accumulation: int
) -> None:
    def trained(strategy: Strategy) -> tuple[dict[str, Any], list[float], float]:
        module = strategy.setup_module(segmenter().to(device))
        optimizer = torch.optim.AdamW(module.parameters(), lr=0.01)
        scaler = torch.amp.GradScaler(torch.device(device).type, init_scale=1024.0, growth_interval=2)
        norms = []
        for step in range(4):
            for size in (5, 2, 4)[:accumulation]:
                strategy.backward(scaler.scale(loss_of(module(images(size, device))) / accumulation))
            if step == 1:  # an overflow, which has to be seen and leave the weights alone
                next(module.parameters()).grad[0] = float("inf")
            scaler.unscale_(optimizer)
            norms.append(float(strategy.clip_grad_norm_(list(module.parameters()), 0.05)))
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        return strategy.model_state_dict(module), norms, scaler.get_scale()

    class One(Strategy):
        root_device = torch.device(device)

    (weights, norms, scale), found = trained(One()), trained(data_parallel(devices=replicas))
    assert norms[0] > 0.05  # so there was something to clip
    assert scale == found[2] == 1024  # halved once, doubled once
    torch.testing.assert_close(found[0], weights, **CLOSE)
    torch.testing.assert_close(torch.tensor(found[1]), torch.tensor(norms), **CLOSE)


SETTINGS = (
    "data.images=20",  # of which 16 train: in batches of 3, and a last one of 1
    "stages.decoder.batch_size=3",
    "stages.finetune.batch_size=3",
    "stages.finetune.lr=0.02",
    "train.ema=0.9",
    "train.clip=1.0",
    "train.precision='fp32'",
)
EPOCHS = {1: (1, 1), 3: (2, 4)}  # 12 steps either way


@pytest.mark.parametrize("replicas", [2, 3])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_a_run_gives_the_losses_weights_and_average_of_single(
    train, data_parallel, device, replicas: int, accumulation: int
) -> None:
    data_parallel(devices=replicas)  # skips where there are not enough
    decoder, finetune = EPOCHS[accumulation]
    settings = (
        *SETTINGS,
        f"train.accumulation={accumulation}",
        f"stages.decoder.epochs={decoder}",
        f"stages.finetune.epochs={finetune}",
    )

    def trained(strategy: dict[str, Any]) -> tuple[list[tuple[int, float]], dict[str, float], dict[str, Any]]:
        result = train(*settings, strategy=strategy)
        steps = [(entry[4], entry[5]) for entry in train.log if entry[0] == "step"]
        return steps, result.metrics, state_of(result.folder)

    steps, metrics, expected = trained({"name": "single", "device": device})
    found_steps, found_metrics, found = trained({"name": "data_parallel", "devices": replicas})
    assert len(steps) == len(found_steps) == 12
    torch.testing.assert_close(torch.tensor(found_steps), torch.tensor(steps), **CLOSE)
    assert found_metrics == pytest.approx(metrics, abs=1e-5)
    for part in ("weights", "ema"):
        torch.testing.assert_close(found[part], expected[part], **CLOSE)
    assert not torch.equal(expected["ema"]["head.out.weight"], expected["weights"]["head.out.weight"])


def test_progressive_unfreezing_holds_in_the_replicas(train, data_parallel) -> None:
    data_parallel(devices=3)
    strategy = {"name": "data_parallel", "devices": 3}

    def backbone(epochs: int) -> dict[str, torch.Tensor]:
        result = train(*SETTINGS, f"stages.finetune.epochs={epochs}", strategy=strategy)
        return {name: value for name, value in state_of(result.folder)["weights"].items() if "backbone" in name}

    import frame_small  # what `train` installed

    start, end = backbone(1), backbone(4)
    assert start.keys() == {f"backbone.{name}" for name in frame_small.Bone().state_dict()}
    assert not any(torch.equal(start[name], end[name]) for name in start)


def test_the_average_of_the_weights_follows_the_unwrapped_model(train, data_parallel) -> None:
    data_parallel(devices=2)
    result = train(*SETTINGS, "backbone.norm=true", strategy={"name": "data_parallel", "devices": 2})
    state = state_of(result.folder)
    import frame_small  # what `train` installed

    head = frame_small.Head(channels=(8, 8), strides=(2, 4), num_classes=1)
    names = {f"backbone.{name}" for name in frame_small.Bone(norm=True).state_dict()}
    names |= {f"head.{name}" for name in head.state_dict()}
    assert state["ema"].keys() == state["weights"].keys() == names
    # Buffers are the model's own: statistics of batches that the first replica saw.
    assert state["ema"]["backbone.norm.num_batches_tracked"] > 0
    assert torch.equal(state["ema"]["backbone.norm.running_mean"], state["weights"]["backbone.norm.running_mean"])
