"""All of a run's state, to a checkpoint and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from frame.engine import randomness
from frame.engine.checkpoints import checkpoint
from frame.engine.checkpoints.checkpoint import Content
from frame.engine.folder import versions
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn
    from torch.amp import GradScaler
    from torch.optim import Optimizer

    from frame.engine.build import Built
    from frame.engine.ema import Ema
    from frame.engine.levers import Levers
    from frame.engine.progress import Progress

T = TypeVar("T")


class Snapshots:
    """Writes a run's checkpoints into ``folder`` and takes its parts back from one."""

    def __init__(
        self, built: Built, levers: Levers, module: nn.Module, ema: Ema | None, scaler: GradScaler, folder: Path
    ) -> None:
        self.strategy = built.strategy
        self.built = built
        self.levers = levers
        self.module = module
        self.ema = ema
        self.scaler = scaler
        self.folder = folder

    def save(self, progress: Progress, stage: str, figures: dict[str, float], optimizer: Optimizer) -> Path:
        """Write a checkpoint, keep the newest and the best, and return its folder. All processes have to call it.

        Raises
        ------
        UserError
            On all processes, if one could not write it.
        """
        form, step = self.strategy.checkpoints, progress.global_step
        if form != "portable":
            self._write_shards(step, optimizer)
        weights, ema, moments = self._parts(optimizer, full=True) if form != "sharded" else ({}, None, {})
        content = Content(
            weights=weights,
            ema=ema,
            state={
                "progress": progress.plain(),
                "optimizer": moments,
                "losses": self.built.objective.state_dict(),
                "levers": list(self.levers),
                "scaler": self.scaler.state_dict(),
                "random": self.strategy.all_gather(randomness.capture()),
                "ema_updates": self.ema.updates if self.ema else 0,
            },
            about={
                "position": {"stage": stage, "epoch": progress.epoch, "step": progress.step},
                "metrics": figures,
                "measured_on": "ema" if self.ema else "raw",
                "config": self.built.run.tables(),
                "classes": list(self.built.run.classes),
                "versions": versions(self.built.run),
            },
            in_shards=form != "portable",
        )
        self._first(lambda: self._write(progress, content))
        return self.folder / checkpoint.name(step)

    def _write(self, progress: Progress, content: Content) -> None:
        checkpoint.save(self.folder, progress.global_step, content)
        checkpoint.keep(self.folder, self.built.run.train.keep, progress.best)

    def _write_shards(self, step: int, optimizer: Optimizer) -> None:
        from frame.engine.checkpoints.shards import write_shards  # half a second of imports, that few runs need

        unfinished = self._first(lambda: checkpoint.begin(self.folder, step))
        write_shards(unfinished, *self._parts(optimizer, full=False))

    def _first(self, work: Callable[[], T]) -> T:
        """What the first process's ``work`` returns; what it raises for the user is raised by all."""
        found: T | UserError | None = None
        if self.strategy.is_global_zero:
            try:
                found = work()
            except UserError as error:
                found = error
        found = self.strategy.broadcast(found)
        if isinstance(found, UserError):
            raise found
        return cast("T", found)

    def _parts(
        self, optimizer: Optimizer, *, full: bool
    ) -> tuple[dict[str, Any], dict[str, Any] | None, dict[str, dict[str, Any]]]:
        """Weights, their average, and the optimizer's moments: ``full`` as for the strategy's state dicts."""
        ema, strategy = None, self.strategy
        if self.ema is not None:
            with self.ema.applied():  # what is on the CPU is not copied by itself
                average = strategy.model_state_dict(self.module, full=full)
                ema = {name: value.clone() for name, value in average.items()}
        moments = strategy.optimizer_state_dict(self.module, optimizer, full=full)
        return strategy.model_state_dict(self.module, full=full), ema, moments

    def restore(self, content: Content, optimizer: Optimizer) -> None:
        """Take everything back from a checkpoint, the generators' states last."""
        self._restore_parts(content, optimizer)
        if content.state.get("scaler"):  # that of a run in another precision is empty
            self.scaler.load_state_dict(content.state["scaler"])
        self._restore_randomness(content.state)

    def _restore_randomness(self, state: dict[str, Any]) -> None:
        """Each process takes its own generators' states; among another number of processes only the first does."""
        states, rank = state["random"], self.strategy.global_rank
        if rank == 0 or len(states) == self.strategy.world_size:
            randomness.restore(states[rank])
        else:
            seed, step = self.built.run.run.seed, state["progress"]["global_step"]
            randomness.seed(randomness.derived(seed, step, rank))

    def roll_back(self, optimizer: Optimizer) -> bool:
        """Take weights, average, moments and losses' states back from the newest whole checkpoint, if there is one."""
        found = checkpoint.newest_whole(self.folder) if self.strategy.is_global_zero else None
        path = self.strategy.broadcast(found and found[0])
        if path is None:
            return False
        self._restore_parts(found[1] if found else checkpoint.load(path), optimizer)
        return True

    def _restore_parts(self, content: Content, optimizer: Optimizer) -> None:
        self.strategy.load_model_state_dict(self.module, content.weights)
        if self.ema is not None:
            with self.ema.applied():
                self.strategy.load_model_state_dict(self.module, content.ema or content.weights)
            self.ema.updates = content.state["ema_updates"]
        try:
            self.built.objective.load_state_dict(content.state["losses"])
        except RuntimeError:
            raise UserError(
                "losses: the checkpoint is of a run with other losses that keep a state; set [losses] as they were, or "
                "begin anew with its weights by train.init_from"
            ) from None
        self.built.objective.to(self.strategy.root_device)
        self.strategy.load_optimizer_state_dict(self.module, optimizer, content.state["optimizer"])
