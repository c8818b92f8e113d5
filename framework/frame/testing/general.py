"""What holds for a component of any kind: its plugin, its names, its options, and what importing it does."""

from __future__ import annotations

import inspect
import json
import sys
import tomllib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from frame.config.bind import ConfigError, bind_component
from frame.config.options import Options, Part, plain
from frame.config.run import toml_value
from frame.config.tables import DataTable, LossTable
from frame.plugin.component import Kind
from frame.plugin.errors import UserError
from frame.testing.case import CONTEXT, Subject
from frame.testing.outcome import CheckFailedError, fail, failing, skip
from frame.testing.probe import report_on
from frame.testing.state import torch_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

RESERVED = {Kind.DATASET: DataTable.model_fields.keys(), Kind.LOSS: LossTable.model_fields.keys()}
"""Options that Frame has itself in the component's table."""


def check_hooks_are_known(subject: Subject) -> None:
    """Every function of the plugin's module that looks like a hook is one of Frame's hooks.

    Pluggy refuses an unknown name that is marked with ``@hookimpl``. One without the mark is never called, and nobody
    says so: rename it to the hook's name, in the plural, or let its name not begin with ``frame_``.
    """
    module = _plugin_module(subject)
    hooks = {kind.hook for kind in Kind}
    for name, value in vars(module).items():
        own = inspect.isfunction(value) and value.__module__ == module.__name__
        if own and name.startswith("frame_") and name not in hooks:
            fail(
                f"{module.__name__}.{name} looks like a hook, but there is none of that name",
                f"there are: {', '.join(sorted(hooks))}; or let it not begin with frame_",
            )


def check_registration_is_light(subject: Subject) -> None:
    """Loading the plugin's module and asking its hooks imports neither torch nor another heavy library.

    ``frame list`` does it for every plugin that is installed. Keep the module to ``Component`` records, whose targets
    are import strings.
    """
    if _is_file(subject):
        skip("it is a file, which is loaded only where it is asked for")
    if heavy := _report(subject)["registration"]:
        fail(
            f"registering {subject.entry.plugin} imports {', '.join(heavy)}",
            "name targets by import strings, and import their modules nowhere in the plugin's module",
        )


def check_names(subject: Subject) -> None:
    """The short name is not a built-in's of the same kind, and there is a summary of one line.

    A built-in's short name always means the built-in, so a component of the same name is found only in full.
    """
    component, plugin = subject.entry.component, subject.entry.plugin
    namesakes = [each for each in subject.plugins.entries(subject.kind) if each.name == component.name]
    if not plugin.source.is_builtin and any(each.plugin.source.is_builtin for each in namesakes):
        fail(
            f"{component.name!r} is the name of a built-in {subject.kind}, which the short name will always mean",
            f"choose another, such as {plugin.name}_{component.name!s}",
        )
    if not component.summary.strip() or "\n" in component.summary:
        fail("the record has no summary of one line", 'write Component(..., summary="..."): "frame list" shows it')


def check_target_imports(subject: Subject) -> None:
    """The target can be imported and called."""
    try:
        target = subject.entry.load_target()
    except UserError as error:
        fail(_fault_of(error), "mend the import, or the import string of the record")
    if not callable(target):
        fail(f"the target {subject.entry.component.target!r} can't be called", "name a class or a function")


def check_options_import(subject: Subject) -> None:
    """The options can be imported without a heavy library, and are a subclass of ``frame.Options``.

    ``frame check`` imports the options of every component of a config, and no torch.
    """
    try:
        model = subject.entry.load_options()
    except UserError as error:
        fail(_fault_of(error), "mend the import, or the import string of the record")
    if model is None:
        skip("it has no options")
    if not (inspect.isclass(model) and issubclass(model, Options)):
        fail(f"the options {subject.entry.component.options!r} are no frame.Options", "derive the class from it")
    module = str(subject.entry.component.options).partition(":")[0]
    if not _is_file(subject) and (heavy := _report(subject)["options"].get(module)):
        fail(
            f"importing the options imports {', '.join(heavy)}",
            "put the class into a module of its own that imports pydantic and frame alone",
        )


def check_imports_leave_no_trace(subject: Subject) -> None:
    """Importing plugin, options and target prints nothing, and changes no random state, environment or setting."""
    report = _report(subject)
    component = subject.entry.component
    for module in ("the plugin", str(component.options).partition(":")[0], component.target.partition(":")[0]):
        if module in report["said"]:
            fail(f"importing {module} prints {report['said'][module]!r}", "print nothing at import")
        if module in report["changed"]:
            what = ", ".join(report["changed"][module])
            fail(f"importing {module} changes {what}", "do such things where the component is built, or not at all")


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


def check_it_builds(subject: Subject) -> None:
    """The target can be called twice with its options, and leaves them and torch's settings as they were."""
    part, before = subject.part, torch_settings()
    table = part.as_table()
    built = []
    for _ in range(2):
        with failing("it can't be built with its options", "mend the target"):
            built.append(subject.build_or_raise())
        if part.as_table() != table:
            fail("building it changes its options", "copy what it changes: others are built from the same")
    if changed := [name for name, value in torch_settings().items() if before[name] != value]:
        fail(f"building it changes torch's setting of {changed[0]}", "leave such settings to whoever runs the training")
    if built[0] is built[1]:
        fail("it is the same object when it is built twice", "return a new one from each call")


CHECKS = (
    check_hooks_are_known,
    check_registration_is_light,
    check_names,
    check_target_imports,
    check_options_import,
    check_imports_leave_no_trace,
    check_options_have_defaults,
    check_options_survive_toml,
    check_options_have_a_schema,
    check_options_are_not_mutable,
    check_options_agree_with_the_target,
    check_options_leave_frames_names_alone,
    check_problems_are_told,
    check_it_builds,
)


def _report(subject: Subject) -> dict[str, Any]:
    found = report_on(subject.plugins, subject.entry.plugin.name, subject.case.files)
    if "failed" in found:
        fail(f"importing the plugin ends a process: {found['failed']}", "import nothing that ends one")
    return found


def _fault_of(error: UserError) -> str:
    """The part of a catalog's message that says what can't be imported, and why."""
    return "its " + str(error).partition(": its ")[2].partition("; this is a fault")[0]


def _is_file(subject: Subject) -> bool:
    return subject.entry.plugin.source.name.startswith("file ")


def _plugin_module(subject: Subject) -> Any:
    from importlib.metadata import entry_points

    plugin = subject.entry.plugin
    found = [each for each in entry_points(group="frame.plugins") if each.name == plugin.name]
    name = found[0].module if found else plugin.name
    if name not in sys.modules:
        try:
            import_module(name)
        except ImportError:
            skip(f"the module of {plugin} can't be found")
    return sys.modules[name]


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
