"""A broken plugin breaks nothing but itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frame import Component, UserError, catalog
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from frame.plugin.catalog import Catalog
    from frame.plugin.provenance import Plugin

GOOD = """
    from frame import Component, hookimpl

    @hookimpl
    def frame_backbones():
        yield Component(name="good", target="frame_good:Good", summary="Works")
"""

FAULTS = {
    "mistyped hook": (
        """
        from frame import Component, hookimpl
        @hookimpl
        def frame_backbone():
            return []
        """,
        "unknown hook 'frame_backbone'",
    ),
    "hook with an argument": (
        """
        from frame import hookimpl
        @hookimpl
        def frame_backbones(config):
            return []
        """,
        "config",
    ),
    "hook with a keyword-only argument": (
        """
        from frame import hookimpl
        @hookimpl
        def frame_backbones(*, config):
            return []
        """,
        "missing 1 required keyword-only argument: 'config'",
    ),
    "generator that raises half-way": (
        """
        from frame import Component, hookimpl
        @hookimpl
        def frame_backbones():
            yield Component(name="first", target="frame_bad:First")
            raise RuntimeError("half-way")
        """,
        "RuntimeError: half-way",
    ),
    "import error": ("import no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package'"),
    "syntax error": ("def frame_backbones(:\n", "frame_bad.py, line 1)"),
    "exit at import": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "missing decorator": (
        """
        def frame_losses():
            return []
        """,
        "frame_losses lacks the decorator @hookimpl",
    ),
    "wrapper": (
        """
        from frame import hookimpl
        @hookimpl(wrapper=True)
        def frame_losses():
            return (yield)
        """,
        "frame_losses is a wrapper",
    ),
    "nothing returned": (
        """
        from frame import hookimpl
        @hookimpl
        def frame_losses():
            pass
        """,
        "frame_losses returned None",
    ),
    "no component": (
        """
        from frame import hookimpl
        @hookimpl
        def frame_losses():
            yield "dice"
        """,
        "frame_losses yielded 'dice', which is no frame.Component",
    ),
    "a name twice": (
        """
        from frame import Component, hookimpl
        @hookimpl
        def frame_losses():
            yield Component(name="dice", target="a:B")
            yield Component(name="dice", target="a:C")
        """,
        "frame_losses yielded the name 'dice' twice",
    ),
    "malformed target": (
        """
        from frame import Component, hookimpl
        @hookimpl
        def frame_losses():
            yield Component(name="dice", target="a.B")
        """,
        "target 'a.B' is not an import string like 'package.module:Object'",
    ),
    "malformed name": (
        """
        from frame import Component, hookimpl
        @hookimpl
        def frame_losses():
            yield Component(name="Dice Loss", target="a:B")
        """,
        "component name 'Dice Loss': use lower-case letters",
    ),
    "unknown task": (
        """
        from frame import Component, hookimpl
        @hookimpl
        def frame_losses():
            yield Component(name="dice", target="a:B", serves=("binray",))
        """,
        "serves ('binray',): choose from",
    ),
}


def _plugin(found: Catalog, name: str) -> Plugin:
    return next(plugin for plugin in found.plugins if plugin.name == name)


@pytest.mark.parametrize(("source", "cause"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_blamed_on_its_plugin_alone(install, source: str, cause: str) -> None:
    install("frame-bad", "bad", source)
    install("frame-good", "good", GOOD)
    found = catalog()
    bad = _plugin(found, "bad")
    assert bad.state == "broken"
    assert cause in bad.cause
    assert "\n" not in bad.cause
    assert _plugin(found, "good").state == "ok"
    assert found.find(Kind.BACKBONE, "good").component.summary == "Works"
    assert all(plugin.state == "ok" for plugin in found.plugins if plugin.source.is_builtin)


def test_a_class_as_entry_point_is_refused_and_an_instance_works(install) -> None:
    source = """
        from frame import Component, hookimpl
        class Plugin:
            @hookimpl
            def frame_backbones(self):
                yield Component(name="mine", target="frame_x:X")
        plugin = Plugin()
    """
    install("frame-class", "class", source, entry="frame_class:Plugin")
    install("frame-instance", "instance", source, entry="frame_instance:plugin")
    found = catalog()
    assert "the class Plugin: name a module, or an instance" in _plugin(found, "class").cause
    assert found.find(Kind.BACKBONE, "mine").plugin.name == "instance"


def test_what_a_broken_plugin_named_before_it_failed_is_explained_and_not_offered(install) -> None:
    install("frame-bad", "bad", FAULTS["generator that raises half-way"][0])
    for name in ("first", "bad/first", "bad/anything"):
        with pytest.raises(UserError, match=r"plugin 'bad' \(frame-bad 1\.0\) offers it but is broken: .*half-way"):
            catalog().find(Kind.BACKBONE, name)


def test_a_name_that_a_broken_plugin_may_have_offered_says_so(install) -> None:
    install("frame-bad", "bad", "import no_such_package\n")
    with pytest.raises(UserError, match="is broken and may have offered it: ModuleNotFoundError"):
        catalog().find(Kind.BACKBONE, "something")


def test_a_requirement_that_excludes_this_frame_is_the_cause(install) -> None:
    install("frame-future", "future", GOOD, requires=("torch", "frame_seg >=99 ; python_version > '3'"))
    install("frame-good", "good", GOOD, requires=("frame-seg>=0.0.1", "frame-seg>=99; extra == 'next'"))
    found = catalog()
    assert _plugin(found, "future").cause.startswith("needs frame-seg>=99, but this is frame-seg ")
    assert _plugin(found, "good").state == "ok"


def test_a_target_that_is_not_there_is_a_fault_of_its_plugin(install) -> None:
    install("frame-good", "good", GOOD)
    entry = catalog().find(Kind.BACKBONE, "good")
    with pytest.raises(UserError, match=r"plugin 'good' \(frame-good 1\.0\): its target 'frame_good:Good'.*no 'Good'"):
        entry.load_target()


def test_records_need_a_kind_of_string_and_are_frozen() -> None:
    component = Component(name="a", target="b:C")
    with pytest.raises(AttributeError):
        component.name = "other"
    with pytest.raises(ValueError, match="options 3"):
        Component(name="a", target="b:C", options=3)  # type: ignore[arg-type]
