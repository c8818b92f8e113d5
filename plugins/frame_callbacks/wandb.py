"""Weights & Biases, by its own library."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from frame import UserError
from frame_callbacks.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frame.contracts.callback import RunInfo
    from frame_callbacks.sheet import Picture


class Wandb(Tracker):
    """A run of Weights & Biases. A resumed run goes on under the same id."""

    def __init__(
        self,
        *,
        project: str = "frame",
        entity: str | None = None,
        mode: Literal["online", "offline"] | None = None,
        every: int = 10,
        images: int = 4,
    ) -> None:
        super().__init__(every=every, images=images)
        self.project = project
        self.entity = entity
        self.mode = mode
        self._run: Any = None

    @property
    def destination(self) -> str:
        return f"wandb {self.entity or ''}/{self.project}"

    def open(self, run: RunInfo, known: str | None) -> str:
        wandb: Any = import_module("wandb")
        try:
            self._run = wandb.init(
                project=self.project,
                entity=self.entity,
                mode=self.mode,
                id=known,
                resume="allow" if known else None,
                name=run.name,
                dir=str(run.folder),
                config=dict(run.config),
                settings=wandb.Settings(console="off"),  # what is printed is Frame's, bars and all
            )
        except wandb.errors.UsageError as error:  # nobody is logged in
            raise UserError(
                f'callback "wandb": {str(error).splitlines()[0]}; run \'wandb login\', or set mode = "offline"'
            ) from error
        return str(self._run.id)

    def write(self, figures: Mapping[str, float], global_step: int) -> None:
        self._run.log(dict(figures), step=global_step)

    def picture(self, picture: Picture, caption: str, global_step: int) -> None:
        image = import_module("wandb").Image(picture, caption=caption)
        self._run.log({"samples": image}, step=global_step)

    def close(self, *, ended: bool) -> None:
        self._run.finish(exit_code=0 if ended else 1)

    def artifacts(self) -> Mapping[str, Path]:
        return {"wandb": Path(self._run.dir).parent} if self._run is not None else {}
