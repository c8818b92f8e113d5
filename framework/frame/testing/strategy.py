"""Checks of strategies."""

from __future__ import annotations

import inspect
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch

from frame.contracts.strategy import Strategy
from frame.data.pipeline import (
    Subset,
    TrainingSamples,
    ValidationSamples,
    batches,
    training_loader,
    validation_loader,
)
from frame.testing.case import Case, Subject
from frame.testing.elsewhere import call_elsewhere, ranks
from frame.testing.outcome import CheckFailedError, CheckSkippedError, fail, failing, told
from frame.testing.runs import small_run, weights
from frame.testing.tiny import Bone, Squares

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REPORTS: dict[str, list[dict[str, Any]]] = {}
UNEVEN = 7
"""Samples, for batches of 3."""
CLOSE: Any = {"rtol": 1e-4, "atol": 1e-5}
"""Sums in another order; AdamW magnifies them."""


def check_it_is_a_strategy(subject: Subject) -> None:
    """What is built is a ``frame.Strategy``, whose methods take what Frame gives them."""
    built = subject.build()
    if not isinstance(built, Strategy):
        fail(
            f"the target builds a {type(built).__name__}",
            "derive the class from frame.Strategy, whose methods have defaults",
        )
    for name, base in inspect.getmembers(Strategy, inspect.isfunction):
        own = getattr(type(built), name)
        if name.startswith("_") or own is base:
            continue
        wanted, given = inspect.signature(base).parameters, inspect.signature(own).parameters
        flexible = any(each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in given.values())
        if not flexible and (missing := [each for each in wanted if each not in given]):
            fail(f"{name} does not take {missing[0]!r}", f"give it the signature {inspect.signature(base)}")


def check_steps_equal_one_devices(subject: Subject) -> None:
    """A run's losses, batch sizes that don't divide included, and its weights are those of a run on one device."""
    for found, expected in _runs(subject):
        if [each[0] for each in found["log"]] != [each[0] for each in expected["log"]]:
            fail(
                f"a run takes {len(found['log'])} steps, on one device {len(expected['log'])}",
                "let setup_dataloader leave out no batch, the smaller last one neither",
            )
        for (step, loss), (_, known) in zip(found["log"], expected["log"], strict=True):
            if not torch.isclose(torch.tensor(loss), torch.tensor(known), **CLOSE):
                fail(
                    f"the loss of step {step} is {loss:.6g}, on one device {known:.6g}",
                    "give each sample the same weight, exchange gradients as means, and step the optimizer once",
                )
        for name, each in expected["weights"].items():
            if name not in found["weights"] or not torch.allclose(found["weights"][name], each, **CLOSE):
                fail(f"the weights after a run are others than on one device, such as {name}", "exchange all gradients")


def check_figures_over_uneven_sets(subject: Subject) -> None:
    """Validation counts each image once, however many there are, and its figures are those of one device."""
    for found, expected in _runs(subject):
        for (means, figures), (known_means, known) in zip(found["epochs"], expected["epochs"], strict=False):
            if figures.get("agreement/images") != known["agreement/images"]:
                fail(
                    f"validation counts {figures.get('agreement/images')} of {known['agreement/images']} images",
                    "leave out and repeat no sample when the set is shared out",
                )
            for name, value in {**known, **known_means}.items():
                own = {**figures, **means}.get(name, float("nan"))
                if not abs(own - value) <= 1e-3:
                    fail(f"figure {name!r} is {own:.4g}, on one device {value:.4g}", "merge counts, weigh by samples")


def check_every_sample_is_seen(subject: Subject) -> None:
    """Of a set that no batch size divides, all processes together see each sample once, in training and validation."""
    for reports in _processes(subject):
        seen = sum(each["trained"] for each in reports)
        if seen != UNEVEN:
            fail(
                f"an epoch of {UNEVEN} samples in batches of 3 sees {seen}",
                "let setup_dataloader leave out no batch, the smaller last one neither, and repeat none",
            )
        validated = sorted(name for each in reports for name in each["validated"])
        if validated != [f"train-{index}" for index in range(UNEVEN)]:
            fail(
                f"a validation of {UNEVEN} samples in batches of 3 sees {len(validated)}",
                "let setup_dataloader leave out and repeat no sample: the loader's batch_sampler can shard itself",
            )


def check_save_and_load(subject: Subject) -> None:
    """A run goes on from its own checkpoint, to the same weights as without the stop; names are the plain model's."""
    with _working():
        strategy = subject.build()
        strategy.setup_environment()
        try:
            model = Bone()
            names = set(model.state_dict())
            with failing("model_state_dict can't be had", "return the unwrapped model's state dict"):
                module = strategy.setup_module(model)
                state = strategy.model_state_dict(module)
            if set(state) != names:
                fail(f"model_state_dict names {sorted(set(state) ^ names)[0]!r}", "use the unwrapped model's names")
            if strange := [name for name, each in state.items() if each.device.type != "cpu"]:
                fail(f"model_state_dict leaves {strange[0]} on a device", "return tensors on the CPU")
            changed = {name: each + 1 for name, each in state.items()}
            with failing("load_model_state_dict fails on what model_state_dict gave", "let one be the other's inverse"):
                strategy.load_model_state_dict(module, changed)
            again = strategy.model_state_dict(module)
            if lost := [name for name in names if not torch.equal(again[name], changed[name])]:
                fail(f"{lost[0]} is not what was loaded", "copy into the weights that are trained")
        finally:
            strategy.teardown()
        whole, stopped = (_one(subject, subject.folder / name, epochs) for name, epochs in (("whole", 2), ("part", 1)))
        del stopped
        with failing("a run can't go on from its checkpoint", "let load_optimizer_state_dict take what was saved"):
            resumed = _one(subject, subject.folder / "part", 2, resume=True)
        for name, each in whole["weights"].items():
            if not torch.allclose(resumed["weights"][name], each, **CLOSE):
                fail("a run that goes on from a checkpoint ends with other weights", "save and load all of the moments")


def check_one_process_is_the_first(subject: Subject) -> None:
    """``is_global_zero`` is true in one process alone, and ranks run from 0 to ``world_size``."""
    for reports in _processes(subject):
        zeros = [each["rank"] for each in reports if each["is_global_zero"]]
        sizes = {each["world_size"] for each in reports}
        if zeros != [0]:
            fail(
                f"of {len(reports)} processes {len(zeros)} say that they are the first",
                "say so for global rank 0 alone",
            )
        if sizes != {len(reports)} or [each["rank"] for each in reports] != list(range(len(reports))):
            fail(f"{len(reports)} processes say that they are {sorted(sizes)}", "take rank and size from the launcher")


def check_what_processes_exchange(subject: Subject) -> None:
    """``all_gather``, ``all_reduce``, ``broadcast`` and decisions are right for the number of processes."""
    for reports in _processes(subject):
        size = len(reports)
        wanted = {
            "all_gather": list(range(size)),
            "sum": float(sum(range(size))),
            "mean": sum(range(size)) / size,
            "max": float(size - 1),
            "min": 0.0,
            "broadcast": 0,
            "all": size == 1,
            "any": True,
        }
        for report in reports:
            for name, value in wanted.items():
                if report["exchanged"][name] != value:
                    fail(
                        f"{name} of ranks 0 to {size - 1} is {report['exchanged'][name]}, not {value}",
                        "see frame.Strategy",
                    )


def check_evaluation_mode(subject: Subject) -> None:
    """``eval_module`` gives the model in evaluation, and each part's mode comes back after it."""
    with _working():
        strategy = subject.build()
        strategy.setup_environment()
        try:
            model = Bone()
            module = strategy.setup_module(model)
            module.train()
            strategy.unwrap(module).two.eval()
            with strategy.eval_module(module) as inner:
                if any(part.training for part in inner.modules()):
                    fail("a part of what eval_module gives is in training", "call eval() on the unwrapped model")
            found = strategy.unwrap(module)
            if not found.one.training or found.two.training:
                fail("after eval_module parts are in another mode than before", "put each part's flag back")
        finally:
            strategy.teardown()


CHECKS = (
    check_it_is_a_strategy,
    check_steps_equal_one_devices,
    check_figures_over_uneven_sets,
    check_every_sample_is_seen,
    check_save_and_load,
    check_one_process_is_the_first,
    check_what_processes_exchange,
    check_evaluation_mode,
)


@contextmanager
def _working() -> Iterator[None]:
    """Whatever is raised inside that a check does not look at is told by another one."""
    try:
        yield
    except (CheckFailedError, CheckSkippedError):
        raise
    except Exception as error:
        raise CheckSkippedError(f"a run with it fails, see check_steps_equal_one_devices ({told(error)})") from error


def _one(
    subject: Subject, folder: Path, epochs: int = 2, *, resume: bool = False, plain: bool = False
) -> dict[str, Any]:
    """What a run left, in this process: losses by step, figures by epoch, weights."""
    part = None if plain else subject.part
    result, log = small_run(subject.plugins, folder, strategy=part, epochs=epochs, resume=resume)
    if result is None:
        return {}
    steps = [each for each in log if isinstance(each[0], int)]
    return {"log": steps, "epochs": [each for each in log if not isinstance(each[0], int)], "weights": weights(result)}


def _runs(subject: Subject) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Runs with the strategy beside those on one device: in this process, then in two, if it is one of processes."""
    expected = _one(subject, subject.folder / "plain", plain=True)
    with failing("a run with it fails", "mend it; frame.Strategy has a default for every method"):
        found = _one(subject, subject.folder / "one")
    yield found, expected
    reports = _in_ranks(subject)
    if reports is not None:
        failed = [each["failed"] for each in reports if each["failed"]]
        if failed:
            own = next((each for each in failed if "OtherRankFailedError" not in each), failed[0])
            fail(f"a run in two processes fails: {own}", "mend it, or lack the capability 'processes'")
        yield reports[0]["run"], expected


def _processes(subject: Subject) -> Iterator[list[dict[str, Any]]]:
    """What each process says: of one, then of two."""
    with _working():
        yield [_report(subject)]
    reports = _in_ranks(subject)
    if reports is not None:
        yield reports


def _in_ranks(subject: Subject) -> list[dict[str, Any]] | None:
    """Reports of two processes, had once a case; ``None`` if the strategy is not one of several processes."""
    if "processes" not in subject.case.capabilities:
        return None
    environments = ranks(2)
    with patch.dict(os.environ, environments[0]):
        if type(subject.build()).world_size is Strategy.world_size:
            return None
    key = repr(subject.case)
    if key not in _REPORTS:
        with failing("two processes fail", "mend it, or lack the capability 'processes'"):
            _REPORTS[key] = call_elsewhere(_rank, subject.case, subject.folder / "ranks", environments=environments)
    return _REPORTS[key]


def _rank(case: Case, folder: Path) -> dict[str, Any]:
    """What one of several processes finds."""
    torch.set_num_threads(1)
    subject = Subject(case, folder)
    report = _report(subject)
    try:
        return {**report, "run": _one(subject, folder), "failed": ""}
    except Exception as error:  # noqa: BLE001  (told by the check that looks at runs)
        return {**report, "run": {}, "failed": told(error)}


def _report(subject: Subject) -> dict[str, Any]:
    """What the strategy says of this process, and what comes of exchanging its rank."""
    strategy: Strategy = subject.build()
    strategy.setup_environment()
    try:
        rank = strategy.global_rank
        value = torch.tensor(float(rank), device=strategy.root_device)
        operations: Any = ("sum", "mean", "max", "min")
        exchanged: dict[str, Any] = {each: strategy.all_reduce(value.clone(), each).item() for each in operations}
        exchanged["all_gather"] = strategy.all_gather(rank)
        exchanged["broadcast"] = strategy.broadcast(rank)
        exchanged["all"] = strategy.reduce_boolean_decision(rank == 0)
        exchanged["any"] = strategy.reduce_boolean_decision(rank == 0, all_=False)
        strategy.barrier()
        samples = Subset(Squares(split="train", images=UNEVEN, side=16))
        training = training_loader(TrainingSamples(samples, 16, None, seed=0), 3, 0, torch.device("cpu"))
        validation = validation_loader(ValidationSamples(samples, 16), 3, 0, torch.device("cpu"))
        shown = batches(strategy.setup_dataloader(validation))
        return {
            "trained": sum(len(batch.images) for batch in batches(strategy.setup_dataloader(training))),
            "validated": [sample.id for batch in shown for sample in batch.samples],
            "rank": rank,
            "world_size": strategy.world_size,
            "is_global_zero": strategy.is_global_zero,
            "exchanged": exchanged,
        }
    finally:
        strategy.teardown()
