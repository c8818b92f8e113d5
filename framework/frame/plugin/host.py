"""The host: finds plugins, loads each inside a guard of its own, and asks it for its components."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from inspect import isclass
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from frame.plugin import hookspecs
from frame.plugin.component import Component, Kind
from frame.plugin.errors import UserError
from frame.plugin.provenance import OWN_DISTRIBUTION, Plugin, Source, frame_mismatch, normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

GROUP = "frame.plugins"


class PluginFaultError(Exception):
    """A plugin does not keep the contract; the message says how."""


def load_plugins(blocked: Iterable[str] = (), files: Sequence[Path] = ()) -> tuple[Plugin, ...]:
    """Find, load and question every plugin: entry points first, in order of name, then ``files``.

    ``blocked`` holds names of plugins or of distributions; ``FRAME_DISABLE_PLUGINS`` (separated by commas) adds to it,
    and ``FRAME_NO_PLUGINS=1`` blocks all that is not built in. A plugin that fails is returned as broken, with its
    cause; the others never notice.

    Raises
    ------
    UserError
        If two distributions use one plugin name, if a blocked name is not installed, or a file is not there.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    found = [(entry, Plugin(entry.name, source)) for entry, source in _installed()]
    by_flag = set(blocked)
    _refuse_unknown(by_flag, [plugin for _, plugin in found])
    found = [(entry, _blocked_or_not(plugin, by_flag | _names_in_environment())) for entry, plugin in found]
    _refuse_shared_names([plugin for _, plugin in found if plugin.state != "blocked"])
    plugins = [plugin if plugin.state == "blocked" else _load(manager, plugin, entry.load) for entry, plugin in found]
    for file in files:
        plugins.append(_load_file(manager, file, plugins))
    return tuple(plugins)


def _installed() -> list[tuple[EntryPoint, Source]]:
    """Entry points with their sources, by name and distribution. One distribution's metadata is parsed once."""
    sources: dict[int, Source] = {}
    found = []
    for entry in entry_points(group=GROUP):
        if entry.dist is None:  # made by hand, not read from metadata
            continue
        if (key := id(entry.dist)) not in sources:
            sources[key] = Source.of(entry.dist)
        found.append((entry, sources[key]))
    return sorted(found, key=lambda each: (each[0].name, each[1].name))


def _names_in_environment() -> set[str]:
    return {name.strip() for name in os.environ.get("FRAME_DISABLE_PLUGINS", "").split(",") if name.strip()}


def _blocked_or_not(plugin: Plugin, blocked: set[str]) -> Plugin:
    if plugin.name in blocked or plugin.source.name in {normalize(name) for name in blocked}:
        return replace(plugin, state="blocked", cause="blocked by --no-plugin or FRAME_DISABLE_PLUGINS")
    if os.environ.get("FRAME_NO_PLUGINS") == "1" and not plugin.source.is_builtin:
        return replace(plugin, state="blocked", cause="blocked by FRAME_NO_PLUGINS=1")
    return plugin


def _refuse_unknown(blocked: set[str], plugins: Sequence[Plugin]) -> None:
    known = {plugin.name for plugin in plugins} | {plugin.source.name for plugin in plugins}
    if unknown := sorted(name for name in blocked if name not in known and normalize(name) not in known):
        raise UserError(
            f"cannot block {', '.join(map(repr, unknown))}: no plugin or distribution of that name is installed; "
            f"installed plugins: {', '.join(sorted({plugin.name for plugin in plugins}))}"
        )


def _refuse_shared_names(plugins: Sequence[Plugin]) -> None:
    owners: dict[str, Source] = {}
    for plugin in plugins:
        owner = owners.setdefault(plugin.name, plugin.source)
        if owner is not plugin.source:
            other = owner if plugin.source.is_builtin else plugin.source
            raise UserError(
                f"two distributions install a plugin called {plugin.name!r}: {owner} and {plugin.source}; "
                f"uninstall one of them, or block it with --no-plugin {other.name}"
            )


def _load(manager: pluggy.PluginManager, plugin: Plugin, load: Callable[[], object]) -> Plugin:
    """Import one plugin, register it, drain its hooks; whatever goes wrong is its own."""
    components: list[tuple[Kind, Component]] = []
    try:
        if not plugin.source.is_builtin and (wanted := frame_mismatch(plugin.source.requires, own_version())):
            raise PluginFaultError(f"needs {wanted}, but this is {OWN_DISTRIBUTION} {own_version()}")  # noqa: TRY301
        _register(manager, plugin.name, load())
        components.extend(_offered(manager, plugin.name))  # keeps what came before a raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  (isolation is the purpose)
        return replace(plugin, state="broken", cause=_one_line(error), components=tuple(components))
    return replace(plugin, components=tuple(components))


def _register(manager: pluggy.PluginManager, name: str, module: object) -> None:
    """Register with pluggy and blame unknown hooks on this plugin at once."""
    if isclass(module):
        raise PluginFaultError(f"its entry point is the class {module.__name__}: name a module, or an instance")
    unmarked = [
        kind.hook
        for kind in Kind
        if callable(function := getattr(module, kind.hook, None)) and not hasattr(function, f"{hookspecs.PROJECT}_impl")
    ]
    if unmarked:
        raise PluginFaultError(f"{', '.join(unmarked)} lacks the decorator @hookimpl")
    try:
        manager.register(module, name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        if manager.has_plugin(name):
            manager.unregister(name=name)
        raise PluginFaultError(str(error)) from error


def _offered(manager: pluggy.PluginManager, name: str) -> Iterator[tuple[Kind, Component]]:
    """The components of one registered plugin. Its hooks are called one by one, never through ``manager.hook``."""
    plugin = manager.get_plugin(name)
    for kind in Kind:
        seen: set[str] = set()
        for impl in getattr(manager.hook, kind.hook).get_hookimpls():
            if impl.plugin is not plugin:
                continue
            if impl.hookwrapper or impl.wrapper:
                raise PluginFaultError(f"{kind.hook} is a wrapper: hooks of Frame yield components and wrap nothing")
            result = impl.function()
            if result is None:
                raise PluginFaultError(f"{kind.hook} returned None: yield the components, or return a list of them")
            for component in result:
                if not isinstance(component, Component):
                    raise PluginFaultError(f"{kind.hook} yielded {component!r}, which is no frame.Component")
                if component.name in seen:
                    raise PluginFaultError(f"{kind.hook} yielded the name {component.name!r} twice")
                seen.add(component.name)
                yield kind, component


def _load_file(manager: pluggy.PluginManager, file: Path, others: Sequence[Plugin]) -> Plugin:
    """A single file as a plugin, named after the file."""
    path = file.resolve()
    if not path.is_file() or path.suffix != ".py":
        raise UserError(f"--plugin {file}: no such Python file (looked at {path})")
    name = path.stem
    if any(other.name == name and other.state != "blocked" for other in others):
        raise UserError(f"--plugin {file}: a plugin called {name!r} is loaded already; rename the file")
    plugin = Plugin(name, Source.of_file(file))

    def load() -> object:
        # On sys.path, and last, so that a loader's worker can import it too and it shadows nothing.
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        module = import_module(name)
        if Path(module.__file__ or "").resolve() != path:
            raise PluginFaultError(f"a module called {name!r} exists already at {module.__file__}; rename the file")
        return module

    return _load(manager, plugin, load)


def own_version() -> str:
    """The installed version of Frame."""
    try:
        return version(OWN_DISTRIBUTION)
    except PackageNotFoundError:
        raise UserError(f"{OWN_DISTRIBUTION} is not installed: run 'pip install -e .' in its folder") from None


def _one_line(error: BaseException) -> str:
    """An error as one line; for a syntax error, with its place."""
    if isinstance(error, PluginFaultError):
        return " ".join(str(error).split())
    place = f" ({error.filename}, line {error.lineno})" if isinstance(error, SyntaxError) and error.filename else ""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {message}{place}".split()).rstrip(": ")
