"""`withness plan list|review`: what is due, and a plan as it is looked at together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from withness.cli import say
from withness.cli.desk import opened
from withness.errors import InvalidInput


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
        found = [one for one in found if _asked_for(one, due=due, stale=stale, at_risk=at_risk)]
    if as_json:
        say.document(found)
        return
    columns = ("plan", "state", "unit", "members", "review", "screens", *(("goals",) if at_risk else ()))
    rows = [_row(one, goals=at_risk) for one in found]
    say.table("Plans and working copies", columns, rows, whole=("plan",))
    say.changed(rows)


def _asked_for(one: dict[str, Any], *, due: bool, stale: bool, at_risk: bool) -> bool:
    """Whether a plan meets any of the filters; what cannot be read or counted is not passed over."""
    case = one["case"]
    if case is None:
        return bool(one["state"] == "unreadable")
    look = case["goals_at_risk"] != 0 or bool(case["look_at_answers"])
    return (due and bool(case["review"])) or (stale and case["stale"]) or (at_risk and look)


def _state(one: dict[str, Any]) -> str:
    """Say how a plan stands; one that amends another is a version of it, never a plan of its own."""
    return f"{one['state']}, a version of {one['amends'][:8]}" if one["amends"] else str(one["state"])


def _row(one: dict[str, Any], *, goals: bool) -> tuple[str, ...]:
    case = one["case"]
    plain = (one["plan"], _state(one), one["unit"], ", ".join(one["members"]))
    if case is None:
        return (*plain, "", "", *(("",) if goals else ()))
    review = f"{case['review'] or 'by'} {case['review_due']}"
    screens = "fresh one needed" if case["stale"] else f"until {case['screen_until']}"
    looked = "not known" if case["goals_at_risk"] is None else f"{case['goals_at_risk']} to look at"
    looked += "; answers, too" if case["look_at_answers"] else ""
    return (*plain, review, screens, *((looked,) if goals else ()))


@click.command(
    epilog="\b\nExamples:\n  withness plan review 6b6f2f0e-…\n  withness plan review 6b6f2f0e-… --out review.html\n"
    "  withness plan review 6b6f2f0e-… --member Patient/rosa --done --actor Practitioner/p1\n"
    "  withness plan review 6b6f2f0e-… --for-clinician\n"
    "  withness plan review 6b6f2f0e-… --consent Patient/rosa --consent Patient/tom --out both.html\n"
)
@click.argument("id")
@click.option("--member", default="", metavar="Patient/ID", help="Whose page, in a unit of more than one.")
@click.option(
    "--consent",
    "consents",
    multiple=True,
    metavar="Patient/ID",
    help="Agreed, asked alone, to one page for all; once for each member.",
)
@click.option("--answers", is_flag=True, help="With --consent: each agreed a second time, to their marked answers.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="An HTML page to print.")
@click.option("--done", is_flag=True, help="Note that it was looked back on today.")
@click.option("--for-clinician", is_flag=True, help="Print what asks for a look, for your eyes alone; no page.")
@say.acting
@say.common
def review(id: str, home: Path | None, as_json: bool, **given: Any) -> None:
    """Show a plan as client and therapist look back on it together: each goal, its measure, its course, what was said.

    One member's own page; a page for all shows what they do together, only where each of them agreed.
    """
    _check(given)
    say.must_be_new(given["out"])
    who, out = given["actor"] or "Device/withness", given["out"]
    asked = {"member": given["member"], "consents": given["consents"], "answers": given["answers"]}
    with opened(home, fresh=False) as (desk, _):
        answer = desk.review(id, actor=who, **asked, format="html" if out or as_json else "text")
        if given["done"]:
            answer |= desk.reviewed(id, actor=who, member=given["member"], together=bool(given["consents"]))
    if out:
        say.write_page(out, answer["page"], as_json=as_json, beside=answer)
    elif as_json:
        say.document(answer)
    if not as_json:
        _shown(answer, given, printed=bool(out))


def _check(given: dict[str, Any]) -> None:
    """Raise InvalidInput for options that do not go together."""
    together = {"--member": given["member"], "--consent": given["consents"]}
    if all(together.values()):
        raise InvalidInput("A page is one member's (--member) or for all (--consent), not both.", field="--member")
    if given["answers"] and not given["consents"]:
        raise InvalidInput("--answers belongs to a page for all: name who agreed with --consent.", field="--answers")
    if given["for_clinician"] and given["out"]:
        raise InvalidInput("--for-clinician writes no page: leave out --out.", field="--out")


def _shown(answer: dict[str, Any], given: dict[str, Any], *, printed: bool) -> None:
    """Print the page, or what is for the clinician's eyes; never both on one screen."""
    alone = given["for_clinician"]
    if alone:
        for sentence in answer["told"] or ("Nothing in the answers asks for a look.",):
            say.prose(sentence)
    elif not printed:
        click.echo(answer["page"])
    if "reviewed" in answer:
        say.prose(f"Noted as looked back on, {answer['reviewed']}.")
    if answer["told"] and not alone:
        who = [f"--member {given['member']}"] if given["member"] else [f"--consent {one}" for one in given["consents"]]
        command = " ".join(("withness plan review", answer["plan"], *who, "--for-clinician"))
        say.prose(f"There is something to look at alone: {command}", err=True)
