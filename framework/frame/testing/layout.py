"""A folder for a data set that reads one: written by itself, from the samples of a tiny one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame.data.make import make
from frame.plugin.errors import UserError
from frame.testing.tiny import tiny_part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from frame.testing.case import Subject

COUNTS = {"train": 6, "test": 4}


def made_root(subject: Subject, given: Mapping[str, Any]) -> Path | None:
    """The folder, made once a subject; ``None`` if the options ask for no ``root``, or the data set writes none."""
    field = subject.options_class.model_fields.get("root") if subject.options_class else None
    if field is None or not field.is_required() or "root" in given:
        return None
    folder = subject.folder / "data"
    try:
        if not folder.exists():
            make(folder, subject.entry, tiny_part("dataset", "squares", side=48, images=8), COUNTS)
    except UserError:
        return None  # it can't write; the check says that a root has to be given
    except Exception:  # noqa: BLE001  (a check of its own tells what went wrong)
        return None
    return folder
