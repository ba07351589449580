"""`withness protocol …`, `withness acuity raise`, `withness override`: the way through a hold."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened
from withness.cli.signing import second_signer, seconding, signer, signing
from withness.core.holds import RESCREEN
from withness.desk.front import Desk
from withness.desk.telling import RELEASED
from withness.errors import InvalidInput


@click.group(
    epilog="\b\nExamples:\n  withness protocol show Patient/tom --actor Practitioner/p1\n"
    "  withness protocol step Patient/tom suicide safety-plan --actor Practitioner/p1\n"
    "  withness protocol evidence Patient/tom risk-assessment evidence.json --actor Practitioner/p1 --key p1.key\n"
)
def protocol() -> None:
    """The directive protocol: its steps, evidence, the assessment and the release that end a hold."""


@protocol.command(epilog="\b\nExample:\n  withness protocol show Patient/tom --actor Practitioner/p1\n")
@click.argument("person", metavar="Patient/ID")
@say.acting
@say.common
def show(person: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Show one person's holds: the steps, who answers for them, and what is still to be written down."""
    with opened(home, fresh=False) as (desk, questions):
        shown = desk.protocol(person, actor=actor or "Device/withness")
        if as_json:
            say.document(shown)
            return
        zone, titles = say.zone_of(home), desk.needs()
        _where(shown)
        say.decision(shown, questions, protocol=False)
        tell(shown, zone, titles)
        say.warn_of_utc(zone)


def tell(shown: dict[str, Any], zone: tzinfo = UTC, titles: say.Titles | None = None) -> None:
    """Say how a person's protocols stand, in the site's time; with `titles`, how to write down each need."""
    if not all(one["ended"] for one in shown["episodes"]):
        say.prose("Withness calls nobody: call them yourself.")
    for one in shown["episodes"]:
        _episode(one, zone)
    for domain, needs in shown["missing_needs"].items():
        if needs:
            say.needs(f"Still to be written down for {domain}", needs, shown["person"], titles)
    for domain, one in shown["releases"].items():
        _release(shown["person"], domain, one, lacks=bool(shown["missing_needs"].get(domain)))


def _release(person: str, domain: str, one: dict[str, Any], *, lacks: bool) -> None:
    """Say whether a domain's acute hold can be released now, and what to run."""
    if one["ready"]:
        said = f"Everything for the release of {domain} is there; two people sign it"
        say.prose(f"{said}: withness protocol release {person} {domain} --help", bold=True)
    elif lacks:
        say.prose(f"And before the release: a new screen below acute, made after the hold ({RESCREEN}).")
    else:
        say.prose(f"Before the release of {domain}: {one['waits_for']} ({RESCREEN}: withness screen FILE)")


def _after(desk: Desk, shown: dict[str, Any], home: Path | None, *, as_json: bool) -> None:
    """Say how the protocols stand after something was recorded."""
    if as_json:
        say.document(shown)
        return
    _where(shown)
    tell(shown, say.zone_of(home), desk.needs())


_SETTING: Final = {
    "location-now": "Where they are",
    "call-back-number": "Call back",
    "modality": "How the conversation is held",
    "alone": "Who else can hear or see",
    "interpreter": "Interpreter",
}
"""What the latest screen may say of where the person is; a crisis team asks for the first two."""


def _where(shown: dict[str, Any]) -> None:
    """Say where the person is and how to call them back, first; ask for it where a hold stands without it."""
    known = {name: text.strip() for name, text in shown["setting"].items() if text.strip()}
    said = [name for name in (*_SETTING, *(one for one in known if one not in _SETTING)) if name in known]
    if said:
        say.prose(" ".join(f"{_SETTING.get(name, name)}: {known[name].rstrip('.')}." for name in said))
    if not {"location-now", "call-back-number"} <= known.keys() and shown["decision"] not in RELEASED:
        say.prose("Not on record: ask now where they are and a number to call back.")


def _episode(one: dict[str, Any], zone: tzinfo) -> None:
    """Say one protocol: how it stands, who answers for it, its steps, its report."""
    state = "ended" if one["ended"] else "unacknowledged" if one["unacknowledged"] else "open"
    since = f"opened {say.moment(one['opened'], zone)}"
    ended = f", ended {say.moment(one['ended'], zone)}" if one["ended"] else ""
    click.secho(f"{one['domain']}: {state}, {since}{ended}", bold=True)
    if one["unacknowledged"]:
        say.prose(f"Nobody has taken it on{': ' + one['backup'] + ' answers now' if one['backup'] else ''}.")
    named = f"Responsible: {one['responsible'] or 'nobody'}; backup: {one['backup'] or 'nobody'}."
    say.prose(named if one["backup"] or one["ended"] else f"{named} {_NO_BACKUP}")
    due = f"due\n({zone})"
    rows = [
        (step["step"], step["text"], _due(step, zone), _state(step, one["backup"]), step["owner"])
        for step in one["steps"]
    ]
    say.table(_STEPS, ("step", "what", due, "state", "with"), rows, whole=(due,))
    _report(one["report"], zone)


_NO_BACKUP: Final = (
    "No backup is named. Call your own supervisor or crisis line now. Name one: enrol a supervisor, or set "
    "WITHNESS_ON_CALL."
)
_STEPS: Final = "Steps (times are this site's proposals, not a legal or professional standard)"


def _due(step: dict[str, Any], zone: tzinfo) -> str:
    """Say by when: "now" for what is due at once, and since when it is overdue."""
    at = say.clock(step["due"], zone)
    if step["within"] != "now":
        return at
    return f"now, overdue since {at}" if step["state"] == "overdue" else "now"


def _state(step: dict[str, Any], backup: str) -> str:
    if step["state"] == "overdue":
        return f"overdue: {backup} answers now" if backup else "overdue: no backup is named"
    return str(_STATES.get(step["state"], step["state"]))


_STATES: Final = {
    "declined-by-client": "declined by the client",
    "not-applicable": "not applicable",
    "written-down": "written down",
}


def _report(rules: list[dict[str, Any]] | None, zone: tzinfo) -> None:
    if rules is None:
        return
    if not rules:
        said = "No jurisdiction is set, so its limits are not known here: report by phone now, and look up your law."
        say.prose(f"{said} (WITHNESS_JURISDICTION)")
        return
    written = f"in writing by\n({zone})"
    rows = [(one["population"], "now", _day(one["written_by"], zone), one["to_whom"]) for one in rules]
    say.table("Mandated report: the duty is your own", ("about", "by phone", written, "to"), rows, whole=(written,))
    for notice in dict.fromkeys(one["notice"] for one in rules):
        say.prose(notice)


def _day(text: str, zone: tzinfo) -> str:
    """Say a legal limit: its day whatever day it is now, and its time."""
    return f"{datetime.fromisoformat(text).astimezone(zone):%a %Y-%m-%d %H:%M}"


@protocol.command(
    epilog="\b\nExamples:\n  withness protocol step Patient/tom suicide acknowledge --actor Practitioner/p1\n"
    "  withness protocol step Patient/tom suicide safety-plan --outcome declined-by-client "
    "--reason 'Tom prefers to call his brother' --actor Practitioner/p1\n"
)
@click.argument("person", metavar="Patient/ID")
@click.argument("domain")
@click.argument("step")
@click.option(
    "--outcome",
    type=click.Choice(["done", "declined-by-client", "not-applicable"]),
    default="done",
    show_default=True,
    help="What became of it.",
)
@click.option("--reason", default="", help="Why, where it was not done.")
@say.acting
@say.common
def step(
    person: str,
    domain: str,
    step: str,
    outcome: str,
    reason: str,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Record what became of a step; `acknowledge` takes the protocol on. It always saves."""
    with opened(home, fresh=False) as (desk, _):
        who = actor or "Device/withness"
        shown = desk.step(person, domain, step, outcome=outcome, reason=reason, actor=who)
        if not as_json:
            click.echo(f"Recorded: {domain} {step}, {outcome}.")
        _after(desk, shown, home, as_json=as_json)


@protocol.command(
    epilog="\b\nExamples:\n  withness protocol evidence --form risk-assessment\n"
    "  withness protocol evidence Patient/tom risk-assessment evidence.json --actor Practitioner/p1 --key p1.key\n"
)
@click.argument("person", metavar="[Patient/ID]", required=False)
@click.argument("need", required=False)
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--form", metavar="NEED", help="Print the empty form of a need's evidence, to fill in.")
@signing
@say.common
def evidence(
    person: str | None,
    need: str | None,
    file: str | None,
    form: str | None,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Record typed evidence for a need, signed by the clinician who gives it."""
    if form is not None:
        _form(form, home)
        return
    if person is None or need is None or file is None:
        raise InvalidInput("Name the person, the need and the file.", field="command line", hint="Forms: --form NEED")
    fields = strict_json.parse(say.read_file(file), name="FILE")
    with opened(home, fresh=False) as (desk, _):
        shown = desk.evidence(person, need, fields, signer=signer(actor, key, passphrase_file))
        _after(desk, shown, home, as_json=as_json)


def _form(need: str, home: Path | None) -> None:
    from withness.core.evidence import template
    from withness.packs.policy import load_policy
    from withness.settings import read_settings

    found = load_policy(read_settings({"home": home}).policy).evidence
    if need not in found:
        raise InvalidInput(f"There is no such need; choose one of: {', '.join(found)}.", field="--form")
    say.document(template(found[need]))


@protocol.command(
    epilog="\b\nExample:\n  withness protocol assess Patient/ana suicide --level low "
    "--actor Practitioner/p1 --key p1.key\n"
)
@click.argument("person", metavar="Patient/ID")
@click.argument("domain")
@click.option("--level", type=click.Choice(["low", "moderate", "high"]), required=True, help="The level of risk found.")
@seconding
@signing
@say.common
def assess(person: str, domain: str, level: str, home: Path | None, as_json: bool, **keys: Any) -> None:
    """End a domain's elevated findings. Low: the clinician alone; moderate or high: a second signer too."""
    with opened(home, fresh=False) as (desk, _):
        shown = desk.assess(person, domain, level=level, signer=_first(keys), second=_second(keys))
        _after(desk, shown, home, as_json=as_json)


@protocol.command(
    epilog="\b\nExample:\n  withness protocol release Patient/tom suicide --reason 'Plan in place, sister stays' "
    "--actor Practitioner/p1 --key p1.key --second Practitioner/s1 --second-key s1.key\n"
)
@click.argument("person", metavar="Patient/ID")
@click.argument("domain")
@click.option("--reason", required=True, help="The clinician's reason.")
@seconding
@signing
@say.common
def release(person: str, domain: str, reason: str, home: Path | None, as_json: bool, **keys: Any) -> None:
    """End a domain's acute hold: every need written down, a new screen below acute, and a second signer."""
    with opened(home, fresh=False) as (desk, questions):
        told = desk.release(person, domain, reason=reason, signer=_first(keys), second=_second(keys))
        if as_json:
            say.document(told)
            return
        both = f"{keys['actor']} and {keys['second']}"
        say.prose(f"The acute hold of {person} for {domain} has ended, signed by {both}.", bold=True)
        say.decision(told, questions, titles=desk.needs())


@click.group(epilog="\b\nExample:\n  withness acuity raise Patient/ana suicide --to acute --reason '…'\n")
def acuity() -> None:
    """Judgement may always raise; nothing is lowered but by a new screen."""


@acuity.command(
    "raise",
    epilog="\b\nExample:\n  withness acuity raise Patient/ana suicide --to acute "
    "--reason 'Her sister called' --actor Practitioner/p1\n",
)
@click.argument("person", metavar="Patient/ID")
@click.argument("domain")
@click.option("--to", type=click.Choice(["elevated", "acute"]), required=True, help="How far.")
@click.option("--reason", required=True, help="Why; it stays sealed.")
@say.acting
@say.common
def raise_(person: str, domain: str, to: str, reason: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Raise a domain by judgement, with a reason; an acute one opens its protocol at once."""
    with opened(home) as (desk, questions):
        told = desk.raise_acuity(person, domain, to=to, reason=reason, actor=actor or "Device/withness")
        _say(told, questions, as_json=as_json, titles=desk.needs())


@click.command(
    epilog="\b\nExample:\n  withness override Patient/ana --item eating.rapid-loss "
    "--reason-code client-cannot-answer-collateral-used --rationale '…' \\\n"
    "      --actor Practitioner/p1 --key p1.key --second Practitioner/s1 --second-key s1.key\n"
)
@click.argument("person", metavar="Patient/ID")
@click.option("--item", "items", multiple=True, metavar="LINKID", help="An item it covers; repeat for each one.")
@click.option("--reason-code", required=True, help="One of the policy's codes.")
@click.option("--rationale", required=True, help="In sentences; it stays sealed.")
@click.option(
    "--purpose", type=click.Choice(["new-plan", "amendment"]), default="new-plan", show_default=True, help="What for."
)
@seconding
@signing
@say.common
def override(
    person: str,
    items: tuple[str, ...],
    reason_code: str,
    rationale: str,
    purpose: str,
    home: Path | None,
    as_json: bool,
    **keys: Any,
) -> None:
    """Cover named items that were left open on the current screen, for one plan, until it expires.

    Never anything elevated or acute, stale or unreadable; whatever is not named still holds.
    """
    with opened(home, fresh=False) as (desk, questions):
        granted = desk.override(
            person,
            items,
            reason_code=reason_code,
            rationale=rationale,
            purpose=purpose,
            signer=_first(keys),
            second=_second(keys),
        )
        if as_json:
            say.document(granted)
        else:
            granted_said(granted, questions, say.zone_of(home))


def granted_said(granted: dict[str, Any], questions: dict[str, str], zone: tzinfo) -> None:
    """Say what an override covers, by the questions' own text with how each stands, and until when."""
    until = say.moment(granted["expires"], zone)
    click.echo(f"Granted for one plan, until {until}. It is on record for compliance. It covers:")
    for one in granted["open"]:
        say.prose(f"- {questions.get(one['item'], one['item'])} ({one['stands'].replace('-', ' ')})")
    say.prose(granted["sentence"])


def _first(keys: dict[str, Any]) -> Any:
    return signer(keys["actor"], keys["key"], keys["passphrase_file"])


def _second(keys: dict[str, Any]) -> Any:
    return second_signer(keys["second"], keys["second_key"], keys["second_passphrase_file"])


def _say(told: dict[str, Any], questions: dict[str, str], *, as_json: bool, titles: say.Titles) -> None:
    if as_json:
        say.document(told)
    else:
        say.decision(told, questions, titles=titles)
    say.stop(0 if told["decision"] in RELEASED else 3)
