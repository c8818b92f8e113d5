"""The hooks of Frame: one for each kind of component, none with an argument.

A plugin is a module (or an instance) named by an entry point in the group ``frame.plugins``. It marks one function for
each kind that it adds to with ``@hookimpl``; the function yields :class:`frame.Component` records:

.. code-block:: python

    from frame import Component, hookimpl


    @hookimpl
    def frame_backbones():
        yield Component(name="tiny", target="frame_acme.tiny:Tiny", summary="Two strided convolutions")

Hooks are asked once, at start; they must import nothing heavy. That is why a record holds import strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from frame.plugin.component import Component

PROJECT = "frame"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def frame_backbones() -> Iterable[Component]:  # type: ignore[empty-body]
    """Feature extractors. Target: ``(**options) -> nn.Module``, see :class:`frame.contracts.model.Backbone`."""


@hookspec
def frame_experts() -> Iterable[Component]:  # type: ignore[empty-body]
    """Experts of a mixture. Target: ``(*, channels, **options) -> nn.Module``.

    See :class:`frame.contracts.model.Expert`.
    """


@hookspec
def frame_heads() -> Iterable[Component]:  # type: ignore[empty-body]
    """Decoders. Target: ``(*, channels, strides, num_classes, **options) -> nn.Module``.

    See :class:`frame.contracts.model.Head`.
    """


@hookspec
def frame_losses() -> Iterable[Component]:  # type: ignore[empty-body]
    """Losses. Target: ``(**options) -> nn.Module``, see :class:`frame.contracts.model.Loss`.

    Say which tasks each serves.
    """


@hookspec
def frame_strategies() -> Iterable[Component]:  # type: ignore[empty-body]
    """Ways to use devices. Target: ``(**options) -> frame.Strategy``."""


@hookspec
def frame_datasets() -> Iterable[Component]:  # type: ignore[empty-body]
    """Data sets. Target: ``(*, split, **options)``, see :class:`frame.contracts.dataset.Dataset`."""


@hookspec
def frame_transforms() -> Iterable[Component]:  # type: ignore[empty-body]
    """Augmentations. Target: ``(*, size, **options)``, see :class:`frame.contracts.dataset.Transform`."""


@hookspec
def frame_metrics() -> Iterable[Component]:  # type: ignore[empty-body]
    """Metrics. Target: ``(*, num_classes, **options)``, see :class:`frame.contracts.dataset.Metric`.

    Say which tasks each serves.
    """


@hookspec
def frame_callbacks() -> Iterable[Component]:  # type: ignore[empty-body]
    """Observers of a run. Target: ``(**options) -> frame.Callback``."""
