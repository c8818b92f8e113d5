"""The catalog: every component that is installed, found by name."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from frame.plugin.component import Component, Kind
from frame.plugin.errors import UserError
from frame.plugin.host import load_plugins
from frame.plugin.provenance import Plugin, normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A component together with the plugin that brought it."""

    kind: Kind
    component: Component
    plugin: Plugin

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def qualified_name(self) -> str:
        """``plugin/name``, which always finds this component."""
        return f"{self.plugin.name}/{self.component.name}"

    def load_target(self) -> Any:
        """Import the class or function that builds the component.

        Raises
        ------
        UserError
            If it can't be imported, naming the plugin, its distribution and the cause.
        """
        return self._load("target", self.component.target)

    def load_options(self) -> Any | None:
        """Import the options class; ``None`` for a component without options. Raises like :meth:`load_target`."""
        return None if self.component.options is None else self._load("options", self.component.options)

    def _load(self, field: str, reference: str) -> Any:
        module, _, attribute = reference.partition(":")
        try:
            value: Any = import_module(module)
        except Exception as error:
            raise UserError(self._fault(field, reference, f"{type(error).__name__}: {error}")) from error
        for name in attribute.split("."):
            if not hasattr(value, name):
                raise UserError(self._fault(field, reference, f"{module} has no {attribute!r}"))
            value = getattr(value, name)
        return value

    def _fault(self, field: str, reference: str, cause: str) -> str:
        return (
            f"{self.kind} {self.name!r} of {self.plugin}: its {field} {reference!r} can't be imported: {cause}; "
            f"this is a fault of the plugin or of its installation"
        )


class Catalog:
    """All components of a set of plugins."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.plugins = tuple(plugins)

    @cached_property
    def _by_kind(self) -> dict[Kind, list[Entry]]:
        found: dict[Kind, list[Entry]] = {kind: [] for kind in Kind}
        for plugin in self.plugins:
            if plugin.state == "ok":
                for kind, component in plugin.components:
                    found[kind].append(Entry(kind, component, plugin))
        return found

    def entries(self, kind: Kind | None = None) -> Iterator[Entry]:
        """The components that can be used, by kind, then in the order in which their plugins name them."""
        for each in Kind if kind is None else (kind,):
            yield from self._by_kind[each]

    def find(self, kind: Kind, name: str) -> Entry:
        """The component that a config means by ``name``, short or qualified.

        A built-in's short name always means the built-in.

        Raises
        ------
        UserError
            If there is none, with suggestions; or if several third parties share the short name.
        """
        if "/" in name:
            matches = [entry for entry in self._by_kind[kind] if entry.qualified_name == name]
        else:
            matches = [entry for entry in self._by_kind[kind] if entry.name == name]
            if builtin := [entry for entry in matches if entry.plugin.source.is_builtin]:
                matches = builtin
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise UserError(
                f"{kind} {name!r} is ambiguous: "
                + ", ".join(f"{entry.qualified_name!r} ({entry.plugin.source})" for entry in matches)
                + "; write one of these names in full"
            )
        raise UserError(f"no {kind} is called {name!r}" + "".join(f"; {hint}" for hint in self._hints(kind, name)))

    def means(self, entry: Entry) -> str:
        """The shortest name that finds this entry."""
        namesakes = [other for other in self._by_kind[entry.kind] if other.name == entry.name]
        builtin = [other for other in namesakes if other.plugin.source.is_builtin]
        reserved = builtin or namesakes
        return entry.name if len(reserved) == 1 and reserved[0] is entry else entry.qualified_name

    def _hints(self, kind: Kind, name: str) -> Iterator[str]:
        """What a person who wrote ``name`` may have meant, best first."""
        plugin_name, slash, short = name.rpartition("/")
        broken = [plugin for plugin in self.plugins if plugin.state == "broken"]
        culprits = [
            plugin
            for plugin in broken
            if plugin.name == plugin_name or any(k is kind and c.name == short for k, c in plugin.components)
        ]
        for plugin in culprits:
            yield f"{plugin} offers it but is broken: {plugin.cause}"
        if culprits:
            return
        for plugin in self.plugins:
            if plugin.state == "blocked" and slash and plugin.name == plugin_name:
                yield f"{plugin} is {plugin.cause}"
                return
        others = [entry.kind for entry in self.entries() if entry.name == short and entry.kind is not kind]
        if others:
            yield f"{short!r} is {others[0].one}"
        names = [entry.name for entry in self._by_kind[kind]]
        full = [entry.qualified_name for entry in self._by_kind[kind]]
        pool = full if slash else names + full
        if close := list(dict.fromkeys(get_close_matches(name, pool, 3) or get_close_matches(short, names, 3))):
            yield f"did you mean {' or '.join(map(repr, close))}?"
        elif not others:
            yield f"there are: {', '.join(dict.fromkeys(names)) or 'none'}"
        for plugin in self.plugins:
            if short in plugin.source.extras:
                yield f"it may come with an extra: pip install '{plugin.source.name}[{short}]'"
                break
        if len(broken) == 1:
            yield f"{broken[0]} is broken and may have offered it: {broken[0].cause}"
        elif broken:
            yield f"broken plugins may have offered it: {', '.join(p.name for p in broken)} ('frame list' tells why)"
        blocked = sorted({plugin.name for plugin in self.plugins if plugin.state == "blocked"})
        if blocked:
            yield f"blocked plugins: {', '.join(blocked)}"

    def require(self, requirements: Sequence[str]) -> list[str]:
        """Messages for those of ``requirements`` (``"frame-acme>=1.2"``) that no loaded plugin's distribution meets."""
        if not requirements:
            return []
        from packaging.requirements import InvalidRequirement, Requirement  # as long to import as all of the above

        messages = []
        for text in requirements:
            try:
                wanted = Requirement(text)
            except InvalidRequirement as error:
                messages.append(f"{text!r} is no requirement like 'frame-acme>=1.2': {str(error).splitlines()[0]}")
                continue
            plugins = [plugin for plugin in self.plugins if plugin.source.name == normalize(wanted.name)]
            if not plugins:
                messages.append(f"{text!r} is not installed, or has no plugin of Frame: pip install '{text}'")
            elif not wanted.specifier.contains(plugins[0].source.version, prereleases=True):
                messages.append(f"{text!r} is required, but {plugins[0].source} is installed: pip install '{text}'")
            messages += [
                f"{text!r} is required, but {plugin} is {plugin.state}: {plugin.cause}"
                for plugin in plugins
                if plugin.state != "ok"
            ]
        return messages


def catalog(blocked: Iterable[str] = (), files: Sequence[Path] = ()) -> Catalog:
    """Load the installed plugins and list what they offer. See :func:`frame.plugin.host.load_plugins`."""
    return Catalog(load_plugins(blocked, files))
