"""The public API's check-ins and goals: record what was said of a session, and say how far each goal has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from withness import strict_json
from withness.core.decline import falling, sentences
from withness.core.progress import Progress
from withness.core.terms import reference
from withness.desk.asking import PEOPLE, actor_of
from withness.desk.context import Actor, Context
from withness.desk.dispatch import dispatch
from withness.desk.goal_delivery import Counted, refresh
from withness.desk.goals import Tracked, known_of
from withness.desk.telling import may_see
from withness.errors import InvalidInput, Refused, WithnessError
from withness.store.rows import Delivery


class Goals:
    """Check-ins always save (contracts I7). Skipped is not a no, and nobody is scored."""

    _context: Context

    def check_in(self, response: Mapping[str, Any], *, actor: str = "") -> dict[str, Any]:
        """Record a check-in (a FHIR R4 QuestionnaireResponse) and count the goals that it may move.

        Without `actor` whoever wrote it down acts. `goals` are those of the person's own chart. Raises InvalidInput
        for what is no check-in or does not say whom it is about.
        """
        from withness.desk import check_ins

        strict_json.check(response, name="the check-in")
        who = actor_of(actor) if actor else _writer(response)
        done = check_ins.record(self._context, response, who)
        sent = dispatch(self._context, done.outbox, who) if done.outbox else None
        counted = refresh(self._context, done.answers.subject, who)
        troubles = [one.trouble for one in (sent, *(each.sent for each in counted)) if one and one.trouble]
        return {
            "check_in": done.response,
            "form": done.answers.form,
            "person": done.answers.subject,
            "counted": done.answers.relied_on,
            "faults": [{"item": one.where, "why": one.why} for one in done.answers.faults],
            "delivery": sent.state.value if sent else "inside",
            "goals": goals_of(done.answers.subject, counted),
            "falling": self._falling(done.answers.subject) if may_see(who.ref, "") else [],
            "troubles": list(dict.fromkeys(troubles)),
        }

    def _falling(self, person: str) -> list[str]:
        """Return what the clinician is told of check-ins that fall; nothing where the EHR cannot be asked."""
        from withness.desk.review_pages import courses_of
        from withness.packs.review_rules import load_review_rules

        try:
            known = known_of(self._context, person, "")
        except WithnessError:
            return []
        rules = load_review_rules(self._context.settings.packs)
        return list(sentences(falling(courses_of(known, person), rules), rules))

    def count_goals(self, person: str, *, actor: str) -> dict[str, Any]:
        """Look for check-ins that came in through other form fillers, and count this person's goals anew."""
        who = actor_of(actor)
        member = reference(person, "Patient", "RelatedPerson", field="person")
        counted = refresh(self._context, member, who)
        troubles = [one.sent.trouble for one in counted if one.sent and one.sent.trouble]
        return {"person": member, "goals": goals_of(member, counted), "troubles": list(dict.fromkeys(troubles))}

    def review(
        self, plan: str, *, actor: str, member: str = "", consents: Sequence[str] = (), format: str = "html"
    ) -> dict[str, Any]:
        """Return a plan as it is looked at again (`page`, as html or text), and what only the clinician is told.

        A page is one member's own; `consents` names every member where all agreed to be shown on one. Writes nothing.
        """
        from withness.desk import reviews
        from withness.packs.paper_review import paper_review, text_review

        require_clinician(actor)
        making = named_format(format, {"html": paper_review, "text": text_review})
        looked = reviews.look(self._context, plan, member=member, consents=tuple(consents))
        return {
            "plan": plan,
            "due": looked.due.isoformat(),
            "falling": list(looked.falling),
            "page": making(looked.page),
        }

    def reviewed(self, plan: str, *, actor: str, consents: Sequence[str] = ()) -> dict[str, Any]:
        """Note that a plan was looked at again today. It always saves."""
        from withness.desk import reviews

        day = reviews.keep(self._context, plan, actor_of(actor), consents=tuple(consents))
        return {"plan": plan, "reviewed": day.isoformat()}


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
    for name in ("author", "source"):
        element = response.get(name)
        written = element.get("reference") if isinstance(element, Mapping) else None
        if isinstance(written, str) and written.partition("/")[0] in PEOPLE:
            return actor_of(written)
    return actor_of("Device/withness")


def require_clinician(actor: str) -> None:
    """Raise Refused for a partner or proxy: a review is the clinician's to show (contracts I8)."""
    if not may_see(actor, ""):
        raise Refused("Only clinicians make a review; whom they show it to is theirs and the client's.", field="actor")


def named_format(format: str, known: Mapping[str, Callable[..., str]]) -> Callable[..., str]:
    """Return what makes this format. Raises InvalidInput."""
    if format not in known:
        raise InvalidInput(f"format must be one of: {', '.join(known)}.", field="format")
    return known[format]
