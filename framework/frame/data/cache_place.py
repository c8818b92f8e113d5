"""Where a run's cache lies, whether it fits there, and what to say of it."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import sys
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

import frame.data
from frame.data.cache import Cache
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from frame.config.run import Run
    from frame.data.pipeline import Subset


def cache_of(run: Run, train: Subset) -> tuple[Cache | None, list[str]]:
    """The cache that ``data.cache`` asks for, and lines to tell; none where it would have no effect.

    Raises
    ------
    UserError
        If it can't be written, or its disk has no room for what is not in it yet.
    """
    if run.data.cache is False:
        return None, []
    dataset: Any = train.dataset
    if getattr(dataset, "fresh", False):
        return None, ["warning data.cache has no effect: the data set makes new images in every epoch"]
    if not hasattr(dataset, "files"):
        name = run.dataset.name
        return None, [f'warning data.cache has no effect: data set "{name}" has no files(index) to say what to keep']
    folder = default_folder() if run.data.cache is True else run.data.cache.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        cache = Cache(folder / _name(run, dataset), dataset.files, len(dataset), run.data.size)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UserError(
            f"data.cache: {error.filename or folder} can't be written ({error.strerror or error}); "
            'name another folder, data.cache = "DIR", or set it to false'
        ) from None
    indices = range(len(dataset)) if train.indices is None else train.indices
    filled = cache.filled(indices)
    whole, missing = (count * cache.entry_bytes for count in (len(indices), len(indices) - filled))
    if missing > free:
        raise UserError(
            f"data.cache: {folder} has {_size(free)} free, and the cache needs {_size(missing)} more; "
            'name another folder, data.cache = "DIR", or set it to false'
        )
    state = "filled in the first epoch" if not filled else f"{filled} of {len(indices)} images are there"
    return cache, [f"cache   {cache.path}.data, {_size(whole)}; {state}"]


def default_folder() -> Path:
    """Where caches lie unless a config says it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "frame"


def _name(run: Run, dataset: Any) -> str:
    """Of the cache of these settings: whatever an entry depends on beside the state of its own files."""
    settings = [
        run.dataset.as_table(),
        os.path.abspath(next(iter(dataset.files(0)))),  # noqa: PTH100  (a relative root means another in each folder)
        cv2.__version__,
        _source(frame.data),
        *(_source(part.entry.load_target()) for part in run.dataset.walk() if part.entry),
    ]
    told = blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()
    return f"{run.dataset.name.replace('/', '-')}-{run.data.size}-{told}"


def _source(found: Any) -> str:
    """A digest of the code of the package, or of the single file, that a class or module is from."""
    module = sys.modules.get(getattr(found, "__module__", found.__name__))
    top = sys.modules.get(module.__name__.partition(".")[0]) if module and module is not found else module
    try:
        file = Path(inspect.getfile(top or found))
    except (TypeError, OSError):  # made in a notebook
        return ""
    files = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
    return blake2b(b"\0".join(each.read_bytes() for each in files), digest_size=16).hexdigest()


def _size(count: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count / 1e3:.0f} kB"
