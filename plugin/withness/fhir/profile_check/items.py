"""The values of a resource as a profile sees them: each with its type, path and the extensions beside a primitive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from withness.fhir.profile_check.definitions import Node

CHOICE: Final = "[x]"


@dataclass(frozen=True)
class Item:
    """One value: `beside` is the object of `_name` (None without one), `type` its type where the element tells it."""

    value: Any
    beside: Any
    path: str
    type: str


def items(parent: Mapping[str, Any], node: Node, path: str) -> list[Item]:
    """Return the values of an element of `parent`, in order; of a choice, whichever type is there."""
    if node.name.endswith(CHOICE):
        return [
            one for key, code in _keys(parent, node.name[: -len(CHOICE)]) for one in _values(parent, key, path, code)
        ]
    only = next(iter(node.types)) if len(node.types) == 1 else ""
    return list(_values(parent, node.name, path, only))


def _keys(parent: Mapping[str, Any], stem: str) -> Iterator[tuple[str, str]]:
    """Yield each key of the choice with the type's name as the key has it ("DateTime")."""
    bare = dict.fromkeys(key.removeprefix("_") for key in parent)
    for key in bare:
        code = key.removeprefix(stem) if key.startswith(stem) else ""
        if code and code[0].isupper():
            yield key, code


def _values(parent: Mapping[str, Any], key: str, path: str, code: str) -> Iterator[Item]:
    value, beside = parent.get(key), parent.get(f"_{key}")
    if not isinstance(value, list) and not isinstance(beside, list):
        if value is not None or beside is not None:
            yield Item(value, beside, f"{path}.{key}", code)
        return
    values = value if isinstance(value, list) else []
    besides = beside if isinstance(beside, list) else []
    for position in range(max(len(values), len(besides))):
        one = values[position] if position < len(values) else None
        more = besides[position] if position < len(besides) else None
        if one is not None or more is not None:
            yield Item(one, more, f"{path}.{key}[{position}]", code)


def type_of(node: Node, item: Item) -> str | None:
    """Return the type code of `node` that an item has, None when the element does not allow its type."""
    if not node.name.endswith(CHOICE):
        return item.type
    wanted = item.type[0].lower() + item.type[1:]
    return next((code for code in node.types if code in (item.type, wanted)), None)
