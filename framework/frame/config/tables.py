"""The fixed tables of a config. Everything else in it belongs to components."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from frame.config.options import OfKind, Options, Part

Fraction = Annotated[float, Field(ge=0, lt=1)]


class RunTable(Options):
    """Table ``[run]``."""

    name: str | None = Field(default=None, pattern=r"^[\w.-]+$")
    """Name of the run and of its folder; without it, the config file's."""
    folder: Path = Path("runs")
    """Where run folders are made."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """All randomness of the run follows from it."""
    max_time: str | None = Field(default=None, pattern=r"^(\d+h)?(\d+m)?(\d+s)?$", min_length=2)
    """Time after which the run saves and stops, such as ``"11h30m"``; ``--resume`` goes on."""

    @property
    def max_seconds(self) -> float | None:
        """``max_time`` in seconds."""
        if self.max_time is None:
            return None
        units = {"h": 3600, "m": 60, "s": 1}
        return float(sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", self.max_time)))


class DataTable(Options):
    """Table ``[data]``, the part that holds for every data set."""

    size: int = Field(default=352, ge=16)
    """Side in pixels to which images and masks are resized for training; also images for validation."""
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """Processes that load data; ``0`` loads in the training process, ``"auto"`` takes one for each core, at most 8."""
    validation: float = Field(default=0.1, gt=0, lt=1)
    """Share of the training images held out for validation, unless the data set has a validation split."""
    validation_seed: int | None = Field(default=None, ge=0)
    """What is held out follows from it; without it from ``run.seed``, so that another seed holds out other images."""
    unreadable: Literal["raise", "skip"] = "raise"
    """What an image or mask that can't be read does: end the run, or be skipped and named. For one skipped in training
    the next of the set stands in, so that batches keep their sizes; in validation it is left out."""
    cache: bool | Path = False
    """Whether training images and masks are kept as they are before augmentation, decoded and resized, for later epochs
    and later runs: in a file that all processes map into memory, in ``~/.cache/frame`` or in the folder given. It takes
    4 bytes a pixel, half a megabyte an image at 352; what changes on the disk is read anew."""
    augmentation: Annotated[Part, OfKind("transform")] | None = None
    """What is done at random to each training sample; without it, nothing. ``false`` takes out a parent config's."""

    @field_validator("augmentation", mode="before")
    @classmethod
    def _taken_out(cls, value: object) -> object:
        return None if value is False else value


class TrainTable(Options):
    """Table ``[train]``."""

    stages: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Which stages are run, in this order; without it, all, as they stand in the file."""
    precision: Literal["fp32", "bf16", "fp16", "auto"] = "fp32"
    """``"bf16"`` and ``"fp16"`` run the model under autocast, fp16 with a gradient scaler; weights, losses and metrics
    stay float32. ``"auto"`` takes what the device does well: bf16 on a GPU that has it (A100, H100), fp16 on one that
    has not (T4), and on a CPU bf16 where a probe finds it faster than fp32."""
    channels_last: bool | Literal["auto"] = False
    """Whether images and weights lie in memory with the channels last. ``"auto"`` probes which is faster."""
    compile: bool | Literal["auto"] = False
    """Whether the model goes through ``torch.compile``. ``"auto"`` probes if the run is long enough for it to pay."""
    accumulation: int = Field(default=1, ge=1)
    """Batches whose gradients make one optimizer step."""
    clip: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient; without it, nothing is clipped."""
    non_finite: Literal["raise", "skip", "rollback"] = "raise"
    """What a loss or gradient that is not finite does: end the run, skip the step, or go back to the last checkpoint's
    weights and on with the next samples. In any case that step changes nothing."""
    weight_decay: float = Field(default=1e-4, ge=0)
    """AdamW's decay, of weights; norms and biases are spared."""
    ema: float | None = Field(default=None, gt=0, lt=1)
    """Decay of an average of the weights, such as 0.999; validation and the best checkpoint are then the average's."""
    patience: int | None = Field(default=None, ge=1)
    """Epochs without a better figure after which a stage ends; without it, none ends early."""
    keep: int = Field(default=1, ge=1)
    """How many of the newest checkpoints stay, beside the best."""
    save_every: int | None = Field(default=None, ge=1)
    """Optimizer steps between checkpoints within an epoch; without it, only each epoch's end has one."""
    init_from: Path | None = None
    """What the run starts from: a run's folder, of which the best checkpoint is taken, a checkpoint, or a file of
    weights (``.safetensors`` or ``.pth``)."""
    monitor: str | None = None
    """Validation figure that chooses the best checkpoint; without it, the first metric's."""
    monitor_mode: Literal["max", "min"] = "max"
    """Whether more of it is better."""

    def problems(self) -> list[str]:
        if self.init_from is not None and not self.init_from.exists():
            return [f"init_from: there is no {self.init_from} (looked at {self.init_from.absolute()})"]
        return []


class StageTable(Options):
    """Table ``[stages.<name>]``."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    """Images a batch, over all devices."""
    lr: float = Field(gt=0)
    """Highest learning rate of the stage."""
    min_lr: float = Field(default=0.0, ge=0)
    """Rate at the end of the stage, for schedulers that decay."""
    scheduler: Literal["cosine", "polynomial", "onecycle", "constant"] = "cosine"
    warmup: float = Field(default=0.0, ge=0)
    """Epochs in which the rate rises linearly to ``lr``."""
    frozen: tuple[Literal["backbone", "head"], ...] = ()
    """Parts that are not trained in this stage."""
    unfreeze: Literal["progressive"] | tuple[Fraction, ...] | None = None
    """``"progressive"``: the backbone's last stage is trained from the start, the last two from a third, all from two
    thirds of the stage on. Fractions say when each further backbone stage joins, the last one first."""
    backbone_lr_scale: float = Field(default=1.0, gt=0)
    """The backbone's rate as a share of the head's, all the time."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> StageTable:
        if self.min_lr > self.lr:
            raise ValueError(f"min_lr {self.min_lr:g} is above lr {self.lr:g}")
        if self.unfreeze is not None and "backbone" in self.frozen:
            raise ValueError("unfreeze and frozen = ['backbone'] contradict each other: take one out")
        if set(self.frozen) == {"backbone", "head"}:
            raise ValueError("frozen: with backbone and head both frozen there is nothing to train")
        if "head" in self.frozen and isinstance(self.unfreeze, tuple) and self.unfreeze[:1] != (0,):
            raise ValueError("unfreeze: with the head frozen it must begin with 0, or nothing is trained")
        if isinstance(self.unfreeze, tuple) and list(self.unfreeze) != sorted(self.unfreeze):
            raise ValueError("unfreeze: fractions must rise")
        return self


class PluginsTable(Options):
    """Table ``[plugins]``."""

    require: tuple[str, ...] = ()
    """Distributions that must be installed, such as ``"frame-acme>=1.2"``."""


class LossTable(Options):
    """What holds for every loss in ``[losses.<label>]``."""

    weight: float = Field(default=1.0, ge=0)
    """Its share in the sum that is trained on."""
