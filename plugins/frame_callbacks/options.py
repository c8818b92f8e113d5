"""Options of the built-in callbacks."""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar, Literal

from pydantic import Field

from frame import Options


class TerminalOptions(Options):
    bars: Literal["auto", "on", "off"] = "auto"
    """Progress bars; ``"auto"``: on a terminal and in a notebook."""
    interval: float = Field(default=15.0, gt=0)
    """Seconds between the lines within an epoch, where there are no bars."""


class HistoryOptions(Options):
    every: int = Field(default=10, ge=1)
    """A record of every so many optimizer steps; epochs are always recorded."""


class PicturesOptions(Options):
    images: int = Field(default=8, ge=1, le=64)
    """How many validation samples to show: the first ones."""
    height: int = Field(default=160, ge=32, le=1024)
    """Height of each picture on the sheet, in pixels."""


class TrackerOptions(Options):
    library: ClassVar[str]
    """The package that it needs, which the extra of the same name brings."""

    every: int = Field(default=10, ge=1)
    """Tell loss and rates of every so many optimizer steps; epochs are always told."""
    images: int = Field(default=4, ge=0, le=64)
    """How many validation samples to show of each best epoch: the first ones."""

    def problems(self) -> list[str]:
        spec = find_spec(self.library)
        if spec is not None and spec.origin is not None:  # the folder that a tracker writes to has the library's name
            return []
        return [f"{self.library} is not installed: pip install 'frame-seg[{self.library}]'"]


class TensorBoardOptions(TrackerOptions):
    library = "tensorboard"


class WandbOptions(TrackerOptions):
    library = "wandb"

    project: str = Field(default="frame", min_length=1)
    """The project that the run belongs to."""
    entity: str | None = None
    """The user or team; your own by default."""
    mode: Literal["online", "offline"] | None = None
    """``"offline"`` writes to the run folder, for ``wandb sync``; by default as ``WANDB_MODE`` says, or online."""


class MlflowOptions(TrackerOptions):
    library = "mlflow"

    tracking_uri: str | None = None
    """The server, as ``"http://127.0.0.1:5000"``, or a data base, as ``"sqlite:///mlflow.db"``; by default as
    ``MLFLOW_TRACKING_URI`` says, or what MLflow takes by itself."""
    experiment: str = Field(default="frame", min_length=1)
    """The experiment that the run belongs to; it is made if there is none."""
