"""A plugin with nested parts, so that configs are bound without anything heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frame import catalog

if TYPE_CHECKING:
    from frame.plugin.catalog import Catalog

TOY = '''
    """Components of every kind that a config needs, with torch-free options."""
    from typing import Annotated, Literal
    from pathlib import Path
    from pydantic import Field
    from frame import Component, OfKind, Options, Part, hookimpl

    class Data(Options):
        root: Path
        """Where it lies."""
        classes: tuple[str, ...] = ()

        def problems(self):
            return [] if self.root.exists() else [f"root: there is no {self.root}"]

    class Bone(Options):
        drop_path: float = Field(default=0.0, ge=0, le=1)
        mode: Literal["fast", "exact"] = "fast"

    class Expert(Options):
        dilations: tuple[int, ...] = (1, 2)

    class Head(Options):
        experts: tuple[Annotated[Part, OfKind("expert")], ...] = Field(default=("wide",), validate_default=True)
        extra: Annotated[Part, OfKind("expert")] | None = None
        by_level: dict[str, Annotated[Part, OfKind("expert")]] = Field(default_factory=dict)

    class Deep(Options):
        loss: Annotated[Part, OfKind("loss")] = Field(default="plain", validate_default=True)

    class Greedy(Options):
        size: int = 1

    def build(**keywords):
        return keywords

    def component(name, options=None, **more):
        return Component(name=name, target="frame_toy:build", options=options and f"frame_toy:{options}", **more)

    @hookimpl
    def frame_datasets():
        return [component("toy", "Data"), component("greedy", "Greedy")]

    @hookimpl
    def frame_backbones():
        return [component("bone", "Bone"), component("other")]

    @hookimpl
    def frame_experts():
        return [component("wide", "Expert"), component("narrow")]

    @hookimpl
    def frame_heads():
        return [component("mix", "Head"), component("of_one_class", serves=("binary",))]

    @hookimpl
    def frame_losses():
        return [component("plain"), component("nested", "Deep"), component("only_binary", serves=("binary",))]

    @hookimpl
    def frame_metrics():
        return [component("score")]

    @hookimpl
    def frame_callbacks():
        return [component("quiet")]
'''

BASE = """
[data]
name = "toy"
root = "."
size = 64
[backbone]
name = "bone"
drop_path = 0.5
[head]
name = "mix"
[losses.mask]
name = "plain"
[metrics.score]
name = "score"
[stages.main]
epochs = 1
batch_size = 2
lr = 0.1
"""


@pytest.fixture
def toys(install) -> Catalog:
    install("frame-toy", "toy", TOY)
    return catalog()


@pytest.fixture
def base(tmp_path) -> str:
    """The path of a small config that binds."""
    (tmp_path / "base.toml").write_text(BASE)
    return str(tmp_path / "base.toml")
