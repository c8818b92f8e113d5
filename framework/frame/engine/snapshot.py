"""All of a run's state, to a checkpoint and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame.engine import checkpoint, randomness
from frame.engine.checkpoint import Content
from frame.engine.folder import versions

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
        """Write a checkpoint, keep the newest and the best, and return its folder."""
        run = self.built.run
        content = Content(
            weights=self.strategy.model_state_dict(self.module),
            ema=self.ema.state_dict() if self.ema else None,
            state={
                "progress": progress.plain(),
                "optimizer": self.strategy.optimizer_state_dict(self.module, optimizer),
                "losses": self.built.objective.state_dict(),
                "levers": list(self.levers),
                "scaler": self.scaler.state_dict(),
                "random": randomness.capture(),
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
        if self.strategy.is_global_zero:
            checkpoint.save(self.folder, progress.global_step, content)
            checkpoint.keep(self.folder, run.train.keep, progress.best)
        return path

    def restore(self, content: Content, optimizer: Optimizer) -> None:
        """Take everything back from a checkpoint, the generators' states last."""
        self._restore_parts(content, optimizer)
        if content.state.get("scaler"):  # that of a run in another precision is empty
            self.scaler.load_state_dict(content.state["scaler"])
        randomness.restore(content.state["random"])

    def roll_back(self, optimizer: Optimizer) -> bool:
        """Take weights, average, moments and losses' states back from the newest whole checkpoint, if there is one."""
        for path in checkpoint.newest(self.folder):
            try:
                content = checkpoint.load(path)
            except checkpoint.DamagedError:
                continue
            self._restore_parts(content, optimizer)
            return True
        return False

    def _restore_parts(self, content: Content, optimizer: Optimizer) -> None:
        self.strategy.load_model_state_dict(self.module, content.weights)
        if self.ema is not None:
            state: dict[str, Any] = content.state
            self.ema.load(content.ema or content.weights, state["ema_updates"])
        self.strategy.load_optimizer_state_dict(self.module, optimizer, content.state["optimizer"])
        self.built.objective.load_state_dict(content.state["losses"])
        self.built.objective.to(self.strategy.root_device)
