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
NOT_R4: Final = "is not an element of FHIR R4"
_WRONG: Final = {"missing": "is missing", "extra_forbidden": NOT_R4}
_OTHER: Final = "has a value that FHIR R4 does not allow"


def validate(resource: Mapping[str, Any]) -> None:
    """Check one resource.

    Raises InvalidInput with one sentence that names the first wrong element's path, never its value.
    """
    name = resource.get("resourceType")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput("resourceType does not name a FHIR R4 resource.", field="resourceType")
    for path, wrong in faults(resource, model(name)):
        raise InvalidInput(f"{path} {wrong}.", field=path)


def faults(resource: Mapping[str, Any], asked: Any) -> list[tuple[str, str]]:
    """Return (element path, why) for each thing that the model `asked` (see `model`) finds wrong, never a value."""
    from pydantic import ValidationError

    name = str(resource["resourceType"])
    try:
        asked.model_validate(resource)
    except ValidationError as error:
        listed = error.errors(include_input=False, include_url=False, include_context=False)
        # Built here, raised elsewhere: the library's error holds the values and must not travel along as a context.
        return [(_path(name, one["loc"]), _WRONG.get(one["type"], _OTHER)) for one in listed]
    return []


@cache
def model(name: str) -> Any:
    """Return the R4B model of a resource type; its module is imported on first use (300 ms for the first one).

    Raises InvalidInput when there is none.
    """
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
