"""`withness screen` and `withness gate`: record a screen, ask for the standing decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from withness.cli import say
from withness.cli.desk import opened
from withness.desk.telling import RELEASED


@click.command(
    epilog="\b\nExamples:\n  withness screen screen.json\n  withness screen - --json < screen.json\n\n"
    "The form: withness questionnaire risk-screen --out risk-screen.json"
)
@click.argument("file", metavar="FILE")
@say.acting
@say.common
def screen(file: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Record a risk screen (a FHIR QuestionnaireResponse) and decide for a new individual plan.

    Exit 0: released, or released with conditions. Exit 3: held. A screen whose patient can be read is always
    recorded, whatever is wrong with the rest of it.
    """
    response = say.read_file(file)
    with opened(home) as (desk, questions):
        _say(desk.screen(response, actor=actor), questions, as_json=as_json)


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
        _say(told, questions, as_json=as_json)


def _say(told: dict[str, Any], questions: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        say.document(told)
    else:
        say.decision(told, questions)
    say.stop(0 if told["decision"] in RELEASED else 3)
