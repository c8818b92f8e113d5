"""All of a run's state, to a checkpoint and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame.engine import checkpoint, randomness
from frame.engine.checkpoint import Content
from frame.engine.folder import versions
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from torch.amp import GradScaler
    from torch.optim import Optimizer

    from frame.engine.build import Built
    from frame.engine.ema import Ema
    from frame.engine.levers import Levers
    from frame.engine.progress import Progress


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
            On all processes, if the first could not write it.
        """
        run = self.built.run
        content = Content(
            weights=self.strategy.model_state_dict(self.module),
            ema=self._average(),
            state={
                "progress": progress.plain(),
                "optimizer": self.strategy.optimizer_state_dict(self.module, optimizer),
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
                "config": run.tables(),
                "versions": versions(run),
            },
        )
        path = self.folder / checkpoint.name(progress.global_step)
        failure = self._written(progress, content) if self.strategy.is_global_zero else None
        if failure := self.strategy.broadcast(failure):
            raise UserError(failure)
        return path

    def _written(self, progress: Progress, content: Content) -> str | None:
        """Write; returns what went wrong."""
        try:
            checkpoint.save(self.folder, progress.global_step, content)
        except UserError as error:
            return str(error)
        checkpoint.keep(self.folder, self.built.run.train.keep, progress.best)
        return None

    def _average(self) -> dict[str, Any] | None:
        """The model's state dict with averaged parameters."""
        if self.ema is None:
            return None
        with self.ema.applied():  # what is on the CPU is not copied by itself
            return {name: value.clone() for name, value in self.strategy.model_state_dict(self.module).items()}

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
        self.strategy.load_optimizer_state_dict(self.module, optimizer, content.state["optimizer"])
        self.built.objective.load_state_dict(content.state["losses"])
        self.built.objective.to(self.strategy.root_device)
