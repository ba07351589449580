"""The compliance report: the trail read once, in one transaction; making it is recorded.

Whoever only says who they are gets what search columns and plain details tell, people under pseudonyms. Somebody
enrolled as compliance who signs with their own key gets what is sealed too: domains, questions, steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from withness.audit import log
from withness.audit.misread import misread
from withness.audit.record import Kind, instant
from withness.audit.report import Asked, Report
from withness.audit.report_acute import Episode, without_protocol
from withness.audit.report_counts import Blocks, NearExpiry, decisions, near_expiry, weeks
from withness.audit.report_signed import PAIRED, patterns, raises, refusals, sign_offs, signed_acts
from withness.audit.report_state import policy_spans
from withness.audit.seen import CHANGED, Seen, time_of
from withness.audit.words import many, were
from withness.core.acts import Act
from withness.desk.context import SAMPLE, Actor, Context
from withness.desk.doubt import in_doubt
from withness.desk.sign_off import Matter, sign_off
from withness.desk.trail_reading import (
    SAYING,
    TrailReading,
    as_they_are,
    looking,
    pseudonyms,
    record_look,
    require_looker,
)
from withness.errors import InvalidInput
from withness.packs.note_texts import note_texts
from withness.signing import Signer
from withness.store.sql import Store
from withness.store.transaction import Transaction

_KINDS: Final = tuple(dict.fromkeys(Kind(kind) for kind, _ in PAIRED))

SAMPLE_SENTENCE: Final = "SAMPLE DATA: this data directory was made by withness demo, and its people are made up."

SEALED_SENTENCE: Final = (
    "Domains, questions, steps, and what overrides cover are sealed: somebody enrolled as compliance who signs for "
    "the report sees them."
)


def report(store: Store, actor: Actor, at: datetime, asked: Asked, *, organization: str) -> Report:
    """Return the report on what is not sealed, people under pseudonyms, and record that it was made.

    Raises Refused for a partner or proxy, InvalidInput for what needs a signature or an unknown policy, CannotTell.
    """
    require_looker(actor)
    for name in ("names", "rationales", "sealed"):
        if getattr(asked, name):
            said = f"{name} are shown to somebody enrolled as compliance who signs for the report with their own key."
            raise InvalidInput(said, field=name)
    with looking(store) as tx:
        made = _read(tx, at, asked, organization)
    record_look(store, actor, at, "report", {"records": made.records, **_asked(asked)})
    return made


def signed_report(context: Context, actor: Actor, asked: Asked, signer: Signer) -> Report:
    """Return the report with what is sealed; that it was seen is an act, signed by somebody enrolled as compliance.

    Raises what `sign_off` raises, InvalidInput for an unknown policy.
    """
    body = {**_asked(asked), "names": asked.names, "rationales": asked.rationales}
    matter = Matter("report", body, plain=body, kind=Kind.TRAIL_VIEWED)
    with looking(context.store) as tx:
        _digest(tx, asked.policy)
    sign_off(context, matter, signer, actor=actor)
    with looking(context.store) as tx:
        return _read(tx, context.now(), asked, context.settings.organization)


def _asked(asked: Asked) -> dict[str, Any]:
    return {
        "from": instant(asked.since) if asked.since else None,
        "to": instant(asked.until) if asked.until else None,
        "of_policy": asked.policy,
    }


def _digest(tx: Transaction, policy: str | None) -> str | None:
    """Return the digest of a policy named by digest or version. Raises InvalidInput for one the trail does not know."""
    if policy is None:
        return None
    known = tx.policies()
    for digest, version in known.items():
        if policy in (digest, version):
            return digest
    raise InvalidInput(
        "The trail knows no policy of this version or digest.",
        field="policy",
        hint=f"It knows: {', '.join(sorted(known.values()))}.",
    )


def _read(tx: Transaction, now: datetime, asked: Asked, organization: str) -> Report:
    span, policy = (asked.since, asked.until), _digest(tx, asked.policy)
    reading = TrailReading(tx, as_they_are if asked.names else pseudonyms(tx), now, policy, misread(tx))
    counted = reading.counted(*_instants(asked))
    acts = {one.id: one for one in reading.acts(SAYING)} if asked.sealed else {}
    two = reading.records(_KINDS, *span)
    blocks = _blocks(reading, asked, tuple(acts.values())) if asked.sealed and tx.opens else None
    near, unread = _near_expiry(reading, asked)
    episodes = tuple(one for one in reading.episodes if _of_span(one, asked))
    changes = replace(reading, policy=None).records([Kind.POLICY_CHANGED])
    first, facts = reading.span(), tx.facts()
    return Report(
        organization=organization,
        directory=facts.get("data_id", ""),
        made=now,
        asked=asked,
        records=sum(one.count for one in counted),
        span=(time_of(first[0]), time_of(first[1])) if first else None,
        notice=_notice(asked, sample=SAMPLE in facts),
        decisions=decisions(counted),
        weeks=weeks(counted),
        domains=blocks.domains() if blocks else None,
        questions=blocks.questions() if blocks else None,
        acute=episodes if asked.sealed else tuple(one.unsealed() for one in episodes),
        unopened=tuple(one.seq for one in _unopened(reading) if _within(one.at, asked)),
        signed=signed_acts(two, acts, sealed=asked.sealed, words=asked.rationales),
        raised=raises(reading.records([Kind.ACUITY_RAISED], *span), acts, sealed=asked.sealed, words=asked.rationales),
        patterns=patterns(two),
        near_expiry=near,
        plans=reading.plans,
        policies=policy_spans(changes),
        clock=tuple(one for one in reading.clock if _within(one.at, asked)),
        breaks=reading.breaks,
        damage=log.damage(tx) or "",
        damages=reading.misread.damages,
        doubt=in_doubt(tx),
        refusals=refusals(reading.refused(*span)),
        sign_offs=sign_offs(reading.records([Kind.TRAIL_SIGNED_OFF], *span), acts, words=asked.rationales),
        # The last: by then all has been read.
        limits=tuple(_limits(reading, asked, unread + (blocks.unread if blocks else 0))),
    )


def _notice(asked: Asked, *, sample: bool) -> str:
    """Return what stands at the top: that the people are made up, and what goes with what is sealed (42 CFR part 2)."""
    said = (SAMPLE_SENTENCE if sample else "", note_texts()("redisclosure") if asked.sealed else "")
    return " ".join(filter(None, said))


def _within(at: datetime, asked: Asked) -> bool:
    return (asked.since is None or at >= asked.since) and (asked.until is None or at < asked.until)


def _of_span(one: Episode, asked: Asked) -> bool:
    """Whether a protocol was open at any time of the span."""
    begun = asked.until is None or one.opened < asked.until
    return begun and (asked.since is None or one.ended is None or one.ended >= asked.since)


def _unopened(reading: TrailReading) -> Sequence[Seen]:
    """Return the acute decisions without a protocol; none where protocols are not all known with their ends."""
    known = reading.tx.opens and all(one.how for one in reading.episodes)
    return without_protocol(reading.acute_decisions, reading.episodes) if known else ()


def _blocks(reading: TrailReading, asked: Asked, acts: Sequence[Act]) -> Blocks:
    """Count the sealed reasons of every decision that held."""
    found = Blocks()
    for _, content in reading.tx.decisions_of(reading.held(*_instants(asked))):
        if content is None:
            found.add(None)
        elif content["outcome"]["decision"].startswith("held"):
            found.add(content["outcome"])
    for act in acts:
        if _within(act.at, asked):
            found.override(act)
    return found


def _instants(asked: Asked) -> tuple[str, str]:
    """Return the span as records write times, "" for open."""
    return instant(asked.since) if asked.since else "", instant(asked.until) if asked.until else ""


def _near_expiry(reading: TrailReading, asked: Asked) -> tuple[tuple[NearExpiry, ...] | None, int]:
    """Return the plans approved on screens near expiry, None without the data key; and how many did not open."""
    if not reading.tx.opens:
        return None, 0
    approvals = reading.records([Kind.PLAN_APPROVED], asked.since, asked.until)
    ends: dict[str, list[str | None]] = {}
    for id, content in reading.tx.decisions_of(str(one.details.get("decision")) for one in approvals):
        if content is not None:
            ends.setdefault(id, []).append(content["outcome"]["expires"])
    return near_expiry(approvals, ends)


def _limits(reading: TrailReading, asked: Asked, unread: int) -> Iterator[str]:
    if not asked.sealed:
        yield SEALED_SENTENCE
    if not reading.tx.opens:
        yield (
            "The data key is not at hand, so nothing sealed was read: how acute holds ended and which plans were saved "
            "on screens near expiry is not known here, and people's codes hold for this report alone."
        )
    if reading.policy is not None:
        yield "Records of one policy are counted; what names no policy, such as deliveries, is left out of the counts."
    if unread + reading.broken:
        yield f"{unread + reading.broken} sealed rows do not open and are not counted. Run: withness audit verify"
    if reading.tx.unreadable:
        yield CHANGED
    if gone := reading.tx.pruned(*_instants(asked)):
        yield (f"{many(gone)} of this time {were(gone)} pruned: not counted here, and in the export that was kept.")
    if not asked.rationales:
        yield "What people wrote is left out: their reasons, and what examiners noted."
