"""`withness checkin`: record what was said of a session, and say how far each goal has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened
from withness.errors import InvalidInput


@click.command(
    epilog="\b\nExamples:\n  withness questionnaire session-check-in --out check-in.json   the form\n"
    "  withness checkin answers.json                               a FHIR QuestionnaireResponse to it\n"
    "  withness checkin --for Patient/rosa                         what came in through other form fillers\n"
    "\nForms: session-check-in, session-observation, own-priorities."
)
@click.argument("file", metavar="[FILE]", required=False, default="")
@click.option("--for", "person", metavar="Patient/ID", help="Count this person's goals anew from what the EHR holds.")
@click.option("--for-clinician", is_flag=True, help="Print what asks for a look, for your eyes alone.")
@say.acting
@say.common
def checkin(
    file: str, person: str | None, for_clinician: bool, actor: str | None, home: Path | None, as_json: bool
) -> None:
    """Record a check-in (FILE) and count the goals that it may move, or only count them (--for).

    It always saves, whatever the gate says. A skipped answer is no answer: it is never read as a no. Exit 0, or 5 when
    something waits for the EHR.
    """
    if bool(file) == bool(person):
        raise InvalidInput("Give a FILE to record, or --for Patient/ID to count.", field="FILE")
    with opened(home, fresh=bool(file)) as (desk, _):
        if file:
            done = desk.check_in(strict_json.parse(say.read_file(file), name="FILE"), actor=actor or "")
        else:
            done = desk.count_goals(str(person), actor=actor or "Device/withness")
    if as_json:
        say.document(done)
    else:
        _say(done, alone=for_clinician)
    say.stop(5 if done["troubles"] else 0)


_HOW: Final = {"recorded": "Recorded", "again": "Was recorded already, and nothing changed:", "corrected": "Corrected:"}


def _say(done: Mapping[str, Any], *, alone: bool) -> None:
    if "check_in" in done:
        where = "" if done["counted"] else " It cannot be relied on as a whole, so it is kept and not counted."
        say.prose(f"{_HOW[done['how']]} {done['form']} of {done['person']} as {done['check_in']}.{where}")
        for fault in done["faults"]:
            say.prose(f"Not read: {fault['item']}: {fault['why']}.")
    if done["goals"]:
        goals(done["goals"])
    elif not done["troubles"]:
        say.prose(f"{done['person']} has no goal in an active plan here. If that is not so, check the id.")
    if done["goals"] and done.get("counted") and not done["in_time"]:
        say.prose("It counts for no goal: it is dated ahead, or lies outside the time of each of them.")
    for sentence in done["told"] if alone else ():
        say.prose(sentence)
    if done["told"] and not alone:
        say.prose(f"There is something to look at alone: withness checkin --for {done['person']} --for-clinician")
    for trouble in done["troubles"]:
        say.prose(f"Not in the EHR yet: {trouble} It is kept. Run: withness sync")
    for plan in dict.fromkeys(one["plan"] for one in done["goals"]):
        say.prose(f"To look back together: withness plan review {plan} --member {done['person']} --out review.html")


def goals(found: Iterable[Mapping[str, Any]]) -> None:
    """Print how far goals have come, in a table."""
    rows = [(one["words"].strip(), standing(one), left(one)) for one in found]
    say.table("Goals", ("in the client's words", "so far", "still to come"), rows)


def standing(one: Mapping[str, Any]) -> str:
    """Return how far a goal has come, such as: in progress, 2 of 3, 1 without an answer that counts."""
    skipped = f", {one['skipped']} without an answer that counts" if one["skipped"] else ""
    return f"{one['achievement'].replace('-', ' ')}, {one['now']} of {one['needed']}{skipped}"


def left(one: Mapping[str, Any]) -> str:
    """Return what is left of a goal's window."""
    if one["achievement"] == "achieved":
        return f"reached on {one['since']}" + (", early" if one["early"] else "")
    if one["sessions_left"] is None:
        return f"until {one['until']}"
    return "1 session" if one["sessions_left"] == 1 else f"{one['sessions_left']} sessions"
