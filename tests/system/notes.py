"""Note files for the stories: each template's own example, made anew; and what the charts hold of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.system.site import CLINICIAN, Site
from withness.core.origin import plan_in
from withness.packs.note_templates import SHIPPED

TEMPLATES = Path(__file__).resolve().parents[2] / "note_templates"
RECORD = tuple(id for id in SHIPPED if id != "supervision-reflection")
"""The templates whose notes are part of the client's record: all but the reflection."""

ROSA, TOM = "Patient/rosa", "Patient/tom"


def make_note(template: str = "session", *, fields: Mapping[str, Any] = {}, **changes: Any) -> dict[str, Any]:
    """The template's example as a new note in Rosa's encounter, of no plan; None takes a key or field away."""
    example = json.loads((TEMPLATES / template / "example.json").read_text(encoding="utf-8"))
    written = {name: value for name, value in {**example["fields"], **fields}.items() if value is not None}
    made = {
        **example,
        "encounter": "Encounter/e1",
        "plan": None,
        "fields": written,
        "prefilled": {id: one for id, one in example.get("prefilled", {}).items() if plan_in(one["from"]) is None},
        "request_id": str(uuid4()),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None or name == "plan"}


def saved(site: Site, template: str = "session", **changes: Any) -> str:
    """Save a note that can be signed; return its id."""
    answer = site.desk.save_note(make_note(template, **changes), actor=CLINICIAN)
    assert (answer["saved"], answer["missing"], answer["claims"], answer["named"]) == (True, [], [], [])
    return str(answer["note"])


def signed(site: Site, template: str = "session", **changes: Any) -> dict[str, Any]:
    """Save and sign a note; return the signature's answer."""
    shown = {} if template == "supervision-reflection" else {"shown": "shown"}
    return site.desk.sign_note(saved(site, template, **changes), actor=CLINICIAN, **shown)


def notes_go_on(site: Site) -> None:
    """A minute later a safety plan is signed, and an acute screen recorded."""
    site.pass_time(minutes=1)
    assert signed(site, "safety")["state"] == "signed"
    assert site.screen("Patient/tom", answers={"suicide.now": "yes"})["decision"].startswith("held")


def released_plan(site: Site, draft: Mapping[str, Any] | None = None) -> str:
    """Screen Rosa and save a plan; return its id."""
    site.screen()
    answer = site.save(draft)
    assert answer["saved"]
    return str(answer["plan"])


def documents(site: Site, who: str = ROSA) -> list[dict[str, Any]]:
    """A person's documents in the embedded chart, the first written first."""
    found = [one.resource for one in site.chart("DocumentReference")]
    mine = [one for one in found if one["subject"]["reference"] == who]
    return sorted(mine, key=lambda one: str(one.get("date")))


def texts(document: Mapping[str, Any]) -> dict[str, str]:
    """A document's forms by content type, as they were written."""
    forms = [one["attachment"] for one in document["content"]]
    return {one["contentType"]: base64.b64decode(one["data"]).decode() for one in forms}
