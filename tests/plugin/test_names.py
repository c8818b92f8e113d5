"""Which component a name means, and what is said when it means none."""

from __future__ import annotations

import pytest

from frame import UserError, catalog
from frame.plugin.component import Kind

BACKBONE = """
    from frame import Component, hookimpl

    @hookimpl
    def frame_backbones():
        yield Component(name={name!r}, target="x:X", summary={summary!r})
"""


def backbone(name: str, summary: str = "") -> str:
    return BACKBONE.format(name=name, summary=summary)


def test_a_component_tells_its_plugin_distribution_and_version(install) -> None:
    install("Frame_Acme", "acme", backbone("tiny"), version="1.2.3")
    entry = catalog().find(Kind.BACKBONE, "tiny")
    assert (entry.plugin.name, str(entry.plugin.source)) == ("acme", "frame-acme 1.2.3")
    assert entry is not catalog().find(Kind.BACKBONE, "acme/tiny")
    assert entry == catalog().find(Kind.BACKBONE, "acme/tiny")


def test_a_builtin_short_name_is_reserved_and_the_namesake_has_its_full_name(install) -> None:
    install("frame-acme", "acme", backbone("edgenext_base", "An impostor"))
    found = catalog()
    assert found.find(Kind.BACKBONE, "edgenext_base").plugin.source.is_builtin
    impostor = found.find(Kind.BACKBONE, "acme/edgenext_base")
    assert impostor.component.summary == "An impostor"
    assert found.means(impostor) == "acme/edgenext_base"


def test_a_short_name_of_two_third_parties_is_an_error_at_use_only(install) -> None:
    install("frame-acme", "acme", backbone("tiny"))
    install("frame-zeta", "zeta", backbone("tiny"))
    found = catalog()
    with pytest.raises(UserError, match=r"ambiguous: 'acme/tiny' \(frame-acme 1\.0\), 'zeta/tiny' \(frame-zeta 1\.0\)"):
        found.find(Kind.BACKBONE, "tiny")
    assert found.find(Kind.BACKBONE, "zeta/tiny").plugin.name == "zeta"


def test_two_distributions_with_one_plugin_name_are_an_error_until_one_is_blocked(install) -> None:
    install("frame-one", "acme", backbone("tiny"), module="one")
    install("frame-two", "acme", backbone("small"), module="two")
    with pytest.raises(
        UserError, match=r"'acme': frame-one 1\.0 and frame-two 1\.0; uninstall .* --no-plugin frame-two"
    ):
        catalog()
    found = catalog(blocked=["frame-two"])
    assert found.find(Kind.BACKBONE, "tiny")
    assert [plugin.state for plugin in found.plugins if plugin.name == "acme"] == ["ok", "blocked"]


def test_a_builtin_plugin_name_taken_by_another_distribution_asks_to_block_that_one(install) -> None:
    install("frame-pirate", "backbones", backbone("tiny"), module="pirate")
    with pytest.raises(UserError, match="block it with --no-plugin frame-pirate"):
        catalog()


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        (Kind.BACKBONE, "edgenext_bas", "did you mean 'edgenext_base'"),
        (Kind.BACKBONE, "acme/tinny", "did you mean 'acme/tiny'"),
        (Kind.BACKBONE, "akme/tiny", "did you mean 'acme/tiny'"),
        (Kind.BACKBONE, "texture", "'texture' is an expert"),
        (Kind.STRATEGY, "zzz", "there are: auto, single, data_parallel"),
        (Kind.BACKBONE, "giant", "pip install 'frame-acme\\[giant\\]'"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(install, kind: Kind, name: str, hint: str) -> None:
    install("frame-acme", "acme", backbone("tiny"), extras=("giant",))
    with pytest.raises(UserError, match=rf"no {kind} is called '{name}'.*{hint}"):
        catalog().find(kind, name)


def test_a_blocked_plugin_is_named_when_something_of_it_is_asked_for(install, monkeypatch) -> None:
    install("frame-acme", "acme", backbone("tiny"))
    with pytest.raises(UserError, match="plugin 'acme' .* is blocked by --no-plugin"):  # noqa: RUF043
        catalog(blocked=["acme"]).find(Kind.BACKBONE, "acme/tiny")
    with pytest.raises(UserError, match="blocked plugins: acme"):
        catalog(blocked=["acme"]).find(Kind.BACKBONE, "tiny")
    monkeypatch.setenv("FRAME_DISABLE_PLUGINS", "acme, not-installed-here")
    with pytest.raises(UserError, match="blocked plugins: acme"):
        catalog().find(Kind.BACKBONE, "tiny")


def test_frame_no_plugins_blocks_all_but_the_builtin(install, monkeypatch) -> None:
    install("frame-acme", "acme", "raise RuntimeError('must not be imported')")
    monkeypatch.setenv("FRAME_NO_PLUGINS", "1")
    states = {plugin.name: plugin.state for plugin in catalog().plugins}
    assert states.pop("acme") == "blocked"
    assert set(states.values()) == {"ok"}


def test_blocking_what_is_not_installed_is_an_error(install) -> None:
    with pytest.raises(UserError, match="cannot block 'akme': no plugin or distribution"):
        catalog(blocked=["akme"])


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("frame-acme>=1.2", None),
        ("Frame_Acme", None),
        ("frame-acme>=2", "frame-acme 1.3 is installed: pip install 'frame-acme>=2'"),
        ("frame-zeta", "is not installed, or has no plugin"),
        ("frame acme >> 2", "is no requirement like"),
    ],
)
def test_requirements_are_checked_against_loaded_plugins(install, requirement: str, message: str | None) -> None:
    install("frame-acme", "acme", backbone("tiny"), version="1.3")
    told = catalog().require([requirement])
    assert told == [] if message is None else message in told[0]


def test_a_required_plugin_that_is_broken_says_why(install) -> None:
    install("frame-acme", "acme", "1 / 0")
    assert "is broken: ZeroDivisionError" in catalog().require(["frame-acme"])[0]


def test_a_file_is_a_plugin_with_its_hash(tmp_path) -> None:
    file = tmp_path / "my_inline_loss.py"
    file.write_text(
        "from frame import Component, hookimpl\n"
        "class Mine: pass\n"
        "@hookimpl\n"
        "def frame_losses():\n"
        "    yield Component(name='mine', target='my_inline_loss:Mine')\n"
    )
    entry = catalog(files=[file]).find(Kind.LOSS, "mine")
    assert entry.plugin.source.version.startswith("sha256:")
    assert str(file) in str(entry.plugin.source)
    assert entry.load_target().__name__ == "Mine"


def test_a_file_that_is_not_there_or_has_the_name_of_a_module_is_told(tmp_path) -> None:
    with pytest.raises(UserError, match="no such Python file"):
        catalog(files=[tmp_path / "nothing.py"])
    file = tmp_path / "json.py"
    file.write_text("")
    plugin = catalog(files=[file]).plugins[-1]
    assert plugin.state == "broken"
    assert "a module called 'json' exists already" in plugin.cause
    taken = tmp_path / "backbones.py"
    taken.write_text("")
    with pytest.raises(UserError, match="'backbones' is loaded already; rename the file"):
        catalog(files=[taken])
