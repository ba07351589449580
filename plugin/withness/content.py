"""Where the shipped, reviewable content lies: in the wheel, or in the checkout beside `plugin/`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def folder(root: str) -> Traversable:
    """Return the content folder `root` ("catalogue", "fhir_profiles" or "note_templates").

    The wheel carries these folders inside the package; an editable checkout has the latter two at its top.
    Raises FileNotFoundError when neither place has it.
    """
    packaged = files("withness") / root
    if packaged.is_dir():
        return packaged
    checkout = Path(__file__).resolve().parents[2] / root
    if checkout.is_dir():
        return checkout
    raise FileNotFoundError(f"Withness' content folder {root!r} is missing from this installation")
