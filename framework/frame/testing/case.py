"""A case: one component with small options, what it can do, and what it is known not to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from frame.config.bind import ConfigError, bind_component
from frame.config.options import Options
from frame.engine import randomness
from frame.plugin.catalog import Catalog, Entry, catalog
from frame.plugin.component import Kind
from frame.plugin.errors import UserError
from frame.testing.outcome import CheckSkippedError, skip, told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from frame.config.options import Part

CAPABILITIES = {
    "sizes": "work at sizes other than the case's own",
    "odd_sizes": "work at sizes that are no multiple of the coarsest stride",
    "bf16": "work in mixed precision",
    "export": "be exported as a graph",
    "processes": "be run in processes that the check starts",
}
"""What a component, or the machine, may lack: a check that needs it is then skipped."""
CONTEXT: dict[Kind, dict[str, Any]] = {
    Kind.EXPERT: {"channels": 16},
    Kind.HEAD: {"channels": (8, 12, 16), "strides": (4, 8, 16), "num_classes": 1},
    Kind.DATASET: {"split": "train"},
    Kind.TRANSFORM: {"size": 64},
    Kind.METRIC: {"num_classes": 1},
}
"""What Frame gives to a target beside its options, by kind; here with values to try it with."""


@dataclass(frozen=True)
class Case:
    """What is checked.

    Parameters
    ----------
    kind, name
        The component: ``Case("backbone", "tiny")``, or in full ``"acme/tiny"``.
    options
        Small ones, as TOML would hold them, so that the checks are quick.
    size
        Side in pixels of the images that a model is tried with.
    capabilities
        What it can do, of :data:`CAPABILITIES`; by default all.
    expected_failures
        Names of checks that are known to fail, each with the reason. One that passes all the same is a failure.
    files
        Files to load as plugins, as with ``--plugin``.

    Raises
    ------
    ValueError
        If a kind, a capability or a check is not known by that name.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    size: int = 64
    capabilities: frozenset[str] = frozenset(CAPABILITIES)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in list(Kind):
            raise ValueError(f"there is no kind {self.kind!r}; there are: {', '.join(Kind)}")
        if unknown := sorted(set(self.capabilities) - CAPABILITIES.keys()):
            raise ValueError(f"there is no capability {unknown[0]!r}; there are: {', '.join(CAPABILITIES)}")
        from frame.testing.runner import checks_of

        names = [check.__name__ for check in checks_of(self.kind)]
        if unknown := sorted(self.expected_failures.keys() - set(names)):
            raise ValueError(f"no check of a {self.kind} is called {unknown[0]!r}; there are: {', '.join(names)}")

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@lru_cache(maxsize=8)
def _catalog(files: tuple[Path, ...]) -> Catalog:
    return catalog(files=files)


class Subject:
    """A case at work: its component found, its options bound. Every check gets one.

    Raises :class:`frame.UserError` if the component is not there.
    """

    def __init__(self, case: Case, folder: Path, plugins: Catalog | None = None) -> None:
        self.case = case
        self.folder = folder
        """A place for files, which is deleted at the end."""
        self.kind = Kind(case.kind)
        self.plugins = plugins or _catalog(tuple(case.files))
        self.entry: Entry = self.plugins.find(self.kind, case.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.entry.qualified_name}"

    def needs(self, capability: str) -> None:
        """End a check for which the case lacks a capability."""
        if capability not in self.case.capabilities:
            skip(f"the case has no capability {capability!r}: it can't {CAPABILITIES[capability]}")

    @cached_property
    def options_class(self) -> type[Options] | None:
        """Skips if it can't be imported, which a check of its own tells."""
        try:
            model = self.entry.load_options()
        except UserError as error:
            raise CheckSkippedError(f"its options can't be imported, see check_options_import ({error})") from None
        if model is not None and not (isinstance(model, type) and issubclass(model, Options)):
            skip("its options are no frame.Options, see check_options_import")
        return model

    @cached_property
    def options(self) -> dict[str, Any]:
        """The case's own, and a folder made for a data set that needs one and can write its layout."""
        from frame.testing.layout import made_root

        given = dict(self.case.options)
        if self.kind is Kind.DATASET and (root := made_root(self, given)) is not None:
            given["root"] = str(root)
        return given

    @cached_property
    def part(self) -> Part:
        """The component with its options; skips where they don't bind, which the checks of options tell."""
        _ = self.options_class  # skips for itself
        try:
            return bind_component(self.plugins, self.kind, self.entry.qualified_name, options=self.options)
        except ConfigError as error:
            if missing := self.missing_options():
                skip(f"{', '.join(missing)} has to be given: --set {missing[0]}=..., or Case(options=...)")
            raise CheckSkippedError(f"its options don't bind, see check_options_have_defaults ({error})") from None

    def missing_options(self) -> list[str]:
        """Options without a default that the case does not give."""
        fields = self.options_class.model_fields if self.options_class else {}
        return [name for name, each in fields.items() if each.is_required() and name not in self.options]

    @property
    def task_sizes(self) -> tuple[int, ...]:
        """The numbers of classes to try: 1 for binary work, 4 for many, as the component serves."""
        serves = self.entry.component.serves
        return tuple(count for count, task in ((1, "binary"), (4, "multiclass")) if task in serves)

    def build(self, seed: int = 0, **context: Any) -> Any:
        """The component, built anew; skips if that fails, which ``check_it_builds`` tells."""
        try:
            return self.build_or_raise(seed, **context)
        except CheckSkippedError:
            raise
        except Exception as error:
            raise CheckSkippedError(f"it can't be built, see check_it_builds ({told(error)})") from error

    def build_or_raise(self, seed: int = 0, **context: Any) -> Any:
        """The component, built anew from a seed."""
        part = self.part
        randomness.seed(seed)
        return part(**{**CONTEXT.get(self.kind, {}), **context})
