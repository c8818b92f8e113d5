"""Every block of code is right: Python runs as far as it can, TOML binds, commands parse."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from tests.docs.pages import DOCS, PAGES, ROOT, Block, all_blocks, blocks

import frame
from frame import catalog
from frame.cli.main import COMMANDS
from frame.config.bind import load_run
from frame.config.schema import config_schema

if TYPE_CHECKING:
    import argparse

SHELL = ("", "bash")
CHECKED = {"python", "toml", *SHELL}
OUTPUT = {"text"}  # what a terminal shows, or a folder holds
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.Assert)
TRAINING = {"run", "load", "evaluate"}
STANDARD = {"Path": Path, "frame": frame}


def test_every_block_is_in_a_language_that_is_checked() -> None:
    assert {block.language for block in all_blocks()} <= CHECKED | OUTPUT


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    """The package of the tutorial as a file of a plugin; returns its folder. Its loss is the README's too."""
    folder = tmp_path_factory.mktemp("plugins")
    package = folder / "frame_acme"
    package.mkdir()
    (package / "__init__.py").touch()
    for block in blocks(DOCS / "tutorials" / "plugin.md", "python"):
        if (name := block.text.splitlines()[0].removeprefix("# ")).startswith("frame_acme/"):
            (folder / name).write_text(block.text)
    (folder / "acme.py").write_text((package / "plugin.py").read_text())
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(scope="module")
def plugins(example):
    return catalog(files=[example / "acme.py"])


# Python


@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_python_compiles_and_names_what_frame_has(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text, str(block))):
        match node:
            case ast.Attribute(value=ast.Name(id="frame"), attr=name):
                assert name in dir(frame) or importlib.util.find_spec(f"frame.{name}"), name
            case ast.ImportFrom(module=str(module), names=names) if module.partition(".")[0] == "frame":
                assert all(hasattr(importlib.import_module(module), each.name) for each in names), module
            case ast.Call(func=ast.Attribute(value=ast.Name(id="frame"), attr=name)):
                keywords = {each.arg: None for each in node.keywords if each.arg}
                inspect.signature(getattr(frame, name)).bind(*node.args, **keywords)


def defines(block: Block) -> bool:
    """Whether it is of definitions alone, which run wherever their imports are."""
    tree = ast.parse(block.text)
    trains = any(isinstance(each, ast.Attribute) and each.attr in TRAINING for each in ast.walk(tree))
    imports = {
        name.partition(".")[0]
        for each in ast.walk(tree)
        if isinstance(each, (ast.Import, ast.ImportFrom))
        for name in ([each.module or ""] if isinstance(each, ast.ImportFrom) else [part.name for part in each.names])
    }
    there = all(importlib.util.find_spec(name) for name in imports if not name.startswith("frame_"))
    specification = "Iterable[Component]" in block.text  # a signature with its documentation
    return there and not trains and not specification and all(isinstance(each, DEFINITIONS) for each in tree.body)


@pytest.mark.parametrize("block", [each for each in all_blocks("python") if defines(each)], ids=str)
def test_definitions_run(block: Block, example: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(example)
    before = set(sys.modules)
    names: dict[str, Any] = {**STANDARD, "__name__": "example_of_docs"}
    exec(compile(block.text, str(block), "exec", dont_inherit=True), names)  # noqa: S102
    for value in list(names.values()):
        if inspect.isfunction(value) and value.__name__.startswith("frame_"):
            assert all(isinstance(each, frame.Component) for each in value())
        if inspect.isclass(value) and issubclass(value, frame.Options) and value is not frame.Options:
            assert value.documentation() is not None
            value.model_json_schema()
    for name in set(sys.modules) - before:
        if name.startswith("frame_acme"):
            del sys.modules[name]


# TOML


def whole(page: Path) -> list[tuple[Block, dict[str, Any]]]:
    """The page's TOML; a block that begins with keys of no table goes on with the block before."""
    known = config_schema(catalog())["properties"]
    found: list[tuple[Block, dict[str, Any]]] = []
    text = ""
    for block in blocks(page, "toml"):
        alone = tomllib.loads(block.text)
        text = block.text if not text or alone.keys() & known.keys() else f"{text}\n{block.text}"
        found.append((block, tomllib.loads(text)))
    return found


TABLES = [(str(block), tables) for page in PAGES for block, tables in whole(page) if "project" not in tables]


@pytest.mark.parametrize("tables", [tables for _, tables in TABLES], ids=[name for name, _ in TABLES])
def test_toml_is_of_a_config(tables: dict[str, Any], plugins) -> None:
    schema = config_schema(plugins)
    for error in jsonschema.Draft7Validator(schema).iter_errors(tables):
        foreign = isinstance(error.instance, str) and error.instance.startswith("acme/")  # nobody's, as an example
        assert foreign, f"{error.json_path}: {error.message}"


# Commands


def commands(block: Block) -> list[list[str]]:
    """The words of each call of ``frame`` in the block."""
    found = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if not re.search(r"\bframe\b", line):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("&|;"):
                if words[:1] == ["frame"]:
                    found.append(words[1:])
                elif "-m" in words and words[words.index("-m") + 1 :][:1] == ["frame"]:
                    found.append(words[words.index("-m") + 2 :])
                words = []
            else:
                words.append(word)
    return found


CALLS = [(f"{block} {' '.join(words)}", words) for block in all_blocks(*SHELL) for words in commands(block)]


@pytest.mark.parametrize("words", [words for _, words in CALLS], ids=[name for name, _ in CALLS])
def test_commands_parse_and_their_settings_bind(words: list[str], plugins, monkeypatch) -> None:
    name, *arguments = words
    assert name in COMMANDS
    monkeypatch.chdir(ROOT)
    parser: argparse.ArgumentParser = importlib.import_module(f"frame.cli.{name}").parser()
    args = parser.parse_args(arguments)
    if any(each.startswith("configs/") for each in arguments):
        assert all(Path(each).is_file() for each in arguments if each.startswith("configs/"))
    config = getattr(args, "config", None) or next(iter(getattr(args, "what", [])), None)
    if config and config.startswith("configs/"):
        load_run(config, plugins, args.overrides)


def test_a_command_that_is_wrong_is_found() -> None:
    block = Block(ROOT / "README.md", 1, "", "cd x && frame run a.toml --dry  # it\ntorchrun -m frame run b \\\n --c\n")
    assert commands(block) == [["run", "a.toml", "--dry"], ["run", "b", "--c"]]
