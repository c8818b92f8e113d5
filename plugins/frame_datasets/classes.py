"""Options of data sets with many classes. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from frame import Options

Byte = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Byte, Byte, Byte]
Kind = Literal["background", "moth", "snake", "starfish"]
MOST = 254  # indices that are left beside 255, which is ignored, and one for what is wrong


class ClassOptions(Options):
    """What masks of classes say."""

    as_trained: ClassVar[tuple[str, ...]] = ("classes", "palette", "ignore")

    classes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Names of the classes, the background first, as ``["background", "cat", "dog"]``: a mask's pixel holds the place
    of its class in this list, counted from 0, and 255 is ignored. Without it masks tell object and background."""
    palette: tuple[Colour, ...] | None = None
    """Red, green and blue of each class, ``[[0, 0, 0], [128, 0, 0], [0, 128, 0]]``, for masks that tell the classes by
    their colours. Without it a mask holds indices, grey or with a palette of its own."""
    ignore: Literal["others"] | tuple[Annotated[int, Field(ge=0, lt=2**16)] | Colour, ...] = ()
    """Indices, or colours if there is a palette, that are ignored as 255 is; ``"others"``: all that are no class.
    Without it they are an error that names the file."""

    @field_validator("classes")
    @classmethod
    def _are_several(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(classes) == 1:
            raise ValueError(f'one class makes no choice: name the background too, ["background", "{classes[0]}"]')
        if len(classes) > MOST:
            raise ValueError(f"{len(classes)} classes: masks of 8 bits hold {MOST} at most")
        if repeated := sorted({name for name in classes if classes.count(name) > 1}):
            raise ValueError(f"named twice: {', '.join(repeated)}")
        return classes

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.classes:
            if self.palette is not None or self.ignore:
                raise ValueError("palette and ignore are for masks of many classes: name them in classes")
            return self
        if self.palette is not None and len(self.palette) != len(self.classes):
            raise ValueError(f"palette: {len(self.palette)} colours for {len(self.classes)} classes: give one for each")
        if self.palette is not None and len(set(self.palette)) < len(self.palette):
            raise ValueError("palette: two classes have one colour")
        self._check_ignored()
        return self

    def _check_ignored(self) -> None:
        if self.ignore == "others":
            return
        kind = int if self.palette is None else tuple
        if wrong := [key for key in self.ignore if not isinstance(key, kind)]:
            what = "colours need a palette" if kind is int else "with a palette, give colours"
            raise ValueError(f"ignore: {_shown(wrong[0])} does not fit: {what}")
        known = range(len(self.classes)) if self.palette is None else self.palette
        if both := [key for key in self.ignore if key in known]:
            raise ValueError(f"ignore: {_shown(both[0])} is a class")


def _shown(key: int | Colour) -> str:
    return str(key if isinstance(key, int) else list(key))
