"""The strings under a class's fields: their documentation."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def field_docs(cls: type[BaseModel]) -> dict[str, str]:
    """The docstring under each field of ``cls``, its bases' fields too; empty for a class without source."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        found |= _docs_in_module(each.__module__).get(each.__qualname__, {})
    return {name: doc for name, doc in found.items() if name in cls.model_fields}


@lru_cache
def _docs_in_module(name: str) -> dict[str, dict[str, str]]:
    """For each class at the top of a module, its fields' docstrings."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[name]))
    except (OSError, TypeError, KeyError):
        return {}
    return {node.name: _docs_in_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _docs_in_class(node: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = inspect.cleandoc(doc)
    return docs
