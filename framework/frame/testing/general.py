"""What holds for a component of any kind: its plugin, its name, and what importing and building it does."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from frame.config.options import Options
from frame.plugin.component import Kind
from frame.plugin.errors import UserError
from frame.testing.options import CHECKS as OPTIONS
from frame.testing.outcome import fail, failing, skip
from frame.testing.probe import report_on
from frame.testing.state import torch_settings

if TYPE_CHECKING:
    from frame.testing.case import Subject


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
    if subject.entry.plugin.source.is_file:
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
    if not subject.entry.plugin.source.is_file and (heavy := _report(subject)["options"].get(module)):
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
    *OPTIONS,
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


def _plugin_module(subject: Subject) -> Any:
    from importlib.metadata import entry_points

    from frame.plugin.host import GROUP

    plugin = subject.entry.plugin
    found = [each for each in entry_points(group=GROUP) if each.name == plugin.name]
    name = found[0].module if found else plugin.name
    if name not in sys.modules:
        try:
            import_module(name)
        except ImportError:
            skip(f"the module of {plugin} can't be found")
    return sys.modules[name]
