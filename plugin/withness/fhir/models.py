"""One resource against the R4B models of fhir.resources, the declared model layer.

The models are asked, never used: what is sent is the dictionary that was built. They let a good deal through
(codes of required bindings, invariants, reference targets); `fhir/check` looks at those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from withness.errors import InvalidInput

_NAME: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
_SEGMENT: Final = re.compile(r"_?[a-z][A-Za-z]{0,63}")
_WRONG: Final = {"missing": "is missing", "extra_forbidden": "is not an element of FHIR R4"}


def validate(resource: Mapping[str, Any]) -> None:
    """Check one resource.

    Raises InvalidInput with one sentence that names the first wrong element's path, never its value.
    """
    from pydantic import ValidationError

    name = resource.get("resourceType")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput("resourceType does not name a FHIR R4 resource.", field="resourceType")
    model = _model(name)
    try:
        model.model_validate(resource)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        path, wrong = _path(name, first["loc"]), _WRONG.get(first["type"], "has a value that FHIR R4 does not allow")
    else:
        return
    # Raised outside the handler: the library's error holds the values and must not travel along as its context.
    raise InvalidInput(f"{path} {wrong}.", field=path)


@cache
def _model(name: str) -> Any:
    """Return the R4B model of a resource type; its module is imported on first use (300 ms for the first one)."""
    from fhir.resources.R4B.resource import Resource

    module = f"fhir.resources.R4B.{name.lower()}"
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        found = None
    if not isinstance(found, type) or not issubclass(found, Resource):
        raise InvalidInput("resourceType does not name a FHIR R4 resource.", field="resourceType")
    return found


def _path(name: str, places: tuple[int | str, ...]) -> str:
    """Return the element path; a key that cannot be an element's name is shown as "?" (it could be anything)."""
    path = name
    for place in places:
        if isinstance(place, int):
            path += f"[{place}]"
        else:
            path += f".{place if _SEGMENT.fullmatch(place) else '?'}"
    return path
