from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import torch
import torch.multiprocessing as mp
from torch import distributed

from frame import Prediction, UserError
from frame_losses.balance import Balance

if TYPE_CHECKING:
    from pathlib import Path

IMAGES, EXPERTS, TOP_K = 32, 5, 2
NO_MASK = torch.zeros(1)


def routed(*logits: torch.Tensor) -> Prediction:
    """What a head leaves of a routing: probabilities and the ``TOP_K`` experts chosen, for each layer."""
    extras = {}
    for layer, each in enumerate(logits):
        probability = each.softmax(dim=1)
        chosen = torch.zeros_like(probability).scatter(1, probability.topk(TOP_K).indices, 1.0)
        extras |= {f"router.{layer}": probability, f"load.{layer}": chosen.detach()}
    return Prediction(torch.zeros(len(logits[0]), 1, 4, 4), extras=extras)


def test_it_is_one_when_balanced_and_the_number_of_experts_when_one_does_all(loss):
    even = torch.eye(EXPERTS).repeat(4, 1)
    balanced = Prediction(NO_MASK, extras={"router.0": even, "load.0": even})
    one = torch.zeros(8, EXPERTS).index_fill(1, torch.tensor(0), 1.0)
    collapsed = Prediction(NO_MASK, extras={"router.0": one, "load.0": one})
    assert loss("balance")(balanced, NO_MASK) == pytest.approx(1)
    assert loss("balance")(collapsed, NO_MASK) == pytest.approx(EXPERTS)


def test_it_has_a_gradient_to_the_router(loss):
    logits = torch.randn(IMAGES, EXPERTS, requires_grad=True)
    loss("balance")(routed(logits), NO_MASK).backward()
    assert logits.grad.abs().sum() > 0


def test_descending_it_evens_the_load(loss):
    features = torch.randn(IMAGES, 16)
    router = torch.nn.Linear(16, EXPERTS)
    with torch.no_grad():
        router.bias.copy_(torch.tensor([4.0, 3.0, 0.0, 0.0, 0.0]))  # nearly all images go to the first two
    criterion = loss("balance")
    optimizer = torch.optim.SGD(router.parameters(), lr=1.0)

    def largest_share() -> float:
        load = routed(router(features)).extras["load.0"].sum(dim=0)
        return float(load.max() / load.sum())

    before = largest_share()
    for _ in range(200):
        optimizer.zero_grad()
        criterion(routed(router(features)), NO_MASK).backward()
        optimizer.step()
    assert before > 0.45
    assert largest_share() < 0.3


def biased(probability: torch.Tensor, bias: torch.Tensor) -> Prediction:
    """What a head with a selection bias leaves."""
    merit = probability + bias.detach()
    chosen = torch.zeros_like(probability).scatter(1, merit.topk(TOP_K).indices, 1.0)
    return Prediction(
        NO_MASK, extras={"router.0": probability, "load.0": chosen, "bias.0": bias.expand_as(probability)}
    )


def test_by_bias_the_optimizer_moves_the_bias_against_the_load_and_the_router_rests(loss):
    logits = (torch.randn(IMAGES, EXPERTS) + torch.tensor([2.0, 1.0, 0.0, 0.0, 0.0])).requires_grad_()
    bias = torch.nn.Parameter(torch.zeros(EXPERTS))
    criterion = loss("balance", "by=bias", "momentum=0.5")
    optimizer = torch.optim.AdamW([{"params": [bias], "lr": 0.01, "weight_decay": 0.0}])
    imbalances = []
    for _ in range(100):
        optimizer.zero_grad()
        value = criterion(biased(logits.softmax(dim=1), bias), NO_MASK)
        value.backward()
        optimizer.step()
        imbalances.append(value.item())
    assert logits.grad is None
    assert imbalances[0] > 1.2
    assert imbalances[-1] < 1.03
    assert bias[0] < bias[2]


def test_a_bias_that_is_not_there_is_met_with_the_remedy(loss):
    with pytest.raises(UserError, match=r"head\.selection_bias = true"):
        loss("balance", "by=bias")(routed(torch.randn(IMAGES, EXPERTS)), NO_MASK)


def test_layers_count_the_same(loss):
    first, second = torch.randn(IMAGES, EXPERTS), torch.randn(IMAGES, 3)
    apart = [loss("balance")(routed(each), NO_MASK) for each in (first, second)]
    torch.testing.assert_close(loss("balance")(routed(first, second), NO_MASK), sum(apart) / 2)


def test_layers_may_have_favourites_unless_each_is_balanced_for_itself(loss):
    extras = {}
    for layer in range(2):
        one = torch.zeros(8, 2).index_fill(1, torch.tensor(layer), 1.0)
        extras |= {f"router.{layer}": one, f"load.{layer}": one}
    prediction = Prediction(NO_MASK, extras=extras)
    assert loss("balance")(prediction, NO_MASK) == pytest.approx(1)
    assert loss("balance", "per_level=true")(prediction, NO_MASK) == pytest.approx(2)


def test_the_share_is_a_running_mean(loss):
    criterion = loss("balance", "momentum=0.75")
    loads = [torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])]
    for load in loads:
        criterion(Prediction(NO_MASK, extras={"router.a": torch.full((1, 2), 0.5), "load.a": load}), NO_MASK)
    torch.testing.assert_close(criterion.shares["a"], torch.tensor([0.75, 0.25]))


def test_evaluation_counts_nothing(loss):
    criterion = loss("balance")
    criterion(routed(torch.randn(IMAGES, EXPERTS)), NO_MASK)
    before = criterion.shares["0"].clone()
    criterion.eval()(routed(torch.randn(IMAGES, EXPERTS)), NO_MASK)
    torch.testing.assert_close(criterion.shares["0"], before)


def test_the_running_shares_survive_a_checkpoint(loss):
    first, second = (routed(torch.randn(IMAGES, EXPERTS), torch.randn(IMAGES, 3)) for _ in range(2))
    kept, resumed = loss("balance"), loss("balance")
    kept(first, NO_MASK)
    file = io.BytesIO()
    torch.save(kept.state_dict(), file)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(resumed(second, NO_MASK), kept(second, NO_MASK))
    assert not torch.equal(loss("balance")(second, NO_MASK), kept(second, NO_MASK))


def test_a_state_taken_before_a_step_is_not_changed_by_it(loss):
    criterion = loss("balance")
    criterion(routed(torch.randn(IMAGES, EXPERTS)), NO_MASK)
    state = criterion.get_extra_state()
    before = state["0"].clone()
    criterion(routed(torch.randn(IMAGES, EXPERTS)), NO_MASK)
    assert torch.equal(state["0"], before)


def test_a_head_without_router_is_met_with_the_remedy(loss):
    with pytest.raises(UserError, match=r'head\.name = "moe"'):
        loss("balance")(Prediction(NO_MASK), NO_MASK)


def test_a_router_that_hides_its_load_is_named(loss):
    prediction = Prediction(NO_MASK, extras={"router.2": torch.full((1, 2), 0.5)})
    with pytest.raises(UserError, match=r"load\.2"):
        loss("balance")(prediction, NO_MASK)


def _rank(rank: int, folder: Path, logits: torch.Tensor) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    share = logits[: len(logits) // 4] if rank == 0 else logits[len(logits) // 4 :]
    share = share.clone().requires_grad_()
    (Balance()(routed(share), NO_MASK) * len(share) / len(logits)).backward()
    torch.save(share.grad, folder / f"{rank}.pt")
    distributed.destroy_process_group()


def test_uneven_processes_together_have_the_gradient_of_one(tmp_path, loss):
    logits = torch.randn(IMAGES, EXPERTS)
    mp.spawn(_rank, args=(tmp_path, logits), nprocs=2)
    together = torch.cat([torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)])
    alone = logits.clone().requires_grad_()
    loss("balance")(routed(alone), NO_MASK).backward()
    torch.testing.assert_close(together, alone.grad)
