"""The second half of `withness demo`: an active plan is paused by an acute screen, and the way back is walked."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from withness.cli import check_in, protocol, samples, say
from withness.errors import Refused

if TYPE_CHECKING:
    from withness.desk.context import Context
    from withness.desk.front import Desk
    from withness.signing import Signer

Told = tuple[str, Callable[[], dict[str, Any]], Callable[[dict[str, Any]], None]]

_DOMAIN: Final = "suicide"
_STEPS: Final = ("acknowledge", "stay-with", "crisis-contacts")
"""What Pat does at once; the other steps are done when their evidence is written down."""
_ASKED: Final = ("suicide.ideation", "suicide.now")
_NO_ALL_CLEAR: Final = (
    "A release is no all-clear: the thoughts of the past month are still a yes, so a new plan would wait for an "
    "assessment (withness protocol assess). The plan that Rosa has goes on."
)


@dataclass(frozen=True)
class Rosa:
    """Rosa, the plan of hers that is active in the chart, and the keys of those who sign, by role."""

    desk: Desk
    context: Context
    person: Mapping[str, Any]
    plan: str
    keys: Mapping[str, Signer]

    def pause(self) -> dict[str, Any]:
        """Record an acute screen while the plan is active."""
        before = self._chart()
        told = self._screen(samples.ACUTE)
        shown = self.desk.protocol(self.person["member"], actor=samples.CLINICIAN)
        return {**told, "before": before, "opened": shown, "chart": self._chart()}

    def way_back(self) -> dict[str, Any]:
        """Do what the protocol asks for, write it down, ask again, and release: refused alone, then signed by two."""
        who, clinician = self.person["member"], self.keys["clinician"]
        for step in _STEPS:
            self.desk.step(who, _DOMAIN, step, actor=samples.CLINICIAN)
        needs = self.desk.protocol(who, actor=samples.CLINICIAN)["missing_needs"][_DOMAIN]
        for need in needs:
            written = samples.evidence(self.person, need, datetime.now(UTC))
            self.desk.evidence(who, need, written, signer=clinician)
        screened = self._screen(samples.QUIETER)
        refused = self._refused()
        told = self._release(self.keys["supervisor"])
        shown = self.desk.protocol(who, actor=samples.CLINICIAN)
        kept = {name: shown[name] for name in ("episodes", "evidence")}
        return {**told, **kept, "screened": screened, "refused": refused, "chart": self._chart()}

    def _screen(self, answers: samples.Answers) -> dict[str, Any]:
        made = samples.screen(self.context.policy, self.person, datetime.now(UTC), answers)
        return self.desk.screen(made, actor=samples.CLINICIAN)

    def _release(self, second: Signer | None) -> dict[str, Any]:
        who, reason = self.person["member"], self.person["release"]
        return self.desk.release(who, _DOMAIN, reason=reason, signer=self.keys["clinician"], second=second)

    def word(self) -> dict[str, Any]:
        """Record Rosa's own word on the session."""
        response = samples.check_in(self.person, datetime.now(UTC))
        return self.desk.check_in(response, actor=self.person["member"])

    def _refused(self) -> dict[str, Any]:
        try:
            self._release(None)
        except Refused as error:
            return error.as_dict()
        raise AssertionError("One signature alone released an acute hold.")

    def _chart(self) -> dict[str, Any]:
        """Read the plan back from the chart."""
        found = self.context.ehr.read(self.plan)
        resource = found.resource if found else {}
        notes = [one["text"] for one in resource.get("note", [])]
        return {"plan": self.plan, "status": resource.get("status"), "note": notes[-1] if notes else ""}


def enrolled(desk: Desk) -> dict[str, Signer]:
    """Enrol the team with new keys, and return the keys by role."""
    from withness.signing import new_signer

    keys: dict[str, Signer] = {}
    for role, who, name, licence in samples.TEAM:
        key, voucher = new_signer(who), keys.get("compliance")
        desk.enrol(who, name=name, licence=licence, roles=[role], key=key, by=voucher)
        keys[role] = key
    return keys


def chapters(rosa: Rosa) -> Iterator[Told]:
    """Yield each chapter of Rosa's plan: its name, what happens in it, and how that is told."""
    questions, needs = rosa.desk.questions(), rosa.desk.needs()
    yield "paused", rosa.pause, lambda answer: _tell_pause(answer, questions)
    yield "way_back", rosa.way_back, lambda answer: _tell_way_back(answer, questions, needs, rosa.person["release"])
    yield "check_in", rosa.word, lambda answer: _tell_check_in(answer, rosa.person["check_in"])


def heading(text: str) -> None:
    """Say a chapter's title, wrapped at words."""
    click.echo()
    for line in textwrap.wrap(text, say.width()):
        click.secho(line, bold=True, underline=True)


def _tell_pause(answer: dict[str, Any], questions: Mapping[str, str]) -> None:
    heading("6. Rosa's plan is active when her next screen turns acute: it is paused at once")
    team = ", ".join(f"{name} ({role}, {who})" for role, who, name, _ in samples.TEAM)
    say.prose(f"Three people are enrolled, each with a key of their own: {team}.")
    say.prose(f"In the chart, {answer['before']['plan']} is {answer['before']['status']}.")
    say.prose(f"Her next screen: {_answers(samples.ACUTE, questions)}")
    say.prose(f"{answer['decision']}: {answer['sentence']}", bold=True)
    protocol.tell(answer["opened"])
    say.prose(f"{_read_back(answer['chart'])} Others read the chart too, so it does not say why.")


def _tell_way_back(answer: dict[str, Any], questions: Mapping[str, str], needs: Mapping[str, Any], reason: str) -> None:
    heading("7. The way back: written down, asked again, signed by two")
    say.prose("Pat takes it on, stays with Rosa, gives her the crisis contacts, and writes down what is needed.")
    rows = [(one["need"], _written(one["fields"], needs[one["need"]])) for one in answer["evidence"]]
    say.table("Written down, each signed by Pat", ("need", "in Pat's words"), rows)
    say.prose(f"A new screen, made after the hold: {_answers(samples.QUIETER, questions)}")
    say.prose(f"Pat alone asks for the release. Refused, and kept on record: {answer['refused']['message']}")
    say.prose(f"Pat and Sam both sign the release: “{reason}” The protocol has ended.")
    say.prose(_read_back(answer["chart"]))
    if answer["decision"] == "held-for-assessment":
        say.prose(_NO_ALL_CLEAR)


def _tell_check_in(answer: dict[str, Any], words: str) -> None:
    heading("8. Rosa says how their talk was: her goal counts itself, and what she skips is not a no")
    shown = words.replace("\n", "\n    ")
    click.echo(f"In the client's words: “{shown}”")
    check_in.goals(answer["goals"])
    say.prose("Felt understood: yes. The other questions she left open, and nothing is read into that.")


def _written(fields: Mapping[str, str], form: Mapping[str, Any]) -> str:
    """Return the sentences of a need's evidence, without its choices, days and times."""
    return " ".join(fields[one["id"]] for one in form["fields"] if one["id"] in fields and one["kind"] == "text")


def _answers(answers: samples.Answers, questions: Mapping[str, str]) -> str:
    return " ".join(f"“{questions[link]}” {str(answers.get(link, 'no')).capitalize()}." for link in _ASKED)


def _read_back(chart: Mapping[str, Any]) -> str:
    return f"Read back from the chart: {chart['plan']} is {chart['status']}. “{chart['note']}”"
