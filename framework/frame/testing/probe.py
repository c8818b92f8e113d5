"""What importing a plugin does to a process, found out in one of its own.

``python -m frame.testing.probe`` reads a request and writes a report, both JSON: first the plugin is loaded and asked
for its components, then their options are imported, then, torch being there, their targets.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
import sys
import warnings
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from frame.plugin.catalog import Catalog

HEAVY = ("torch", "torchvision", "numpy", "scipy", "cv2", "PIL", "timm", "albumentations", "matplotlib", "pandas")
LIBRARIES = ("torch", "numpy", "cv2")
OTHERS = (
    "LD_LIBRARY_PATH",
    "QT_QPA_FONTDIR",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
    "TORCHINDUCTOR_CACHE_DIR",
    "TRITON_CACHE_DIR",
)
"""Environment variables that OpenCV sets when it is imported, and torch when a part of it is first used."""
PATIENCE = 300.0  # seconds


@lru_cache(maxsize=64)
def report_of(plugin: str, files: tuple[Path, ...], others: tuple[str, ...]) -> dict[str, Any]:
    """The report on one plugin, the others blocked; made once a process."""
    request = {"plugin": plugin, "files": list(map(str, files)), "others": others, "path": sys.path}
    command = [sys.executable, "-m", "frame.testing.probe"]
    environment = _first_environment() | {"PYTHONPATH": os.pathsep.join([*filter(None, sys.path)])}
    done = subprocess.run(  # noqa: S603  (this interpreter, this module)
        command,
        input=json.dumps(request),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _first_environment() -> dict[str, str]:
    """The environment that this process was started with, before a plugin that is loaded here may have changed it."""
    try:
        lines = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:  # no Linux
        return dict(os.environ)
    return {name: value for name, _, value in (os.fsdecode(line).partition("=") for line in lines if b"=" in line)}


def report_on(plugins: Catalog, plugin: str, files: Sequence[Path]) -> dict[str, Any]:
    """:func:`report_of` a plugin of a catalog."""
    others = {each.name for each in plugins.plugins if each.name != plugin and not each.source.is_file}
    own = tuple(path for path in map(Path, files) if path.stem == plugin)
    return report_of(plugin, own, tuple(sorted(others)))


def _main() -> None:
    request = json.loads(sys.stdin.read())
    sys.path[:] = request["path"]
    report: dict[str, Any] = {"registration": [], "said": {}, "changed": {}, "options": {}}
    out = sys.stdout
    with _watched(report, "the plugin"):
        from frame.plugin.catalog import catalog

        before = _heavy()
        found = catalog(request["others"], [Path(file) for file in request["files"]])
        report["registration"] = sorted(_heavy() - before)
    entries = [entry for entry in found.entries() if entry.plugin.name == request["plugin"]]
    for entry in entries:
        before = _heavy()
        module = (entry.component.options or "").partition(":")[0]
        if module and module not in report["options"]:
            with _watched(report, module), contextlib.suppress(Exception):  # another check tells what it raises
                import_module(module)
            report["options"][module] = sorted(_heavy() - before)
    _import_libraries()
    for module in dict.fromkeys(entry.component.target.partition(":")[0] for entry in entries):
        with _watched(report, module), contextlib.suppress(Exception):
            import_module(module)
    out.write(f"\n{json.dumps(report)}\n")


def _heavy() -> set[str]:
    return {name for name in HEAVY if name in sys.modules}


def _import_libraries() -> None:
    """What they do when they are imported is not the plugin's doing."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            import_module(name)


@contextlib.contextmanager
def _watched(report: dict[str, Any], what: str) -> Iterator[None]:
    """Note what is printed inside, and what is changed for the whole process."""
    said, before = io.StringIO(), _state()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # most are of libraries that the plugin imports
        yield
    if text := said.getvalue().strip():
        report["said"][what] = text.splitlines()[0]
    after = _state()
    new_library = {name for name in after if name not in before and "environment" not in name}
    changed = [name for name in after if name not in new_library and after[name] != before.get(name)]
    if changed:
        report["changed"][what] = changed


def _state() -> dict[str, Any]:
    """What is one for the whole process, by what a person would call it."""
    state: dict[str, Any] = {
        f"the environment variable {name}": value for name, value in os.environ.items() if name not in OTHERS
    }
    state["Python's random state"] = random.getstate()
    state["the working folder"] = str(Path.cwd())
    if "numpy" in sys.modules:
        import numpy as np

        state["numpy's random state"] = str(np.random.get_state())  # noqa: NPY002  (the global one is meant)
    if "torch" in sys.modules:
        import torch

        from frame.testing.state import torch_settings

        state["torch's random state"] = torch.get_rng_state().tolist()
        state |= {f"torch's setting of {name}": value for name, value in torch_settings().items()}
    return state


if __name__ == "__main__":
    _main()
