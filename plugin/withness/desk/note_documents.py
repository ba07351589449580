"""What a signed note puts into the charts: one document for each member who is a patient, and what stood before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from withness.core.note import Note, NoteTemplate, stays_inside
from withness.desk.context import Context
from withness.desk.note_pages import Page, share
from withness.desk.shares import ACTIVE, share_of
from withness.errors import SealBroken
from withness.fhir.check import require_valid
from withness.fhir.note_resources import Document, document_id, note_transaction
from withness.store.rows import Delivery, NoteRow, OutboxRow, PlanState
from withness.store.transaction import Transaction

Bundles = dict[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Earlier:
    """What earlier versions left of a note in one chart: outbox `rows`, and the documents that are or may be there.

    Of a document whose row does not open, only type and id are known.
    """

    rows: tuple[str, ...] = ()
    documents: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)

    @property
    def replaces(self) -> str:
        """The newest document that is known to be written before or with this one, "" for none."""
        known = [one for one in self.documents if "content" in one]
        return f"DocumentReference/{known[-1]['id']}" if known else ""


def earlier_of(tx: Transaction, row: NoteRow, member: str) -> Earlier:
    """Return what earlier signed versions left in a member's chart, oldest first."""
    rows, there = [], []
    for version in row.content["versions"]:
        id = version["signed"]["rows"].get(member) if "signed" in version else None
        if id is None:
            continue
        try:
            sent = tx.outbox(id)
        except SealBroken:  # it is sent no more, and may have been: a damaged row never stops a note
            there.append({"resourceType": "DocumentReference", "id": document_id(row.id, version["number"], member)})
            continue
        if sent is not None:
            rows.append(id)
            there += [sent.content["bundle"]["entry"][0]["resource"]] if may_be_there(sent) else []
    return Earlier(tuple(rows), tuple(there))


def may_be_there(row: OutboxRow) -> bool:
    """Whether the EHR has this document, or may have it: a refused or withheld one, or one not tried yet, is not."""
    return row.state is Delivery.DELIVERED or (tried(row) and row.state not in (Delivery.REFUSED, Delivery.WITHHELD))


def tried(row: OutboxRow) -> bool:
    """Whether there was a try to send this, whatever became of it."""
    return row.state is Delivery.SENDING or row.attempts > 0


def documents(
    tx: Transaction,
    context: Context,
    template: NoteTemplate,
    note: Note,
    id: str,
    version: int,
    pages: Mapping[str, Page],
    earlier: Mapping[str, Earlier],
    at: datetime,
    *,
    signed: bool = True,
) -> Bundles:
    """Return the checked Bundle of each member who is a patient; who is none has no chart.

    A note that is kept outside the client's record has none, nor has one that stays inside Withness (contracts I8).
    Raises InvalidInput.
    """
    found: Bundles = {}
    if stays_inside(template, note, enforces_labels=context.settings.ehr_enforces_labels):
        return found
    for member in note.members:
        if template.loinc is None or member not in pages or not member.startswith("Patient/"):
            continue
        document = Document(
            id=id,
            version=version,
            template=template,
            note=share(context, template, note, member),
            html=pages[member].html,
            text=pages[member].text,
            made_at=at,
            signed_at=at if signed else None,
            organization=context.settings.organization,
            us_core=context.settings.us_core,
            demo=context.policy.demo,
            related=related(tx, context, template, note, member),
            replaces=earlier[member].replaces if member in earlier else "",
        )
        found[member] = note_transaction(document)
        require_valid(found[member])
    return found


def related(tx: Transaction, context: Context, template: NoteTemplate, note: Note, member: str) -> tuple[str, ...]:
    """Return what a note in this chart refers to there: the member's plan and goals, once the EHR has them.

    Notes about safety also name the newest risk assessment that Withness wrote there.
    """
    found: tuple[str, ...] = ()
    try:
        plan = tx.plan(note.plan) if note.plan else None
    except SealBroken:
        plan = None
    mine = share_of(plan, member) if plan is not None and plan.state in (*ACTIVE, PlanState.CLOSED) else {}
    if mine and mine.get("state") != PlanState.RETRACTED.value:
        found = (mine["care_plan"], *(f"Goal/{goal}" for goal in mine.get("goals", {}).values()))
    return (*found, *_assessments(tx, context, member)[-1:]) if template.always_saves else found


def _assessments(tx: Transaction, context: Context, member: str) -> tuple[str, ...]:
    sent = [one for one in tx.directives(member) if one.state is Delivery.DELIVERED]
    here = sorted((one for one in sent if one.ehr == context.ehr.address), key=lambda one: one.approved_at)
    urls = (entry["request"]["url"] for one in here for entry in one.content["bundle"]["entry"])
    return tuple(url for url in urls if url.startswith("RiskAssessment/"))
