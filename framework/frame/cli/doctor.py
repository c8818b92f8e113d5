"""``frame doctor``: versions, devices, plugins, and what is wrong."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from frame.cli.common import aligned, catalog_of, command_parser
from frame.plugin.errors import UserError
from frame.plugin.host import own_version
from frame.plugin.provenance import OWN_DISTRIBUTION

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def parser() -> ArgumentParser:
    arguments = command_parser("doctor", "Report versions, devices and plugins, and what is wrong with them.")
    arguments.add_argument("--json", action="store_true", help="for programs")
    return arguments


def command(args: Namespace) -> int:
    faults: list[str] = []
    report = {
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        OWN_DISTRIBUTION: own_version(),
        **_dependencies(faults),
        "devices": _devices(faults),
        "plugins": _plugins(args, faults),
    }
    if args.json:
        print(json.dumps({**report, "faults": faults}, indent=2))
    else:
        print(aligned(list(report.items())))
        print("\n".join(f"fault: {fault}" for fault in faults) or "nothing is wrong")
    return 1 if faults else 0


def _dependencies(faults: list[str]) -> dict[str, str]:
    """Versions of what Frame is built on, against what it asks for."""
    from packaging.requirements import Requirement

    found = {}
    for text in requires(OWN_DISTRIBUTION) or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found[requirement.name] = version(requirement.name)
        except PackageNotFoundError:
            found[requirement.name] = "missing"
            faults.append(f"{requirement.name} is missing: pip install '{text}'")
            continue
        if not requirement.specifier.contains(found[requirement.name], prereleases=True):
            faults.append(f"{requirement.name} {found[requirement.name]} is installed: pip install '{text}'")
    return found


def _devices(faults: list[str]) -> str:
    try:
        import torch
    except Exception as error:  # noqa: BLE001  (any failure of the import is what the doctor looks for)
        faults.append(f"torch can't be imported: {error}")
        return "unknown"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("Apple GPU (mps)")
    if torch.xpu.is_available():
        names += [torch.xpu.get_device_name(index) for index in range(torch.xpu.device_count())]
    return ", ".join([*names, f"CPU with {torch.get_num_threads()} threads"])


def _plugins(args: Namespace, faults: list[str]) -> str:
    try:
        plugins = catalog_of(args).plugins
    except UserError as error:
        faults.append(str(error))
        return "not loaded"
    faults += [f"{plugin} is broken: {plugin.cause}" for plugin in plugins if plugin.state == "broken"]
    return ", ".join(f"{plugin.name} ({plugin.source}, {plugin.state})" for plugin in plugins)
