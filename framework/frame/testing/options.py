"""What holds for the options of a component of any kind, and for its target beside them."""

from __future__ import annotations

import inspect
import json
import tomllib
from typing import TYPE_CHECKING, Any

from frame.config.bind import ConfigError, bind_component
from frame.config.options import Part, plain
from frame.config.run import toml_value
from frame.config.tables import DataTable, LossTable
from frame.plugin.component import Kind
from frame.plugin.errors import UserError
from frame.testing.case import CONTEXT
from frame.testing.outcome import CheckFailedError, fail, failing, skip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frame.config.options import Options
    from frame.testing.case import Subject

RESERVED = {Kind.DATASET: DataTable.model_fields.keys(), Kind.LOSS: LossTable.model_fields.keys()}
"""Options that Frame has itself in the component's table."""


def check_options_have_defaults(subject: Subject) -> None:
    """Options have defaults that their own types and limits admit; those that can't have one are documented.

    Pydantic does not look at defaults by itself.
    """
    model = _options(subject)
    missing = [name for name, field in model.model_fields.items() if field.is_required()]
    if undocumented := [name for name in missing if not model.documentation().get(name)]:
        fail(
            f"option {undocumented[0]!r} has neither a default nor a docstring",
            "give it one of them: users are told the docstring",
        )
    if without := subject.missing_options():
        skip(f"{', '.join(without)} has to be given: --set {without[0]}=..., or Case(options=...)")
    bound = _bound(subject, subject.options)
    values = {name: plain(getattr(bound.options, name)) for name in model.model_fields}
    for name, field in model.model_fields.items():
        if values[name] is None or field.is_required():
            continue
        try:
            _bound(subject, subject.options | {name: values[name]})
        except CheckFailedError as error:
            fail(f"the default of option {name!r} is refused by its own type: {error}", "mend the one or the other")


def check_options_survive_toml(subject: Subject) -> None:
    """Options written as TOML and read again are the same: ``frame show`` and checkpoints do that."""
    _options(subject)
    part = subject.part
    values = {key: value for key, value in part.as_table().items() if key != "name" and value is not None}
    with failing("the options can't be written as TOML", "use text, numbers, truth values, paths, tuples and tables"):
        text = "".join(f"{json.dumps(key)} = {toml_value(value)}\n" for key, value in values.items())
        read = tomllib.loads(text)
    again = _bound(subject, read)
    if again.as_table() != part.as_table():
        different = [key for key, value in part.as_table().items() if again.as_table().get(key) != value]
        fail(
            f"option {different[0]!r} is another after it was written as TOML and read again",
            "use a type that TOML has, and let validators give back what they would accept",
        )


def check_options_have_a_schema(subject: Subject) -> None:
    """The options have a JSON schema, which editors complete from, and each option a docstring, which they show."""
    model = _options(subject)
    with failing("the options have no JSON schema", "use types that JSON has, or give the type its own schema"):
        json.dumps(model.model_json_schema())
    documentation = model.documentation()
    if undocumented := [name for name in model.model_fields if not documentation.get(name)]:
        fail(f"option {undocumented[0]!r} has no docstring", "write one under the field: 'frame show' prints it")


def check_options_are_not_mutable(subject: Subject) -> None:
    """Neither a default of the options nor one of the target is a list, a dict or a set that all would share."""
    model = subject.options_class
    for name, field in model.model_fields.items() if model else ():
        if isinstance(field.default, (list, dict, set)):
            fail(
                f"the default of option {name!r} is a {type(field.default).__name__}, which can be changed",
                "use a tuple, or Field(default_factory=...)",
            )
    for name, parameter in _parameters(subject).items():
        if isinstance(parameter.default, (list, dict, set)):
            fail(
                f"the target's default of {name!r} is a {type(parameter.default).__name__}, shared by all calls",
                "use a tuple, or None for its default",
            )


def check_options_agree_with_the_target(subject: Subject) -> None:
    """The target takes every option as a keyword, needs nothing else, and has the same defaults.

    Beside its options it is given what only Frame knows, such as an expert's ``channels``.
    """
    model, parameters = subject.options_class, _parameters(subject)
    options = model.model_fields if model else {}
    context = CONTEXT.get(subject.kind, {})
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    for name in (*options, *context):
        parameter = parameters.get(name)
        if parameter is None and not takes_all:
            origin = "option" if name in options else "keyword that Frame gives,"
            fail(f"the target has no parameter for the {origin} {name!r}", f"let it take {name!r} as a keyword")
        if parameter is not None and parameter.kind is parameter.POSITIONAL_ONLY:
            fail(f"the target takes {name!r} by its position only", "let it take keywords")
    if both := sorted(options.keys() & context.keys()):
        fail(f"option {both[0]!r} is what Frame itself gives to a {subject.kind}", "rename the option")
    for name, parameter in parameters.items():
        known = (
            name in options or name in context or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        )
        if not known and parameter.default is parameter.empty:
            fail(f"the target needs {name!r}, which is no option", "make it an option, or give it a default")
    for name, default in _defaults(options).items():
        own = parameters[name].default if name in parameters else inspect.Parameter.empty
        if own is not inspect.Parameter.empty and not _same(own, default):
            fail(
                f"{name!r} is {default!r} by default as an option and {own!r} in the target",
                "let both be the same, or the target have no default",
            )


def check_options_leave_frames_names_alone(subject: Subject) -> None:
    """No option is called as a setting that Frame has in the same table, such as ``name`` or a data set's ``size``."""
    model = _options(subject)
    taken = set(RESERVED.get(subject.kind, ())) | {"name"}
    if clash := sorted(model.model_fields.keys() & taken):
        fail(f"option {clash[0]!r} is a setting of Frame in the same table", "rename the option")


def check_problems_are_told(subject: Subject) -> None:
    """``problems()`` of the options gives messages, each a text, and raises nothing."""
    _options(subject)
    part = subject.part
    assert part.options is not None  # noqa: S101
    with failing("problems() of the options raises", "let it yield messages instead"):
        messages = list(part.options.problems())
    if any(not isinstance(message, str) for message in messages) or isinstance(part.options.problems(), str):
        fail("problems() of the options gives something else than texts", "yield a text for each problem")


CHECKS = (
    check_options_have_defaults,
    check_options_survive_toml,
    check_options_have_a_schema,
    check_options_are_not_mutable,
    check_options_agree_with_the_target,
    check_options_leave_frames_names_alone,
    check_problems_are_told,
)


def _options(subject: Subject) -> type[Options]:
    model = subject.options_class
    if model is None:
        skip("it has no options")
    return model


def _bound(subject: Subject, options: Mapping[str, Any]) -> Part:
    try:
        return bind_component(subject.plugins, subject.kind, subject.entry.qualified_name, options=options)
    except ConfigError as error:
        told = "; ".join(problem.message for problem in error.problems)
        raise CheckFailedError(f"its options are refused: {told}; mend the defaults, or the case's options") from None


def _parameters(subject: Subject) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(subject.entry.load_target()).parameters
    except UserError:
        skip("its target can't be imported, see check_target_imports")
    except (TypeError, ValueError):
        skip("its target has no signature that Python can tell")


def _defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of options that are plain values."""
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in options.items()
        if not field.is_required() and not any(hasattr(each, "kind") for each in field.metadata)
    }


def _same(one: Any, other: Any) -> bool:
    """Whether two defaults mean the same; an unset one means that the target decides."""
    if one is None or other is None or isinstance(one, Part) or isinstance(other, Part):
        return True
    return bool(plain(one) == plain(other))
