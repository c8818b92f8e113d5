"""JSON schema of a config, with the options of every installed component, for editors that check TOML as it is written.

A reference to a component may be a name or a table. The table describes the union of all options of its kind, so that
an editor offers them before a name is there; an ``if`` for each name then says which options that component takes, and
of what type. (One schema for each name under ``oneOf`` would be more direct, and every mistake in one of them would be
reported as a mismatch with all.) Nothing is ``required``: a config with ``extends`` holds what differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame.config.options import KIND
from frame.config.tables import DataTable, LossTable, PluginsTable, RunTable, StageTable, TrainTable
from frame.plugin.component import Kind
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from frame.config.options import Options
    from frame.plugin.catalog import Catalog, Entry

Schema = dict[str, Any]
DIALECT = "http://json-schema.org/draft-07/schema#"  # the latest that every TOML editor reads
EXTENDS = "A config to start from: tables merge, other values replace its own."


def config_schema(catalog: Catalog) -> Schema:
    """The schema of a config in which the components of ``catalog`` may be used."""
    definitions: Schema = {}
    for kind in Kind:
        definitions |= _of_kind(catalog, kind)
    tables = {
        "run": _core(RunTable, definitions),
        "data": _reference("data"),
        "backbone": _reference(Kind.BACKBONE),
        "head": _reference(Kind.HEAD),
        "losses": _labelled(_unless_false(_reference("weighted_loss"))),
        "train": _core(TrainTable, definitions),
        "stages": _labelled(_core(StageTable, definitions)),
        "strategy": _reference(Kind.STRATEGY),
        "metrics": _labelled(_unless_false(_reference(Kind.METRIC))),
        "callbacks": _labelled(_unless_false(_reference(Kind.CALLBACK))),
        "plugins": _core(PluginsTable, definitions),
    }
    data = _core(DataTable, definitions)
    data["properties"]["augmentation"] = _unless_false(data["properties"]["augmentation"])
    definitions["data"] = _with_core(definitions[Kind.DATASET], data)
    definitions["weighted_loss"] = _with_core(definitions[Kind.LOSS], _core(LossTable, definitions))
    return {
        "$schema": DIALECT,
        "title": "Frame config",
        "type": "object",
        "additionalProperties": False,
        "properties": {"extends": {"type": "string", "description": EXTENDS}, **tables},
        "definitions": definitions,
    }


def _of_kind(catalog: Catalog, kind: Kind) -> Schema:
    """The definition of a reference to a component of one kind, and those that its options need."""
    needed: Schema = {}
    options: dict[str, Schema] = {}
    summaries: dict[str, str] = {}
    for entry in catalog.entries(kind):
        name = catalog.means(entry)
        try:
            options[name] = _options(entry, needed)
        except UserError:  # a broken plugin breaks nothing but itself; `frame list` tells of it
            continue
        summaries[name] = f"{entry.component.summary} ({entry.plugin.source.name})"
    return needed | {kind.value: _choice(kind, options, summaries)}


def _choice(kind: Kind, options: dict[str, Schema], summaries: dict[str, str]) -> Schema:
    names = {"type": "string", "enum": sorted(options), "description": _listed(kind, summaries)}
    union: Schema = {}
    for properties in options.values():
        for key, schema in properties.items():
            union[key] = schema if union.get(key, schema) == schema else _described(schema)
    return {
        "description": f"A {kind}, by its name or as a table with its name and options.",
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": names,
        "else": {
            "properties": {"name": names, **{key: _described(schema) for key, schema in union.items()}},
            "additionalProperties": True,  # tombi takes silence for False; the rules below are the limit
            "allOf": [
                {"if": {"required": ["name"]}, "else": {"properties": union, **_only(["name", *union])}},
                *(_taken(name, properties) for name, properties in sorted(options.items())),
            ],
        },
    }


def _taken(name: str, properties: Schema) -> Schema:
    """What the component ``name`` takes."""
    return {
        "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
        "then": {"properties": properties, **_only(["name", *properties])},
    }


def _described(schema: Schema) -> Schema:
    return {"description": schema.get("description", "")}


def _only(keys: list[str]) -> Schema:
    """No other keys than these: a mistake is told once, by the name of the key."""
    return {"propertyNames": {"enum": keys}}


def _with_core(choice: Schema, core: Schema) -> Schema:
    """A component's table that holds keys of Frame's own too."""
    own, table = core["properties"], choice["else"]

    def widened(rule: Schema) -> Schema:
        return {**rule, **_only([*rule["propertyNames"]["enum"], *own])}

    rules = [{key: item if key == "if" else widened(item) for key, item in each.items()} for each in table["allOf"]]
    return {**choice, "else": {**table, "properties": {**table["properties"], **own}, "allOf": rules}}


def _core(model: type[Options], definitions: Schema) -> Schema:
    properties = _properties(model, definitions)
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _options(entry: Entry, definitions: Schema) -> Schema:
    model = entry.load_options()
    return _properties(model, definitions) if model else {}


def _properties(model: type[Options], definitions: Schema) -> Schema:
    """Each field's schema with its documentation; models within fields are added to ``definitions``."""
    prefix = f"{model.__module__}.{model.__qualname__}."
    whole = model.model_json_schema(ref_template=f"#/definitions/{prefix}{{model}}")
    for name, schema in whole.get("$defs", {}).items():
        definitions[prefix + name] = _resolved(schema)
    documentation = model.documentation()
    return {
        key: _resolved(schema) | ({"description": documentation[key]} if key in documentation else {})
        for key, schema in whole.get("properties", {}).items()
    }


def _resolved(schema: Any) -> Any:
    """What pydantic says in words of this schema: parts are references; no titles, and no null, which TOML lacks."""
    if isinstance(schema, list):
        return [_resolved(item) for item in schema if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    if KIND in schema:
        return _reference(schema[KIND])
    dropped = {"title"} | ({"default"} if schema.get("default", ...) is None else set())
    found = {key: _resolved(item) for key, item in schema.items() if key not in dropped or isinstance(item, dict)}
    match found.get("anyOf"):
        case [dict(only)]:  # the other one was null
            return only | {key: item for key, item in found.items() if key != "anyOf"}
    return found


def _labelled(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _unless_false(schema: Schema) -> Schema:
    """``false`` takes out what a parent config put in."""
    return {"if": {"type": "boolean"}, "then": {"const": False}, "else": schema}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _listed(kind: Kind, summaries: dict[str, str]) -> str:
    return "\n".join([f"Name of a {kind}:", *(f"- {name}: {text}" for name, text in sorted(summaries.items()))])
