"""One member's share of a signed note → a DocumentReference and its Provenance (FHIR R4, FHIR facts 1, 4.5, 5.3).

```json
{"resourceType":"Bundle","type":"transaction","entry":[
 {"fullUrl":"urn:uuid:9c…","resource":{"resourceType":"DocumentReference","id":"9c…","status":"current",…},
  "request":{"method":"PUT","url":"DocumentReference/9c…"}}, …]}
```

The rendered note travels with the resource, as HTML and as plain text. A note is never a CarePlan or a Goal: nothing
but these two types of resource can be in its Bundle (contracts I1).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from withness.core.note import Note, NoteTemplate, labels
from withness.core.terms import reference
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.making import Resource
from withness.fhir.moments import instant
from withness.fhir.provenance import AUTHOR, SIGNATURE_MEANINGS
from withness.fhir.status import document_superseded, put

TYPES: Final = ("DocumentReference", "Provenance")
"""All that a note's Bundle may ever hold."""


@dataclass(frozen=True)
class Document:
    """What a making of one member's document needs.

    `note` is this member's share and nobody else's (`core.note.for_chart`); `html` and `text` are what was rendered of
    it; `id` and `version` are the note's, `signed_at` is None for a draft. `related` are references into this chart;
    `replaces` is the document of the version that this one takes the place of ("" for none).
    """

    id: str
    version: int
    template: NoteTemplate
    note: Note
    html: str
    text: str
    made_at: datetime
    signed_at: datetime | None
    organization: str
    us_core: str
    demo: bool
    related: tuple[str, ...] = ()
    replaces: str = ""


def document_id(note: str, version: int, member: str) -> str:
    """Return the id that a version of a note has in this member's chart. Raises InvalidInput for an id that is no UUID.

    Charts of one unit share no id: who sees two of them learns nothing from it (contracts I8).
    """
    return str(uuid5(_uuid(note), f"{member}|DocumentReference|{version}"))


def note_identifier(note: str, member: str) -> str:
    """Return the identifier of a note in this member's chart: the same for each version of it. Raises as above."""
    return str(uuid5(_uuid(note), f"{member}|note"))


def note_transaction(document: Document) -> Resource:
    """Return ONE transaction Bundle of PUTs under ids of our making, so that a repeated delivery has one effect.

    Raises InvalidInput for a note of several members or of one who is no patient, for one that is kept outside the
    record, and for a template without a document type.
    """
    note, template = document.note, document.template
    if len(note.members) != 1:
        raise InvalidInput("Each member's document holds that member's share alone.", field="members")
    reference(note.members[0], "Patient", field="members")
    if template.loinc is None:
        raise InvalidInput("This note is kept outside the client's record: it goes into no chart.", field="template")
    made = (_document_reference(document, template.loinc.code), _provenance(document))
    return require_note({"resourceType": "Bundle", "type": "transaction", "entry": [put(one, "") for one in made]})


def require_note(bundle: Resource) -> Resource:
    """Return a note's Bundle as it is. Raises InvalidInput when it holds, or writes to, anything but a note."""
    for entry in bundle["entry"]:
        written = {entry["resource"]["resourceType"], entry["request"]["url"].partition("/")[0]}
        if not written <= set(TYPES) or entry["request"]["method"] != "PUT":
            raise InvalidInput("A note's Bundle holds its document and Provenance alone.", field="Bundle.entry")
    return bundle


def superseding(bundle: Resource, before: Mapping[str, Any], version: str) -> Resource:
    """Return a note's Bundle that also marks the document `before`, read at `version`, as superseded.

    What is marked so already, or is entered in error, is left as it is.
    """
    marked = document_superseded(before)
    return require_note({**bundle, "entry": [*bundle["entry"], put(marked, version)]} if marked else bundle)


NEVER_ARRIVED: Final = (
    "This version was replaced before it reached this chart. It is kept where it was written; what stands is the "
    "document that replaces it."
)
"""What stands in the place of the words of an earlier version that a newer one overtook."""


def never_arrived(document: Mapping[str, Any]) -> Resource:
    """Return an earlier document as it is written where it never arrived: its frame, without a word of what it said."""
    first = document["content"][0]["attachment"]
    return {**document, "content": [_attachment("text/plain", NEVER_ARRIVED, first["title"], first["creation"])]}


# --- DocumentReference ---------------------------------------------------------------------------------------


def _document_reference(document: Document, loinc: str) -> Resource:
    """Return the document (R4 documentreference.html; US Core; our clinical-note profile)."""
    note, template, [member] = document.note, document.template, document.note.members
    resource: Resource = {
        "resourceType": "DocumentReference",
        "id": document_id(document.id, document.version, member),
        "meta": _meta(document, "us-core-documentreference", ours=codes.CLINICAL_NOTE, labelled=True),
        "identifier": [{"system": codes.NOTE, "value": note_identifier(document.id, member)}],
        "status": "current",
        "docStatus": _doc_status(document),
        "type": {"coding": [{"system": codes.LOINC, "code": loinc}], "text": template.title},
        "category": [codes.CLINICAL_NOTE_CATEGORY],
        "subject": {"reference": member},
        "date": instant(document.signed_at or document.made_at, field="date"),
        "author": [{"reference": note.author}],
        "custodian": {"reference": document.organization},
        "relatesTo": [{"code": "replaces", "target": {"reference": document.replaces}}] if document.replaces else [],
        "securityLabel": [{"coding": [one]} for one in _labels(document)],
        "content": [
            _content(document, "text/html", document.html),
            _content(document, "text/plain", document.text),
        ],
        "context": _context(document),
    }
    return {name: value for name, value in resource.items() if value}


def _doc_status(document: Document) -> str:
    if document.signed_at is None:
        return "preliminary"
    return "amended" if document.replaces else "final"


def _content(document: Document, kind: str, rendered: str) -> Resource:
    """Return one form of the note."""
    title, creation = document.template.title, instant(document.made_at, field="creation")
    return _attachment(kind, rendered, title, creation)


def _attachment(kind: str, text: str, title: str, creation: str) -> Resource:
    """Return a text's bytes, their number, and their SHA-1, which R4 Attachment.hash asks for."""
    made = text.encode()
    digest = hashlib.sha1(made, usedforsecurity=False).digest()
    return {
        "attachment": {
            "contentType": kind,
            "data": base64.b64encode(made).decode(),
            "size": len(made),
            "hash": base64.b64encode(digest).decode(),
            "title": title,
            "creation": creation,
        }
    }


def _context(document: Document) -> Resource:
    note = document.note
    day = note.held_on.isoformat()
    context: Resource = {
        "encounter": [{"reference": note.encounter}] if note.encounter else [],
        "period": {"start": day, "end": day},
        "related": [{"reference": one} for one in document.related],
    }
    return {name: value for name, value in context.items() if value}


# --- Provenance ----------------------------------------------------------------------------------------------


def _provenance(document: Document) -> Resource:
    """Return who wrote it (R4 provenance.html): the clinician; and the client, where they wrote it together."""
    note, [member] = document.note, document.note.members
    attested = note.attestation
    agents: list[Resource] = [
        {"type": AUTHOR, "who": {"reference": note.author}, "onBehalfOf": {"reference": document.organization}}
    ]
    if attested is not None and attested.written_together:
        agents.append({"type": AUTHOR, "who": {"reference": member}})
    sources = [one for one in document.related if one.startswith("CarePlan/")]
    entities: list[Resource] = [{"role": "source", "what": {"reference": one}} for one in sources]
    if document.replaces:
        entities.append({"role": "revision", "what": {"reference": document.replaces}})
    id = str(uuid5(_uuid(document.id), f"{member}|Provenance|{document.version}"))
    resource: Resource = {
        "resourceType": "Provenance",
        "id": id,
        "meta": _meta(document, "us-core-provenance"),
        "target": [{"reference": f"DocumentReference/{document_id(document.id, document.version, member)}"}],
        "recorded": instant(document.made_at, field="recorded"),
        "activity": {"coding": [{"system": codes.DATA_OPERATION, "code": "UPDATE" if document.replaces else "CREATE"}]},
        "agent": agents,
        "entity": entities,
        "signature": [_signature(note.author, document.signed_at)] if document.signed_at else [],
    }
    return {name: value for name, value in resource.items() if value}


def _signature(who: str, when: datetime) -> Resource:
    return {
        "type": [{"system": codes.SIGNATURE_TYPE, "code": SIGNATURE_MEANINGS["author"]}],
        "when": instant(when, field="signed_at"),
        "who": {"reference": who},
    }


# --- parts ---------------------------------------------------------------------------------------------------


def _meta(document: Document, profile: str, *, ours: str = "", labelled: bool = False) -> Resource:
    own = [codes.versioned(ours)] if ours else []
    security = [codes.TEST_DATA] if document.demo else []
    security += _labels(document) if labelled else []
    meta: Resource = {"profile": [codes.us_core(profile, document.us_core), *own]}
    return {**meta, "security": security} if security else meta


def _labels(document: Document) -> list[dict[str, str]]:
    """Return the labels of what is written in this member's share (v3-ActCode, FHIR facts 4.3)."""
    return [{"system": codes.ACT_CODE, "code": one.value} for one in labels(document.template, document.note)]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("A note's id must be a UUID.", field="note") from None
