"""The public API's check-ins and goals: record what was said of a session, and say how far each goal has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from withness import strict_json
from withness.audit.record import Record
from withness.core.achievement import Progress
from withness.core.terms import REFERENCE, reference
from withness.desk.asking import PEOPLE, actor_of
from withness.desk.check_in_delivery import deliver_check_in
from withness.desk.context import Actor, Context
from withness.desk.goal_delivery import Counted, queue, refresh, send_queued
from withness.desk.goals import Tracked, known_of
from withness.desk.outbox import Sent
from withness.desk.telling import may_see
from withness.errors import InvalidInput, Refused, WithnessError
from withness.store.rows import Delivery
from withness.store.transaction import Transaction


class Goals:
    """Check-ins always save (contracts I7). Skipped is not a no, and nobody is scored."""

    _context: Context

    def check_in(self, response: Mapping[str, Any], *, actor: str = "") -> dict[str, Any]:
        """Record a check-in (a FHIR R4 QuestionnaireResponse) and count the goals that it may move.

        Without `actor` whoever wrote it down acts. `goals` are those of the person's own chart, and `told` what the
        clinician is told of the answers; a partner or proxy who acts is told neither (contracts I8). Raises
        InvalidInput for what is no check-in or does not say whom it is about.
        """
        from withness.desk import check_ins

        strict_json.check(response, name="the check-in")
        who = actor_of(actor) if actor else _writer(response)
        rows: list[str] = []

        def then(tx: Transaction, whose: str) -> list[Record]:
            ids, records = queue(tx, self._context, whose, who, self._context.now())
            rows[:] = ids
            return records

        done = check_ins.record(self._context, response, who, then=then)
        person = done.answers.subject
        sent = deliver_check_in(self._context, done.outbox, who) if done.outbox else None
        counted = send_queued(self._context, rows, person, who) if rows else refresh(self._context, person, who)
        clinician, own = may_see(who.ref, ""), who.ref == person
        return {
            "check_in": done.response,
            "form": done.answers.form,
            "person": person,
            "how": done.how,
            "counted": done.answers.relied_on,
            "in_time": any(done.response == one.id for goal in _own(person, counted) for one in goal.responses),
            "faults": [{"item": one.where, "why": one.why} for one in done.answers.faults],
            "delivery": sent.state.value if sent else "inside",
            "goals": goals_of(person, counted) if clinician or own else [],
            "told": self._told_of(person) if clinician else [],
            "troubles": _troubles(person, counted, sent),
        }

    def count_goals(self, person: str, *, actor: str) -> dict[str, Any]:
        """Look for check-ins that came in through other form fillers, and count this person's goals anew."""
        require_clinician(actor)
        member = reference(person, "Patient", "RelatedPerson", field="person")
        counted = refresh(self._context, member, actor_of(actor))
        return {
            "person": member,
            "goals": goals_of(member, counted),
            "told": self._told_of(member),
            "troubles": _troubles(member, counted, None),
        }

    def _told_of(self, person: str) -> list[str]:
        """Return what the clinician is told of a person's answers; nothing where the EHR cannot be asked."""
        from withness.desk.reviews import told_of

        try:
            return list(told_of(self._context, known_of(self._context, person, ""), person))
        except WithnessError:
            return []

    def review(
        self,
        plan: str,
        *,
        actor: str,
        member: str = "",
        consents: Sequence[str] = (),
        answers: bool = False,
        format: str = "html",
    ) -> dict[str, Any]:
        """Return a plan as it is looked back on (`page`, as html or text), and what the clinician is `told`.

        A page is one member's own. `consents` names every member where each agreed, alone, to be shown on one for all;
        `answers` says that each agreed a second time, to their marked answers. That such a page was made is on record;
        words that somebody wrote are on nobody else's page.
        """
        from withness.desk import reviews
        from withness.packs.paper_review import paper_review, text_review

        require_clinician(actor)
        making = named_format(format, {"html": paper_review, "text": text_review})
        asked = reviews.Asked(plan, member, tuple(consents), answers)
        looked = reviews.look(self._context, asked, actor_of(actor))
        return {"plan": plan, "due": looked.due.isoformat(), "told": list(looked.told), "page": making(looked.page)}

    def reviewed(self, plan: str, *, actor: str, member: str = "", together: bool = False) -> dict[str, Any]:
        """Note that a plan was looked back on today, with one member or with all of them together."""
        from withness.desk import reviews

        require_clinician(actor)
        day = reviews.keep(self._context, plan, actor_of(actor), member=member, together=together)
        return {"plan": plan, "reviewed": day.isoformat()}


def _own(person: str, counted: Iterable[Counted]) -> Iterator[Tracked]:
    for one in counted:
        yield from one.goals if one.member == person else ()


def _troubles(person: str, counted: Iterable[Counted], sent: Sent | None) -> list[str]:
    """Return what could not be written into this person's own chart; nobody else's is told (contracts I8)."""
    tries = [sent, *(one.sent for one in counted if one.member == person)]
    return list(dict.fromkeys(one.trouble for one in tries if one is not None and one.trouble))


def goals_of(person: str, counted: Iterable[Counted]) -> list[dict[str, Any]]:
    """Return the goals of one person's own chart, as values; what another's chart holds is not told (contracts I8)."""
    return [
        goal_values(goal) | {"plan": one.plan, "delivery": _delivery(one)}
        for one in counted
        if one.member == person
        for goal in one.goals
    ]


def _delivery(one: Counted) -> str:
    return one.sent.state.value if one.sent else Delivery.DELIVERED.value


def goal_values(one: Tracked) -> dict[str, Any]:
    """Return one goal as values. Of what several people do together nobody's own share is told."""
    goal = one.chart_goal.goal
    return {
        "goal": one.reference,
        "template": goal.template.id,
        "words": goal.words,
        "measure": goal.template.measure.text,
        "together": one.together,
        "counted": one.counted,
        **progress_values(one.progress, shared=one.together),
    }


def progress_values(one: Progress, *, shared: bool) -> dict[str, Any]:
    """Return how far a goal has come, as values (see `core.progress.Progress`)."""
    return {
        "achievement": one.status.value,
        "since": one.on.isoformat(),
        "now": one.now,
        "needed": one.needed,
        "missing": [] if shared else list(one.missing),
        "sessions_left": one.left,
        "until": one.until.isoformat() if one.until else None,
        "early": one.early,
        "late": one.late.isoformat() if one.late else None,
        "skipped": one.skipped,
        "sessions": [
            {
                "number": step.number,
                "day": step.session.day.isoformat(),
                "marks": {code: mark.value for code, mark in step.marks.items()},
                "counted": sum(step.counts.values()) if step.counts else None,
            }
            for step in one.steps
        ],
    }


def _writer(response: Mapping[str, Any]) -> Actor:
    """Return who wrote a check-in down; one who cannot be read stops no check-in (contracts I7)."""
    for name in ("author", "source"):
        element = response.get(name)
        written = element.get("reference") if isinstance(element, Mapping) else None
        match = REFERENCE.fullmatch(written) if isinstance(written, str) else None
        if match is not None and match["type"] in PEOPLE:
            return actor_of(match[0])
    return actor_of("Device/withness")


def require_clinician(actor: str) -> None:
    """Raise Refused for a partner or proxy: what it shows is the clinician's to show (contracts I8)."""
    if not may_see(actor, ""):
        said = (
            "Only clinicians count goals and look back on plans here; whom they show it to is for them and the client."
        )
        raise Refused(said, field="actor")


def named_format(format: str, known: Mapping[str, Callable[..., str]]) -> Callable[..., str]:
    """Return what makes this format. Raises InvalidInput."""
    if format not in known:
        raise InvalidInput(f"format must be one of: {', '.join(known)}.", field="format")
    return known[format]
