"""`withness plan preview|save|list|show` and `withness sync`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened

UNDELIVERED = ("waiting", "sending", "refused")
"""Approved and kept, not confirmed by the EHR."""


@click.group(
    epilog="\b\nExamples:\n  withness plan preview plan.json\n  withness plan save plan.json --json\n"
    "  withness plan list\n"
)
def plan() -> None:
    """Preview, save, list and show plans. The draft's form: withness schema plan"""


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
        answer = desk.save(draft, actor=actor)
        if as_json:
            say.document(answer)
        else:
            say.decision(answer, questions)
            _advise(answer)
            if answer["bundle"]:
                say.bundle(answer["bundle"])
            say.prose(_outcome(answer, desk.ehr))
        say.stop(_exit(answer))


def _exit(answer: dict[str, Any]) -> int:
    if answer["saved"]:
        return 0
    return 5 if answer["delivery"] in UNDELIVERED else 3


def _outcome(answer: dict[str, Any], ehr: str) -> str:
    where = "the embedded chart" if ehr == "local" else ehr
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


@plan.command("list", epilog="\b\nExample:\n  withness plan list --json\n")
@say.common
def list_plans(home: Path | None, as_json: bool) -> None:
    """List plans and working copies, newest first."""
    with opened(home, fresh=False) as (desk, _):
        found = desk.plans()
    if as_json:
        say.document(found)
        return
    rows = [(one["plan"], one["state"], one["unit"], ", ".join(one["members"]), one["updated"]) for one in found]
    say.table("Plans and working copies", ("plan", "state", "unit", "members", "last change"), rows)


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
        [("state", found["state"]), ("decision", found["decision"]), ("last change", found["updated"])],
    )
    draft = found["draft"]
    click.echo(draft["concern"]["words"] + "\n")
    say.table(
        "Goals", ("template", "in the client's words"), [(one["template"], one["words"]) for one in draft["goals"]]
    )


@click.command(epilog="\b\nExample:\n  withness sync --json\n")
@say.acting
@say.common
def sync(actor: str | None, home: Path | None, as_json: bool) -> None:
    """Deliver what waits. Exit 0 nothing left, 5 something waits, 3 a newer screen withholds a plan."""
    with opened(home) as (desk, _):
        done = desk.sync(actor=actor or "Device/withness")
    if as_json:
        say.document(done)
    else:
        rows = [(name, str(done[name])) for name in ("delivered", "waiting", "withheld")]
        say.table("Delivery", ("", "plans"), rows)
        for trouble in done["troubles"]:
            click.echo(trouble)
    say.stop(5 if done["waiting"] else 3 if done["withheld"] else 0)
