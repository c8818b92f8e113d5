"""``frame plugin new``: a complete distribution with one component, from a template that works as it is."""

from __future__ import annotations

import ast
import keyword
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame.cli.common import catalog_of
from frame.plugin.component import Kind
from frame.plugin.errors import UserError
from frame.plugin.host import own_version
from frame.plugin.provenance import OWN_DISTRIBUTION

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from frame.plugin.catalog import Catalog

TEMPLATES = Path(__file__).parents[1] / "templates"
ELSEWHERE = {"ci.yml": ".github/workflows/ci.yml", "gitignore": ".gitignore"}
"""Files that lie elsewhere in a distribution: here some tool would take them for Frame's own."""
PLACEHOLDER = re.compile(r"frame-acme|frame-seg>=[\d.]+|Acme|acme|%\w+%")
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST = 30
"""Letters of a name with which every line of a template still has at most 120."""


def add_to(actions: Any) -> None:
    new = actions.add_parser("new", help="write a distribution with a component that works, to make it your own")
    new.add_argument("name", metavar="NAME", help="of the component; the distribution is called frame-NAME")
    new.add_argument("--kind", required=True, choices=list(Kind), metavar="KIND", help=f"one of {', '.join(Kind)}")
    new.add_argument("-o", "--output", metavar="DIR", type=Path, default=Path(), help="where its folder is made (here)")


def command(args: Namespace) -> int:
    kind, name = Kind(args.kind), args.name.removeprefix("frame-").replace("-", "_")
    refuse(catalog_of(args), kind, name)
    files = filled(kind, name)
    folder = args.output / distribution(name)
    write(folder, files)
    print(f"{folder}: {kind.one} called {name}, in frame_{name}/{name}.py; to try it:\n")
    for line in (
        f"cd {folder}",
        "pip install -e '.[test]'",
        f"frame plugin check {folder.name}",
        *training(kind, name),
    ):
        print(f"  {line}")
    return 0


def refuse(catalog: Catalog, kind: Kind, name: str) -> None:
    """Raise :class:`UserError` for a name that a distribution can't have, or not without confusion."""
    builtin = {plugin.name for plugin in catalog.plugins if plugin.source.is_builtin}
    taken = {entry.name for entry in catalog.entries(kind) if entry.plugin.source.is_builtin}
    if not NAME.fullmatch(name):
        cause = "is no name: use lower-case letters, digits, '-' and '_', a letter first"
    elif len(name) > LONGEST:
        cause = f"is too long: take at most {LONGEST} letters"
    elif distribution(name) == OWN_DISTRIBUTION or name in builtin:
        cause = f"is Frame's own: there is a {distribution(name) if name not in builtin else f'frame_{name}'} already"
    elif name in taken:
        cause = f"is the name of a built-in {kind}, which keeps it: 'frame list {kind}' has those that are taken"
    elif keyword.iskeyword(name) or name in ("options", "plugin") or class_name(name) in imported(kind):
        cause = "stands for something else in the package's Python"
    else:
        return
    raise UserError(f"frame plugin new: {name!r} {cause}; take another NAME")


def filled(kind: Kind, name: str) -> dict[str, str]:
    """Every file of a distribution by its path, the template's ``acme`` replaced by ``name``."""
    shared = [path for path in sorted(TEMPLATES.iterdir()) if path.is_file()]
    own = [path for path in sorted((TEMPLATES / kind).rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    files = {ELSEWHERE.get(path.name, path.name): path for path in shared}
    files |= {path.relative_to(TEMPLATES / kind).as_posix(): path for path in own}
    return {put(relative, kind, name): put(path.read_text("utf-8"), kind, name) for relative, path in files.items()}


def put(text: str, kind: Kind, name: str) -> str:
    """A template's text with a distribution's own words."""
    words = {
        "frame-acme": distribution(name),
        "acme": name,
        "Acme": class_name(name),
        "%KIND%": kind.value,
        "%A_KIND%": kind.one.capitalize(),
    }
    requirement = f"{OWN_DISTRIBUTION}>={own_version()}"

    def word(found: re.Match[str]) -> str:
        if found.group() == "%TRAIN%":
            return "\n".join(training(kind, name))
        return words.get(found.group(), requirement)

    return PLACEHOLDER.sub(word, text)


def training(kind: Kind, name: str) -> list[str]:
    """The commands that the head of the template's config gives."""
    lines = (TEMPLATES / kind / "train.toml").read_text("utf-8").splitlines()
    return [put(line.removeprefix("#   "), kind, name) for line in lines if line.startswith("#   ")]


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write ``files`` into a new folder. Raises :class:`UserError` if it is there already, or can't be made."""
    try:
        folder.mkdir(parents=True)
        for relative, text in files.items():
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            (folder / relative).write_text(text, "utf-8")
    except FileExistsError:
        raise UserError(f"frame plugin new: {folder} is there already, and is left as it is; give -o DIR") from None
    except OSError as error:
        raise UserError(f"frame plugin new: {folder} can't be written: {error}; give another -o DIR") from None


def imported(kind: Kind) -> set[str]:
    """What the template's modules import by name, such as ``Tensor``."""
    trees = (ast.parse(path.read_text("utf-8")) for path in (TEMPLATES / kind).rglob("*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.ClassDef))
    names: set[str] = set()
    for node in nodes:
        names |= {node.name} if isinstance(node, ast.ClassDef) else {each.name for each in node.names}
    return names - {"Acme", "AcmeOptions"}


def distribution(name: str) -> str:
    return f"frame-{name.replace('_', '-')}"


def class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
