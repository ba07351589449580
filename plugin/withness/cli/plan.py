"""`withness plan preview|save|amend|show|close|retract` and `withness sync`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened
from withness.cli.plan_review import list_plans, review
from withness.cli.signing import second_signer, seconding, signer, signing
from withness.errors import CannotTell, Conflict, InvalidInput, TrailDamaged

UNDELIVERED = ("waiting", "sending", "refused")
"""Approved and kept, not confirmed by the EHR."""


@click.group(
    epilog="\b\nExamples:\n  withness plan preview plan.json\n  withness plan save plan.json --json\n"
    "  withness plan list\n"
)
def plan() -> None:
    """Preview, save, list and show plans. The draft's form: withness schema plan"""


plan.add_command(list_plans)
plan.add_command(review)


@plan.command(epilog="\b\nExample:\n  withness plan preview plan.json --json\n")
@click.argument("file", metavar="FILE")
@say.common
def preview(file: str, home: Path | None, as_json: bool) -> None:
    """Show the decision and the FHIR Bundle that a save would send now. Writes nothing. Exit 3 when held."""
    draft = strict_json.parse(say.read_file(file), name="FILE")
    with opened(home) as (desk, questions):
        answer = desk.preview(draft)
        if as_json:
            say.document(answer)
        else:
            say.decision(answer, questions)
            _advise(answer)
            if answer["bundle"]:
                say.bundle(answer["bundle"])
                click.echo("Nothing was written. The whole Bundle: --json")
        say.stop(0 if answer["bundle"] else 3)


@plan.command(epilog="\b\nExample:\n  withness plan save plan.json --actor Practitioner/p1\n")
@click.argument("file", metavar="FILE")
@say.acting
@say.common
def save(file: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Ask the gate and save the plan. Exit 0 saved, 3 held, 5 approved and waiting for the EHR.

    The same request_id with the same draft never makes a second plan. A held draft is kept as a working copy.
    """
    draft = strict_json.parse(say.read_file(file), name="FILE")
    with opened(home) as (desk, questions):
        _save(desk, questions, draft, actor, as_json=as_json)


def _save(desk: Any, questions: dict[str, str], draft: dict[str, Any], actor: str | None, *, as_json: bool) -> None:
    try:
        answer = desk.save(draft, actor=actor)
    except (TrailDamaged, CannotTell) as refused:
        if refused.answer and not as_json:
            say.decision(refused.answer, questions)
        raise
    if as_json:
        say.document(answer)
    else:
        say.decision(answer, questions)
        _advise(answer)
        if answer["bundle"] and not answer["repeated"]:
            say.bundle(answer["bundle"])
        say.prose(_outcome(answer, desk.ehr))
    say.stop(_exit(answer))


def _exit(answer: dict[str, Any]) -> int:
    if answer["saved"]:
        return 0
    return 5 if answer["delivery"] in UNDELIVERED else 3


def _outcome(answer: dict[str, Any], ehr: str) -> str:
    where = "the embedded chart" if ehr == "local" else ehr
    if answer["repeated"]:
        return " ".join(one for one in (answer["repeated"], answer["trouble"]) if one)
    if answer["saved"]:
        return f"Saved as plan {answer['plan']} in {where}."
    if answer["delivery"] in UNDELIVERED:
        return f"Approved, not yet in {where}: {answer['trouble'] or 'it waits.'} It is kept. Run: withness sync"
    if answer["trouble"]:
        return str(answer["trouble"])
    return (
        f"Not saved. The draft is kept as working copy {answer['plan']}; when the hold has ended, save this file again."
    )


def _advise(answer: dict[str, Any]) -> None:
    for sentence in answer["advisories"]:
        say.prose(f"Advice: {sentence}")


@plan.command(
    epilog="\b\nExample:\n  withness plan amend amended.json\n\n"
    "The draft's supersedes names the plan and its version: withness plan show ID"
)
@click.argument("file", metavar="FILE")
@click.pass_context
@say.acting
@say.common
def amend(ctx: click.Context, file: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Amend a plan: a draft whose supersedes names plan and version. Exit 6 when another version stands.

    One that only adds safety goals or a safety plan saves whatever the gate says.
    """
    draft = strict_json.parse(say.read_file(file), name="FILE")
    if not draft.get("supersedes"):
        said = "supersedes must name the plan and the version that this draft amends."
        raise InvalidInput(said, field="supersedes", hint="See: withness plan show ID")
    with opened(home, fresh=False) as (desk, questions):
        try:
            _save(desk, questions, draft, actor, as_json=as_json)
        except Conflict as conflict:
            if not as_json:
                _differences(conflict)
            raise


def _differences(conflict: Conflict) -> None:
    """Show what the newest version says, and what the draft says in its place."""
    if not conflict.answer.get("diff"):
        return
    rows = [(one["field"], _short(one["now"]), _short(one["yours"])) for one in conflict.answer["diff"]]
    say.table(f"Version {conflict.answer['version']} stands; it differs", ("field", "it says", "yours"), rows)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@plan.command(epilog="\b\nExample:\n  withness plan close 6b6f2f0e-… --as completed --reason 'Goals met'\n")
@click.argument("id")
@click.option("--as", "how", type=click.Choice(["completed", "revoked"]), required=True, help="How it ends.")
@click.option("--reason", required=True, help="Why; it stays inside Withness.")
@say.acting
@say.common
def close(id: str, how: str, reason: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Close a plan, or put a working copy away. It always saves."""
    with opened(home, fresh=False) as (desk, _):
        done = desk.close_plan(id, how=how, reason=reason, actor=actor or "Device/withness")
        _ended(done, f"Plan {id} is closed as {how}.", as_json=as_json)


@plan.command(
    epilog="\b\nExample:\n  withness plan retract 6b6f2f0e-… --reason 'Wrong patient' "
    "--actor Practitioner/p1 --key p1.key --second Practitioner/s1 --second-key s1.key\n"
)
@click.argument("id")
@click.option("--reason", required=True, help="Why; it stays inside Withness.")
@seconding
@signing
@say.common
def retract(id: str, reason: str, home: Path | None, as_json: bool, **keys: Any) -> None:
    """Mark a plan that was saved to the wrong patient as entered in error. Two enrolled people sign."""
    first = signer(keys["actor"], keys["key"], keys["passphrase_file"])
    second = second_signer(keys["second"], keys["second_key"], keys["second_passphrase_file"])
    with opened(home, fresh=False) as (desk, _):
        done = desk.retract_plan(id, reason=reason, signer=first, second=second)
        _ended(done, f"Plan {id} is entered in error.", as_json=as_json)


def _ended(done: dict[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        say.document(done)
    else:
        click.echo(said)
        for trouble in done["troubles"]:
            say.prose(f"Not in the EHR yet: {trouble} Run: withness sync")
    say.stop(5 if done["troubles"] else 0)


@plan.command(
    epilog="\b\nExamples:\n  withness plan paper --out blank.html\n"
    "  withness plan paper 6b6f2f0e-… --member Patient/mia --out mia.html\n"
)
@click.argument("id", required=False, default="")
@click.option("--member", metavar="Patient/ID", help="Whose page, in a unit of more than one.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE", help="HTML.")
@say.common
def paper(id: str, member: str | None, out: Path, home: Path | None, as_json: bool) -> None:
    """Write a plan, or an empty form for one, as a page to print. What was not released says so."""
    say.must_be_new(out)
    with opened(home) as (desk, _):
        say.write_page(out, desk.paper_plan(id, member=member), as_json=as_json)


@plan.command(epilog="\b\nExample:\n  withness plan show 6b6f2f0e-…\n")
@click.argument("id")
@say.common
def show(id: str, home: Path | None, as_json: bool) -> None:
    """Show one plan or working copy, its draft in the client's own words included."""
    with opened(home, fresh=False) as (desk, _):
        found = desk.plan(id)
    if as_json:
        say.document(found)
        return
    say.table(
        f"Plan {found['plan']}",
        ("", ""),
        [
            ("state", found["state"]),
            ("version", found["version"]),
            ("decision", found["decision"]),
            ("last change", found["updated"]),
        ],
    )
    draft = found["draft"]
    click.echo(draft["concern"]["words"] + "\n")
    say.table(
        "Goals", ("template", "in the client's words"), [(one["template"], one["words"]) for one in draft["goals"]]
    )


_SYNCED = ("delivered", "waiting", "withheld", "changed", "noted", "decided", "escalated", "fed", "unfed", "damaged")


@click.command(epilog="\b\nExample:\n  withness sync --json\n")
@say.acting
@say.common
def sync(actor: str | None, home: Path | None, as_json: bool) -> None:
    """Deliver what waits. Exit 0 nothing left, 5 something waits, 3 a newer screen withholds a plan, 4 damage."""
    with opened(home) as (desk, _):
        done = desk.sync(actor=actor or "Device/withness")
    if as_json:
        say.document(done)
    else:
        rows = [(name, str(done[name])) for name in _SYNCED]
        say.table("Delivery", ("", "how many"), rows)
        for trouble in done["troubles"]:
            click.echo(trouble)
    say.stop(4 if done["damaged"] else 3 if done["withheld"] else 5 if done["waiting"] or done["unfed"] else 0)
