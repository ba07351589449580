"""Reviewable TOML to checked values; every refusal names the file and the key."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from withness.errors import InvalidContent

Text = Annotated[str, StringConstraints(pattern=r"\S")]
"""A text that says something."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]
"""An id: lower case, digits, single hyphens."""

Version = Annotated[str, StringConstraints(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")]
"""A version of three numbers (semver.org, item 2)."""

Number = Annotated[int, Field(strict=True, ge=1, le=1_000)]
References = tuple[Annotated[int, Field(strict=True, ge=1, le=6)], ...]
"""Positions in the list of resources (catalogue/sources.toml)."""

Flag = Annotated[bool, Field(strict=True)]


class Outside(BaseModel):
    """A value from a file: frozen, and a key that is not one of its own is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=Outside)

_SAID: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a key of this file",
    "string_pattern_mismatch": "is not written as it must be",
    "too_short": "holds too few values",
    "too_long": "holds too many values",
    "tuple_type": "should be a list",
    "model_type": "should be a table",
    "dict_type": "should be a table",
    "greater_than": "is out of range",
    "greater_than_equal": "is out of range",
    "less_than": "is out of range",
    "less_than_equal": "is out of range",
}


def table(content: bytes, *, name: str) -> dict[str, Any]:
    """Return the TOML table in `content`. Raises InvalidContent naming the file: not UTF-8, not TOML."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidContent(f"{name} is not UTF-8 text.", field=name) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidContent(f"{name} is not TOML: {error}.", field=name) from None


def checked(model: type[Model], found: dict[str, Any], *, name: str) -> Model:
    """Return `found` as a `model`. Raises InvalidContent naming file and key of the first fault."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise refusal(name, _key(first["loc"], found), _said(first)) from None


def read(model: type[Model], content: bytes, *, name: str) -> Model:
    """Return the TOML file `content` as a `model`. Raises InvalidContent naming file and key."""
    return checked(model, table(content, name=name), name=name)


def refusal(name: str, key: str, said: str) -> InvalidContent:
    """Return the error that `key` of file `name` is at fault; `said` completes the sentence."""
    return InvalidContent(f"{name}: {key} {said}.", field=f"{name}:{key}")


def no_twice(values: Sequence[str], *, name: str, key: str) -> None:
    """Raise InvalidContent when a value stands in `values` twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise refusal(name, key, f"holds {value!r} twice")


def _said(fault: ErrorDetails) -> str:
    """Return what is wrong with a key, for a person who writes TOML and not Python."""
    if fault["type"] == "string_pattern_mismatch" and not str(fault["input"]).strip():
        return "is empty"
    if fault["type"] == "string_pattern_mismatch" and fault["loc"][-1:] == ("version",):
        return "must be three numbers, such as 1.4.0"
    # Our own validators say "must …", pydantic's say "Input should …".
    said = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return _SAID.get(fault["type"], f"{said[:1].lower()}{said[1:]}")


def _key(loc: tuple[int | str, ...], found: Any) -> str:
    """Return a key as a person finds it: an entry of a list by its id, where it has one."""
    steps: list[str] = []
    here = found
    for step in loc:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        named = (
            here.get("id", here.get("step", here.get("link")))
            if isinstance(here, dict) and isinstance(step, int)
            else None
        )
        steps.append(named if isinstance(named, str) and named else str(step))
    return ".".join(steps)
