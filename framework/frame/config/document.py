"""Reading a config: TOML, ``extends`` and overrides, merged into one tree that remembers where each value came from."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

COMPONENT_TABLES = frozenset({"data", "backbone", "head", "strategy", "losses", "metrics", "callbacks"})
OVERRIDE = "--set"
ARGUMENT = "argument"

_BARE = re.compile(r"[^\s\"'\[{][^\"\n]*")


class Leaf(NamedTuple):
    """A value that is no table, with the file (or ``--set``) that it was last set by."""

    value: Any
    origin: str


Tree = dict[str, "Leaf | Tree"]


class Document(NamedTuple):
    """A merged config before anything in it is checked."""

    tree: Tree
    name: str
    """What messages call it: the path as the user wrote it."""

    def tables(self) -> dict[str, Any]:
        """The plain values."""
        return _values(self.tree)

    def origin(self, path: Iterable[str | int]) -> str | None:
        """Who set the value at ``path``; of a table, an override or whoever set its first value. ``None``: nobody."""
        node: Leaf | Tree | None = self.tree
        for key in path:
            if isinstance(node, Leaf):
                break  # a path into an array or inline table: its whole value has one origin
            node = node.get(str(key)) if node is not None else None
        origins = list(_origins(node)) if node is not None else []
        return OVERRIDE if OVERRIDE in origins else next(iter(origins), None)


def read(config: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Document:
    """Read a file (or take a mapping), its parents, and the overrides ``"key.path=VALUE"`` on top.

    Raises
    ------
    UserError
        If a file is missing or no TOML, if ``extends`` runs in a loop, or an override is malformed.
    """
    if isinstance(config, (str, Path)):
        tree, name = _read_file(Path(config), ()), str(config)
    else:
        tree, name = _tree(dict(config), ARGUMENT), "config"
    on_top: Tree = {}
    for text in overrides:
        on_top = _merge(on_top, _override(text), replace_renamed=False)
    return Document(_merge(tree, on_top), name)


def _read_file(file: Path, children: tuple[Path, ...]) -> Tree:
    if file.resolve() in [child.resolve() for child in children]:
        raise UserError(f"{children[0]}: extends runs in a loop: {' -> '.join(map(str, (*children, file)))}")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        asked = f"{children[-1]}: extends: " if children else ""
        raise UserError(f"{asked}cannot read config {file}: {error.strerror} (looked at {file.absolute()})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not valid TOML: {error}") from None
    parent = tables.pop("extends", None)
    tree = _tree(tables, str(file))
    if parent is None:
        return tree
    if not isinstance(parent, str):
        raise UserError(f'{file}: extends: expected the path of one parent, such as "base.toml", got {parent!r}')
    return _merge(_read_file(file.parent / parent, (*children, file)), tree)


def _override(text: str) -> Tree:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"{OVERRIDE} {text!r}: write KEY=VALUE, such as {OVERRIDE} train.clip=1.0")
    value = value.strip()
    try:
        try:
            tables = tomllib.loads(f"{key} = {value}")
        except tomllib.TOMLDecodeError:
            if not _BARE.fullmatch(value):
                raise
            tables = tomllib.loads(f"{key} = {json.dumps(value)}")  # a bare word is a string
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{OVERRIDE} {text!r}: neither a TOML value nor a bare word: {error}") from None
    return _tree(tables, OVERRIDE)


def _tree(tables: dict[str, Any], origin: str, path: tuple[str, ...] = ()) -> Tree:
    """Leaves with their origin; a component given by its name alone becomes a table with that name."""
    tree: Tree = {}
    for key, value in tables.items():
        here = (*path, key)
        if isinstance(value, str) and _is_component(here):
            tree[key] = {"name": Leaf(value, origin)}
        elif isinstance(value, dict):
            tree[key] = _tree(value, origin, here)
        else:
            tree[key] = Leaf(value, origin)
    return tree


def _is_component(path: tuple[str, ...]) -> bool:
    """Whether a component stands at this path: a table of its own, or a labelled one in ``losses`` and the like."""
    labelled = path[0] in ("losses", "metrics", "callbacks")
    return path[0] in COMPONENT_TABLES and len(path) == (2 if labelled else 1)


def _merge(parent: Tree, child: Tree, *, replace_renamed: bool = True, inside: bool = False) -> Tree:
    """Tables merge, other values replace; a component whose ``name`` differs replaces its parent's whole table."""
    merged = dict(parent)
    for key, value in child.items():
        old = merged.get(key)
        component = inside or key in COMPONENT_TABLES
        if (
            not isinstance(old, dict)
            or not isinstance(value, dict)
            or (replace_renamed and component and _renamed(old, value))
        ):
            merged[key] = value
        else:
            merged[key] = _merge(old, value, replace_renamed=replace_renamed, inside=component)
    return merged


def _renamed(old: Tree, new: Tree) -> bool:
    before, after = old.get("name"), new.get("name")
    return isinstance(before, Leaf) and isinstance(after, Leaf) and before.value != after.value


def _origins(node: Leaf | Tree) -> Iterator[str]:
    if isinstance(node, Leaf):
        yield node.origin
    else:
        for child in node.values():
            yield from _origins(child)


def _values(tree: Tree) -> dict[str, Any]:
    return {key: node.value if isinstance(node, Leaf) else _values(node) for key, node in tree.items()}
