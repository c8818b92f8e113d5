"""The router's probabilities, weights and choice."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from frame_heads.router import Router


def router(**options: Any) -> Router:
    return Router(**{"channels": 16, "experts": 7, "top_k": 3, "temperature": 1.0, "noise": 0.0, **options})


def test_probabilities_and_weights_sum_to_one() -> None:
    routing = router()(torch.randn(5, 16, 6, 4))
    torch.testing.assert_close(routing.probabilities.sum(1), torch.ones(5))
    torch.testing.assert_close(routing.weights.sum(1), torch.ones(5))


def test_the_most_probable_experts_are_chosen_in_proportion() -> None:
    _, probabilities, weights, load = router()(torch.randn(5, 16, 6, 4))
    assert load.sum(1).tolist() == [3.0] * 5
    least_chosen = probabilities.where(load > 0, torch.inf).amin(1)
    assert (least_chosen >= probabilities.where(load == 0, -torch.inf).amax(1)).all()
    chosen = probabilities * load
    torch.testing.assert_close(weights, chosen / chosen.sum(1, keepdim=True))


@pytest.mark.parametrize("top_k", [1, 3])
def test_the_weights_teach_the_router(top_k: int) -> None:
    module = router(top_k=top_k)
    weights = module(torch.randn(4, 16, 6, 4)).weights
    (weights * torch.randn(7)).sum().backward()
    assert module.linear.weight.grad is not None
    assert module.linear.weight.grad.abs().max() > 1e-6


def test_the_probabilities_teach_the_router_but_the_load_cannot() -> None:
    module = router()
    routing = module(torch.randn(4, 16, 6, 4))
    assert not routing.load.requires_grad
    (routing.load.mean(0) * routing.probabilities.mean(0)).sum().backward()
    assert module.linear.weight.grad is not None
    assert module.linear.weight.grad.abs().max() > 1e-8


def test_everything_is_float32_under_autocast_and_unchanged_by_it() -> None:
    module, x = router(), torch.randn(4, 16, 6, 4)
    plain = module(x)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = module(x)
    for expected, got in zip(plain, mixed, strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, expected)


def test_a_bfloat16_map_is_routed_in_float32() -> None:
    assert router()(torch.randn(2, 16, 6, 4).bfloat16()).probabilities.dtype == torch.float32


def test_a_selection_bias_chooses_but_counts_nothing() -> None:
    module, x = router(selection_bias=True), torch.randn(5, 16, 6, 4)
    before = module(x)
    with torch.no_grad():
        module.bias[4] = 1.0  # more than any probability
        module.bias[2] = -1.0
    _, probabilities, weights, load = module(x)
    assert torch.equal(probabilities, before.probabilities)
    assert load[:, 4].tolist() == [1.0] * 5
    assert load[:, 2].tolist() == [0.0] * 5
    chosen = probabilities * load
    torch.testing.assert_close(weights, chosen / chosen.sum(1, keepdim=True))
    (weights * torch.randn(7)).sum().backward()
    assert module.bias.grad is None


@pytest.mark.parametrize("training", [True, False])
def test_an_expert_that_is_off_is_never_chosen_whatever_its_bias(training: bool) -> None:
    module, x = router(selection_bias=True, dense_warmup=0.5).train(training), torch.randn(5, 16, 6, 4)
    with torch.no_grad():
        module.bias[4] = 1.0
    module.off = [4]
    routing = module(x)
    assert routing.load[:, 4].tolist() == [0.0] * 5
    assert routing.load.sum(1).ge(3).all()
    torch.testing.assert_close(routing.weights.sum(1), torch.ones(5))
    module.off = [0, 1, 2, 3, 4]  # fewer are left than are wanted
    routing = module(x)
    assert routing.load.tolist() == [[0.0] * 5 + [1.0] * 2] * 5
    torch.testing.assert_close(routing.weights.sum(1), torch.ones(5))


@pytest.mark.parametrize("top_k", [1, 3])
def test_the_warm_up_is_dense_in_training_until_its_share_of_the_run_is_done(top_k: int) -> None:
    module, x = router(dense_warmup=0.25, top_k=top_k), torch.randn(4, 16, 6, 4)
    module.set_progress(0.2)
    routing = module(x)
    assert routing.load.eq(1).all()
    torch.testing.assert_close(routing.weights, routing.probabilities)
    assert module.eval()(x).load.sum(1).tolist() == [top_k] * 4
    module.train().set_progress(0.25)
    assert module(x).load.sum(1).tolist() == [top_k] * 4
    module.set_progress(0.0)  # as after a step back
    assert module(x).load.eq(1).all()


def test_where_the_run_is_is_no_part_of_a_checkpoint() -> None:
    assert router(dense_warmup=0.5).state_dict().keys() == router().state_dict().keys()


def test_the_softmax_is_that_of_the_scores() -> None:
    routing = router(temperature=0.5)(torch.randn(4, 16, 6, 4))
    torch.testing.assert_close(routing.scores.softmax(1), routing.probabilities)


def test_temperature_flattens_the_probabilities() -> None:
    module, x = router(), torch.randn(4, 16, 6, 4) * 10
    sharp = module(x).probabilities.amax(1)
    module.temperature = 10.0
    assert (module(x).probabilities.amax(1) < sharp).all()


def test_noise_is_for_training_only() -> None:
    module, x = router(noise=1.0), torch.randn(4, 16, 6, 4)
    assert not torch.equal(module(x).probabilities, module(x).probabilities)
    module.eval()
    assert torch.equal(module(x).probabilities, module(x).probabilities)
