"""The reference says what the code says."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys

import pytest
from tests.docs.pages import DOCS, anchors

import frame
import frame.contracts
import frame.testing
from frame.cli.main import COMMANDS
from frame.config.bind import CORE_TABLES, LABELLED, PARTS
from frame.config.tables import LossTable, StageTable, TrainTable
from frame.plugin import hookspecs
from frame.plugin.component import Kind

REFERENCE = DOCS / "reference"
TOOLS = str(DOCS / "tools")


@pytest.fixture(scope="module")
def tools():
    """The scripts that write the pages."""
    before = set(sys.modules)
    sys.path.insert(0, TOOLS)
    yield importlib.import_module
    sys.path.remove(TOOLS)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(TOOLS):
            del sys.modules[name]


def test_written_pages_are_current(tools) -> None:
    for path, page in tools("generate").PAGES.items():
        assert path.read_text(encoding="utf-8") == page(), f"python docs/tools/generate.py writes {path.name} anew"


def test_every_hook_has_a_section_with_its_signature() -> None:
    text = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    for kind in Kind:
        signature = str(inspect.signature(getattr(hookspecs, kind.hook))).replace("'", "")
        assert f"\n### {kind.hook}()\n\n```python\ndef {kind.hook}{signature}:\n" in text


def test_every_command_has_a_section_with_all_that_it_takes(tools) -> None:
    commands = tools("commands")
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    parsers = {f"frame {name}": commands.parser_of(name) for name in COMMANDS}
    for name, parser in list(parsers.items()):
        parsers |= {f"{name} {action}": each for action, (each, _) in commands.subparsers(parser).items()}
    everywhere = text.partition("\n## Every command\n")[2]
    for name, parser in parsers.items():
        section = re.search(rf"^(#+) {name}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, name
        for option in re.findall(r"--[a-z][a-z-]+", parser.format_usage()):
            assert re.search(rf"`[^`]*{option}\b", section[2] + everywhere), f"{name} {option}"


def test_every_setting_of_frames_own_tables_is_told_with_its_default() -> None:
    text = (REFERENCE / "tables.md").read_text(encoding="utf-8")
    assert "- **`clip`** · `float` > 0 · unset\n" in text
    assert '- **`precision`** · `"fp32"`, `"bf16"`, `"fp16"`, `"auto"` · default `"fp32"`\n' in text
    for model in (*CORE_TABLES.values(), LossTable, StageTable):
        for name in model.model_fields:
            assert f"- **`{name}`** · " in text, name


def test_every_table_of_a_config_is_in_its_reference() -> None:
    text = (REFERENCE / "config.md").read_text(encoding="utf-8")
    for name in (*PARTS, *LABELLED, *CORE_TABLES):
        assert f"`[{name}" in text, name
    for name in (*TrainTable.model_fields, *StageTable.model_fields):
        assert f"`{name}`" in text, name


def test_every_built_in_component_has_a_section_with_its_options() -> None:
    for entry in frame.catalog().entries():
        page = REFERENCE / "components" / f"{entry.kind.plural}.md"
        assert entry.name in anchors(page), entry.qualified_name
        section = page.read_text(encoding="utf-8").partition(f"## `{entry.name}`\n")[2].partition("\n## ")[0]
        options = entry.load_options()
        for name in options.model_fields if options else ():
            assert f"- **`{name}`** · " in section, f"{entry.qualified_name} {name}"


def test_every_built_in_loss_and_metric_is_told_of_beside_the_others() -> None:
    for kind in (Kind.LOSS, Kind.METRIC):
        rows = re.findall(r"^\| (`.*?) \|", (REFERENCE / f"{kind.plural}.md").read_text(encoding="utf-8"), re.MULTILINE)
        for entry in frame.catalog().entries(kind):
            assert any(f"`{entry.name}`" in row for row in rows), entry.name


def directives(*pages: str) -> set[str]:
    """What mkdocstrings documents on the pages."""
    texts = [(REFERENCE / page).read_text(encoding="utf-8") for page in pages]
    return {name for text in texts for name in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)}


def test_every_public_name_is_documented() -> None:
    documented = directives("python.md", "contracts.md")
    for module in (frame, frame.testing):
        for name in module.__all__:
            value = getattr(module, name)
            full = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
            assert {f"{module.__name__}.{name}", full} & documented, f"{module.__name__}.{name}"


def test_every_class_of_the_contracts_is_documented() -> None:
    documented = directives("contracts.md")
    for info in pkgutil.iter_modules(frame.contracts.__path__, "frame.contracts."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_"):
                assert f"{module.__name__}.{name}" in documented


def test_what_is_documented_exists() -> None:
    for name in directives(*(page.relative_to(REFERENCE).as_posix() for page in REFERENCE.rglob("*.md"))):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name
