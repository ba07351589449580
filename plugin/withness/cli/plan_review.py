"""`withness plan list|review`: what is due, and a plan as it is looked at together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from withness.cli import say
from withness.cli.desk import opened


@click.command(
    "list",
    epilog="\b\nExamples:\n  withness plan list\n  withness plan list --due --stale\n"
    "  withness plan list --at-risk --json\n",
)
@click.option("--due", is_flag=True, help="Only plans whose review is due or overdue.")
@click.option("--stale", is_flag=True, help="Only plans whose next amendment needs a fresh screen.")
@click.option("--at-risk", is_flag=True, help="Only plans with goals that ask for a second look (this asks the EHR).")
@say.common
def list_plans(due: bool, stale: bool, at_risk: bool, home: Path | None, as_json: bool) -> None:
    """List plans and working copies, newest first: which reviews are due, which screens grow stale.

    Several filters together show what meets any of them.
    """
    with opened(home, fresh=False) as (desk, _):
        found = desk.plans(goals=at_risk)
    if due or stale or at_risk:
        found = [one for one in found if one["case"] and _asked_for(one["case"], due=due, stale=stale, at_risk=at_risk)]
    if as_json:
        say.document(found)
        return
    columns = ("plan", "state", "unit", "members", "review", "screens", *(("goals",) if at_risk else ()))
    rows = [_row(one, goals=at_risk) for one in found]
    say.table("Plans and working copies", columns, rows, whole=("plan",))


def _asked_for(case: dict[str, Any], *, due: bool, stale: bool, at_risk: bool) -> bool:
    """Whether a plan meets any of the filters; goals that could not be counted are not passed over."""
    return (due and bool(case["review"])) or (stale and case["stale"]) or (at_risk and case["goals_at_risk"] != 0)


def _row(one: dict[str, Any], *, goals: bool) -> tuple[str, ...]:
    case = one["case"]
    plain = (one["plan"], _state(one), one["unit"], ", ".join(one["members"]))
    if case is None:
        return (*plain, "", "", *(("",) if goals else ()))
    review = f"{case['review'] or 'by'} {case['review_due']}"
    screens = "fresh one needed" if case["stale"] else f"until {case['screen_until']}"
    looked = "not known" if case["goals_at_risk"] is None else f"{case['goals_at_risk']} to look at"
    return (*plain, review, screens, *((looked,) if goals else ()))


@click.command(
    epilog="\b\nExamples:\n  withness plan review 6b6f2f0e-…\n  withness plan review 6b6f2f0e-… --out review.html\n"
    "  withness plan review 6b6f2f0e-… --member Patient/rosa --done --actor Practitioner/p1\n"
    "  withness plan review 6b6f2f0e-… --consent Patient/rosa --consent Patient/tom --out both.html\n"
)
@click.argument("id")
@click.option("--member", default="", metavar="Patient/ID", help="Whose page, in a unit of more than one.")
@click.option(
    "--consent", "consents", multiple=True, metavar="Patient/ID", help="Agreed to be shown together; each one."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="An HTML page to print.")
@click.option("--done", is_flag=True, help="Note that it was looked at today.")
@say.acting
@say.common
def review(
    id: str,
    member: str,
    consents: tuple[str, ...],
    out: Path | None,
    done: bool,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show a plan as client and therapist look at it together: each goal, its measure, its course, what was said.

    One member's own page; several on one page only where each of them agreed.
    """
    who = actor or "Device/withness"
    with opened(home, fresh=False) as (desk, _):
        shown = "html" if out or as_json else "text"
        answer = desk.review(id, actor=who, member=member, consents=consents, format=shown)
        kept = desk.reviewed(id, actor=who, consents=consents) if done else {}
    if out:
        say.write_page(out, answer["page"], as_json=as_json)
    elif as_json:
        say.document({**answer, **kept})
    else:
        click.echo(answer["page"])
    for sentence in answer["falling"]:
        click.echo(f"For you alone, not on the page: {sentence}", err=True)
    if kept and not as_json:
        click.echo(f"Noted as looked at on {kept['reviewed']}.")


def _state(one: dict[str, Any]) -> str:
    """Say how a plan stands; one that amends another is a version of it, never a plan of its own."""
    return f"{one['state']}, a version of {one['amends'][:8]}" if one["amends"] else str(one["state"])
