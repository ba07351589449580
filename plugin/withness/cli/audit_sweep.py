"""`withness audit sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from withness.cli import say
from withness.cli.signing import second_signer, seconding, signer, signing
from withness.errors import InvalidInput

if TYPE_CHECKING:
    from withness.desk.sweep import Swept


@click.command(
    epilog="\b\nExamples:\n  withness audit sweep\n"
    "  withness audit sweep --baseline --actor Practitioner/c1 --key kim.key --second Practitioner/s1 "
    "--second-key sam.key\n"
)
@click.option("--baseline", is_flag=True, help="Day one: adopt what stands in the EHR already; two people sign.")
@click.option(
    "--review-days",
    type=click.IntRange(1, 366),
    default=90,
    show_default=True,
    help="Days until the adopted plans are to be reviewed.",
)
@signing
@seconding
@say.common
def sweep(
    baseline: bool,
    review_days: int,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    second: str | None,
    second_key: Path | None,
    second_passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Hold the EHR's collaborative plans against the trail, both ways. Exit 5: the EHR could not be asked.

    What is found is recorded once and stands in the worklist until it is gone.
    """
    from withness.desk.asking import actor_of
    from withness.desk.sweep import sweep as run
    from withness.desk.sweep_adopting import adopt
    from withness.settings import read_settings
    from withness.wiring import build

    signers = None
    if baseline:
        also = second_signer(second, second_key, second_passphrase_file)
        signers = signer(actor, key, passphrase_file), also
    elif key or passphrase_file or second or second_key or second_passphrase_file:
        raise InvalidInput("Only a baseline is signed.", field="--key", hint="Add --baseline, or leave it out.")
    context = build(read_settings({"home": home}), fresh=False)
    try:
        if signers is not None:
            who = actor_of(signers[0].who)
            day, plans = adopt(context, *signers, actor=who, days=review_days, progress=_progress)
            _tell_baseline(day, plans, as_json=as_json)
            return
        swept = run(context, actor_of(actor or "Device/withness"), progress=_progress)
    finally:
        context.store.close()
    if as_json:
        say.document(_value(swept))
    else:
        _tell(swept)


def _tell_baseline(day: str, plans: int, *, as_json: bool) -> None:
    if as_json:
        say.document({"adopted": plans, "review_by": day})
    else:
        click.echo(f"Adopted {plans} plans that stood before the gate, to be reviewed by {day}.")
        click.echo("What appears from now on without a released decision is a finding.")


def _value(swept: Swept) -> dict[str, Any]:
    return {
        "seen": swept.seen,
        "known": swept.known,
        "waiting": swept.waiting,
        "elsewhere": swept.elsewhere,
        "findings": [
            {
                "finding": one.finding.id,
                "what": one.finding.what.value,
                "resource": one.finding.resource,
                "person": one.finding.person,
                "since": one.since,
                "new": one.finding.id in swept.new,
                "review_by": one.finding.review_by or None,
            }
            for one in swept.findings
        ],
        "cleared": [{"finding": one.id, "what": one.what.value, "resource": one.resource} for one in swept.cleared],
    }


def _tell(swept: Swept) -> None:
    from withness.audit.worklist import FINDING
    from withness.desk.sweep_findings import SAID

    plans = "plan is" if swept.seen == 1 else "plans are"
    say.prose(
        f"{swept.seen} collaborative {plans} in the EHR. Held against {swept.known} that Withness put there, each "
        "member's own counted once."
    )
    if swept.waiting:
        say.prose(f"Nothing is said of {swept.waiting} with something on its way: run withness sync.")
    if swept.elsewhere:
        say.prose(f"Nothing is said of {swept.elsewhere} that another EHR holds.")
    rows = [
        (
            "new" if one.finding.id in swept.new else one.since[:10],
            one.finding.resource,
            SAID[one.finding.what] + (f" by {one.finding.review_by}" if one.finding.review_by else ""),
            one.finding.person or "",
            f"{FINDING}{one.finding.id}",
        )
        for one in swept.findings
    ]
    if rows:
        heads = ("since", "in the EHR", "what is wrong", "about", "item of the worklist")
        say.table("Findings that stand", heads, rows, whole=("in the EHR", "item of the worklist"))
    for one in swept.cleared:
        click.echo(f"Over, and no longer so: {one.resource} {SAID[one.what]}")
    many = "1 finding stands." if len(rows) == 1 else f"{len(rows)} findings stand."
    click.secho("Nothing stands." if not rows else many, bold=True)


def _progress(done: int) -> None:
    if sys.stderr.isatty() and done % 100 == 0:
        click.echo(f"\r{done} resources", nl=False, err=True)
