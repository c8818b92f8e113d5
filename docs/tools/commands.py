"""Every command, from its own parser."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from frame.cli.common import command_parser
from frame.cli.main import COMMANDS
from options import NOTE

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# Commands

`frame COMMAND --help` prints the same in a terminal, `frame --version` the version. People get readable output in a
terminal and plain lines in a pipe; `--json` is for programs.
"""
SHARED = """## Every command

These choose the plugins. So do `FRAME_DISABLE_PLUGINS=NAME,NAME` and `FRAME_NO_PLUGINS=1`, which leaves the built-ins.
"""
CODES = """## Exit codes

| code | what |
| --- | --- |
| 0 | done |
| 1 | something was found or failed, which the output names |
| 2 | something that you can mend, told in one message |
| 130, 143, 124 | a run was stopped and has saved: by Ctrl-C, by SIGTERM, by `run.max_time` |
"""


def page() -> str:
    """The page, in Markdown."""
    rows = [f"| [`frame {name}`](#frame-{name}) | {summary} |" for name, summary in COMMANDS.items()]
    parts = [HEAD.strip(), "\n".join(["| command | what it does |", "| --- | --- |", *rows])]
    for name in COMMANDS:
        parts += _sections(f"frame {name}", parser_of(name), "##")
    parts += [SHARED.strip(), _listed(_own(command_parser("", ""))), CODES.strip()]
    return "\n\n".join([*parts, NOTE]) + "\n"


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of ``frame COMMAND``."""
    parser: argparse.ArgumentParser = import_module(f"frame.cli.{command}").parser()
    return parser


def subparsers(parser: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """A command's own commands with their one line, by name."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            lines = {each.dest: each.help or "" for each in action._choices_actions}
            found |= {name: (each, lines.get(name, "")) for name, each in action.choices.items()}
    return found


def _sections(title: str, parser: argparse.ArgumentParser, level: str, summary: str = "") -> Iterator[str]:
    yield f"{level} {title}"
    yield _sentence(parser.description or summary)
    inner = subparsers(parser)
    shared = set() if level == "###" else {each.dest for each in _own(command_parser("", ""))}
    actions = [each for each in _own(parser) if each.dest not in shared]
    if not inner:
        yield f"```text\n{_usage(title, actions)}\n```"
    if actions:
        yield _listed(actions)
    for name, (each, line) in inner.items():
        yield from _sections(f"{title} {name}", each, f"{level}#", line)


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    skipped = (argparse._HelpAction, argparse._SubParsersAction)
    actions = [each for each in parser._actions if not isinstance(each, skipped)]
    return sorted(actions, key=lambda each: bool(each.option_strings))


def _usage(title: str, actions: list[argparse.Action]) -> str:
    positional = [_value(each) for each in actions if not each.option_strings]
    optional = ["[options]"] if any(each.option_strings for each in actions) else []
    return " ".join([title, *positional, *optional])


def _value(action: argparse.Action) -> str:
    choices = f"{{{','.join(map(str, action.choices or ()))}}}"
    name = str(action.metavar or (choices if action.choices else action.dest.upper()))
    match action.nargs:
        case "?":
            return f"[{name}]"
        case "*" if " " in name:  # it says by itself how many there are
            return name
        case "*":
            return f"[{name} ...]"
        case "+":
            return f"{name} [{name} ...]"
        case 0:
            return ""
    return name


def _listed(actions: list[argparse.Action]) -> str:
    items = [f"- **`{_name(each)}`**\n\n    {_sentence(_help(each))}".rstrip() for each in actions]
    return '<div class="options" markdown="1">\n\n' + "\n\n".join(items) + "\n\n</div>"


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return _value(action).strip("[]").partition(" [")[0]
    return f"{', '.join(action.option_strings)} {_value(action)}".strip()


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%")
    repeated = isinstance(action, argparse._AppendAction) and "several times" not in text
    return f"{text}; may be given several times" if repeated else text


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
