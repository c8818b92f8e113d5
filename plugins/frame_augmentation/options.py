"""Options of the built-in augmentation."""

from __future__ import annotations

from pydantic import JsonValue, field_validator

from frame import Options


class AlbumentationsOptions(Options):
    transforms: tuple[dict[str, JsonValue], ...] | None = None
    """Transforms in order, each a table with the ``name`` of an albumentations class and that class's own parameters:
    ``transforms = [{name = "HorizontalFlip"}, {name = "ColorJitter", brightness = 0.2, p = 0.5}]``. Groups hold
    tables of their own: ``{name = "OneOf", transforms = [...], p = 0.3}``. A ``size``, ``height`` or ``width`` that a
    transform asks for is the training size unless given. Without it: what suits camouflaged objects."""

    @field_validator("transforms")
    @classmethod
    def _named(cls, tables: tuple[dict[str, JsonValue], ...] | None) -> tuple[dict[str, JsonValue], ...] | None:
        for index, table in enumerate(tables or ()):
            if not isinstance(table.get("name"), str):
                text = f'entry {index} needs the name of a transform, such as name = "HorizontalFlip"'
                raise ValueError(text)  # noqa: TRY004  (what pydantic reports)
        return tables
