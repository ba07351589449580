"""catalogue/publication.toml: who publishes the FHIR artefacts."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import StringConstraints

from withness import content
from withness.core.publication import Publication
from withness.packs.toml import Outside, Text, Version, read

FILE: Final = "publication.toml"


class _Publication(Outside):
    publisher: Text
    contact: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    license: Text
    copyright: Text
    jurisdiction: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    us_core_base: Version
    us_core: tuple[Version, ...]


def load_publication() -> Publication:
    """Return what every artefact says of itself. Raises InvalidContent naming file and key."""
    found = read(_Publication, (content.folder("catalogue") / FILE).read_bytes(), name=FILE)
    return Publication(**found.model_dump())
