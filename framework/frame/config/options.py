"""What a component's options are made of: a strict pydantic model, whose fields may be components themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError, core_schema

from frame.plugin.component import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo

    from frame.plugin.catalog import Entry


KIND = "x-frame-kind"


class Options(BaseModel):
    """Base of every component's options.

    Unknown keys are errors, types are not coerced, instances don't change. The docstring under a field is its
    documentation in ``frame show``. Keep the module free of torch: ``frame check`` imports it.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,  # a module of options is imported for one class of it
        protected_namespaces=(),
    )

    @classmethod
    def documentation(cls) -> dict[str, str]:
        """What the string under each field says.

        Read when it is asked for: pydantic's ``use_attribute_docstrings`` would parse the source of every class at
        import, a fifth of the time of ``frame check``.
        """
        from frame.config.documentation import field_docs

        return field_docs(cls)

    def problems(self) -> Iterable[str]:
        """What is wrong outside the config, such as a file that is not there: a message each, with the remedy.

        Asked by ``frame check`` and at the start of ``frame run``, so it must be quick and import nothing heavy.
        """
        return ()

    def loaded(self) -> Self:
        """The same options for a component whose weights come from a checkpoint right after it is built.

        One that would fetch weights of its own overrides this, so that a model is loaded without a network.
        """
        return self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a config: where (a key path) and what, with a remedy if there is one."""

    path: tuple[str | int, ...]
    message: str

    def under(self, *prefix: str | int) -> Problem:
        """The same problem, seen from the table that holds this one."""
        return Problem((*prefix, *self.path), self.message)


class BindError(Exception):
    """A component's table does not bind; holds all its problems, with paths that start at that table."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(p.message for p in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Part:
    """A component chosen by a config: a factory that its holder calls with what only it knows.

    In an options class a field is declared with :class:`OfKind`; in TOML it is a name, or a table with a name and
    options. The target then gets a ``Part`` and calls it:

    >>> expert = part(channels=64)  # doctest: +SKIP
    """

    kind: Kind
    name: str
    entry: Entry | None = field(default=None, repr=False)
    options: Options | None = None

    def __call__(self, **context: Any) -> Any:
        """Import the target and call it with the options and ``context``, all as keywords.

        Raises
        ------
        UserError
            If the target can't be imported, with its plugin, distribution and cause.
        """
        if self.entry is None:
            raise TypeError(f"{self.kind} {self.name!r} was never bound: options with parts come from a config")
        return self.entry.load_target()(**self.keywords(), **context)

    def loaded(self) -> Part:
        """The part as it is built when its weights come from a checkpoint: see :meth:`Options.loaded`."""
        return replace(self, options=self.options.loaded()) if self.options else self

    def keywords(self) -> dict[str, Any]:
        """The options by name, as the target takes them."""
        return {key: getattr(self.options, key) for key in type(self.options).model_fields} if self.options else {}

    def as_table(self) -> dict[str, Any]:
        """Name and options as plain values, every default written out: binding it again gives this part."""
        return {"name": self.name, **plain(self.keywords())}

    def walk(self) -> Iterable[Part]:
        """The part itself and the parts within its options, outermost first."""
        yield self
        for value in self.keywords().values():
            yield from parts_in(value)


def parts_in(value: object) -> Iterable[Part]:
    """All parts in an option's value, however deep."""
    if isinstance(value, Part):
        yield from value.walk()
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from parts_in(item)


def plain(value: Any) -> Any:
    """``value`` in the types that TOML and JSON know; an unset (``None``) entry of a table is left out."""
    if isinstance(value, Part):
        return value.as_table()
    if isinstance(value, BaseModel):
        return plain({key: getattr(value, key) for key in type(value).model_fields})
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


class OfKind:
    """Annotation of an option that is a component: ``Annotated[Part, OfKind("expert")]``, alone or in a tuple or dict.

    Validation goes through the binder in the validation context.
    """

    def __init__(self, kind: str) -> None:
        self.kind = Kind(kind)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": ["string", "object"], KIND: self.kind.value}  # a schema of the whole config refers to the kind

    def _validate(self, value: object, info: ValidationInfo) -> Part:
        if isinstance(value, Part):
            return value
        bind: Callable[[Kind, object], Part] | None = (info.context or {}).get("bind")
        if bind is None:  # options made by hand, not from a config: a reference only
            name = value.get("name") if isinstance(value, dict) else value
            if not isinstance(name, str):
                raise PydanticCustomError("part", "expected a name, or a table with a name")
            return Part(self.kind, name)
        try:
            return bind(self.kind, value)
        except BindError as error:
            raise PydanticCustomError("part", "{text}", {"text": str(error), "problems": error.problems}) from None
