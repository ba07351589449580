"""`withness screen` and `withness gate`: record a screen, ask for the standing decision."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from withness.cli import say
from withness.cli.desk import opened
from withness.cli.signing import second_signer, seconding, signer, signing
from withness.desk.telling import RELEASED


class _Screen(click.Group):
    """`withness screen FILE` records; `retract`, `correct` and `cosign` are commands (a file so named: ./retract)."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take whatever is no command's name as the file to record."""
        if args and args[0] not in self.commands:
            return "record", self.commands["record"], args
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave options before the file to `record`."""
        if args and args[0] not in (*self.commands, "--help", "-h") and not set(args) & {"--help", "-h"}:
            args = ["record", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Screen,
    epilog="\b\nExamples:\n  withness screen screen.json\n  withness screen - --json < screen.json\n"
    "  withness screen screen.json --late-reason 'No power on Tuesday'\n"
    "  withness screen correct corrected.json --actor Practitioner/p1 --key p1.key --second Practitioner/s1 …\n\n"
    "The form: withness questionnaire risk-screen --out risk-screen.json",
)
def screen() -> None:
    """Record a risk screen (withness screen FILE), correct, retract or co-sign one."""


@screen.command(epilog="\b\nExample:\n  withness screen screen.json\n")
@click.argument("file", metavar="FILE")
@click.option("--late-reason", default="", help="Why it is entered later than it was asked (from paper, say).")
@say.acting
@say.common
def record(file: str, late_reason: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Record a risk screen (a FHIR QuestionnaireResponse) and decide for a new individual plan.

    Exit 0: released, or released with conditions. Exit 3: held. A screen whose patient can be read is always
    recorded, whatever is wrong with the rest of it.
    """
    response = say.read_file(file)
    with opened(home) as (desk, questions):
        told = desk.screen(response, actor=actor, late_reason=late_reason)
        _say(told, questions, as_json=as_json, titles=desk.needs(), zone=say.zone_of(home))


@screen.command(
    epilog="\b\nExample:\n  withness screen correct corrected.json --actor Practitioner/p1 --key p1.key "
    "--second Practitioner/s1 --second-key s1.key\n"
)
@click.argument("file", metavar="FILE")
@seconding
@signing
@say.common
def correct(file: str, home: Path | None, as_json: bool, **keys: Any) -> None:
    """Correct a mistaken entry: a new screen that cites the old one, the client having been asked again.

    Its author signs, within the policy's time, and a second signer confirms; the old findings close as entered in
    error. Both screens stay on record.
    """
    response = say.read_file(file)
    with opened(home, fresh=False) as (desk, questions):
        told = desk.correct(response, signer=_first(keys), second=_second(keys))
        _say(told, questions, as_json=as_json, titles=desk.needs(), zone=say.zone_of(home))


@screen.command(
    epilog="\b\nExample:\n  withness screen retract 6b6f2f0e-… --reason 'Wrong chart' --belongs-to Patient/ana "
    "--actor Practitioner/p1 --key p1.key --second Practitioner/s1 --second-key s1.key\n"
)
@click.argument("id", metavar="SCREEN")
@click.option("--reason", required=True, help="Why; it stays sealed.")
@click.option("--belongs-to", metavar="Patient/ID", help="Whose screen it really is.")
@seconding
@signing
@say.common
def retract(id: str, reason: str, belongs_to: str | None, home: Path | None, as_json: bool, **keys: Any) -> None:
    """Mark a screen as entered in error: the wrong chart, or mis-keyed. Two people sign; a fresh screen is needed."""
    with opened(home, fresh=False) as (desk, questions):
        found = desk.retract_screen(id, reason=reason, signer=_first(keys), second=_second(keys), belongs_to=belongs_to)
        if as_json:
            say.document(found)
            return
        for told in found:
            say.decision(told, questions, titles=desk.needs())
        say.warn_of_utc(say.zone_of(home))


@screen.command(epilog="\b\nExample:\n  withness screen cosign 6b6f2f0e-… --actor Practitioner/s1 --key s1.key\n")
@click.argument("id", metavar="SCREEN")
@signing
@say.common
def cosign(id: str, home: Path | None, as_json: bool, **keys: Any) -> None:
    """Sign a trainee's screen as their supervisor."""
    with opened(home, fresh=False) as (desk, _):
        desk.cosign(id, signer=_first(keys))
    say.document({"screen": id, "cosigned": True}) if as_json else click.echo("Signed.")


def _first(keys: dict[str, Any]) -> Any:
    return signer(keys["actor"], keys["key"], keys["passphrase_file"])


def _second(keys: dict[str, Any]) -> Any:
    return second_signer(keys["second"], keys["second_key"], keys["second_passphrase_file"])


@click.command(
    epilog="\b\nExamples:\n  withness gate Patient/rosa --encounter Encounter/e1\n"
    "  withness gate Patient/rosa --with Patient/tom --encounter Encounter/e1\n"
)
@click.argument("person", metavar="Patient/ID")
@click.option(
    "--with", "others", multiple=True, metavar="Patient/ID", help="Another member of the unit; repeat for more."
)
@click.option(
    "--purpose", type=click.Choice(["new-plan", "amendment"]), default="new-plan", show_default=True, help="What for."
)
@click.option("--encounter", metavar="Encounter/ID", help="The encounter that the plan would be made in.")
@say.acting
@say.common
def gate(
    person: str,
    others: tuple[str, ...],
    purpose: str,
    encounter: str | None,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Ask for the standing decision on a person or a unit. Writes no plan; no screen at all is exit 3."""
    with opened(home) as (desk, questions):
        told = desk.decide([person, *others], actor=actor or "Device/withness", purpose=purpose, encounter=encounter)
        _say(told, questions, as_json=as_json, titles=desk.needs())


def _say(
    told: dict[str, Any],
    questions: dict[str, str],
    *,
    as_json: bool,
    titles: say.Titles,
    zone: tzinfo | None = None,
) -> None:
    if as_json:
        say.document(told)
    else:
        say.decision(told, questions, titles=titles)
        if zone is not None:
            say.warn_of_utc(zone)
    say.stop(0 if told["decision"] in RELEASED else 3)
