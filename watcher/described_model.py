"""The base of pydantic models whose fields are explained by the docstrings below them.

Pydantic's own `use_attribute_docstrings` reads the source of every class when it is defined: half a second at each
start, for schemas that few processes ever print. Here the source is read when a schema is made.
"""

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema


class DescribedModel(BaseModel):
    # Most models are never used by a given process: a validator is built when it is first needed.
    model_config = ConfigDict(defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties: dict[str, dict[str, Any]] = handler.resolve_ref_schema(schema).get("properties", {})
        for owner in cls.__mro__:  # what a subclass says of a field comes first
            for name, text in _field_docs(owner).items():
                if name in properties:
                    properties[name].setdefault("description", text)
        return schema


def _field_docs(owner: type) -> Mapping[str, str]:
    is_ours = issubclass(owner, DescribedModel) and owner is not DescribedModel
    return _module_docs(owner.__module__).get(owner.__qualname__, {}) if is_ours else {}


@cache
def _module_docs(module: str) -> Mapping[str, Mapping[str, str]]:
    """The docstrings of the fields of a module's classes, by class and field."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: dict(_docstrings(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _docstrings(defined: ast.ClassDef) -> list[tuple[str, str]]:
    return [
        (field.target.id, inspect.cleandoc(text.value.value))
        for field, text in pairwise(defined.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    ]
