"""`withness templates`, `withness questionnaire`, `withness schema`: what there is to work with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from withness.cli.say import common, document, table, write_new, write_page
from withness.core.template import PlanTemplate, shape
from withness.core.terms import Lead, UnitKind
from withness.errors import InvalidInput


@click.command(
    epilog="\b\nExamples:\n  withness templates\n  withness templates heard\n"
    "  withness templates --problem feeling-unheard --unit couple\n"
)
@click.argument("id", required=False)
@click.option(
    "--problem", "problems", multiple=True, metavar="ID", help="Only what this problem-for-work proposes; repeat."
)
@click.option("--unit", type=click.Choice([one.value for one in UnitKind]), help="Only what fits this kind of unit.")
@click.option("--lead", type=click.Choice([one.value for one in Lead]), help="Only what fits this lead.")
@common
def templates(
    id: str | None, problems: tuple[str, ...], unit: str | None, lead: str | None, home: Path | None, as_json: bool
) -> None:
    """List the plan templates, or show one with its sources.

    A problem-for-work proposes templates and never selects one; --unit and --lead narrow what it proposes.
    """
    from withness.core.catalogue import fits, proposals
    from withness.packs.load import load_problems
    from withness.packs.templates import load_templates
    from withness.settings import read_settings

    found, known = load_templates(read_settings({"home": home}).packs), load_problems()
    if id is not None and id not in found:
        raise InvalidInput("There is no such plan template.", field="ID", hint=f"Choose one of: {', '.join(found)}.")
    for problem in problems:
        if problem not in known:
            hint = f"Choose one of: {', '.join(known)}."
            raise InvalidInput("There is no such problem-for-work.", field="--problem", hint=hint)
    if id is not None:
        _show(found[id], as_json=as_json)
        return
    kind, who_leads = UnitKind(unit) if unit else None, Lead(lead) if lead else None
    fitting = tuple(one for one in found.values() if fits(one, kind, who_leads))
    listed = proposals(problems, found, kind, who_leads) if problems else fitting
    if as_json:
        document([_value(one) for one in listed])
        return
    for problem in problems:
        click.echo(f"{known[problem].title}: {known[problem].why}")
        for prompt in known[problem].prompts:
            click.echo(f"To consider: {prompt}")
    rows = [(one.id, one.goal, one.limit.sentence()) for one in listed]
    table(
        "Proposed; the choice is yours and the client's" if problems else "Plan templates",
        ("id", "goal", "time limit"),
        rows,
    )


def _show(template: PlanTemplate, *, as_json: bool) -> None:
    if as_json:
        document(_value(template))
    else:
        table(template.id, ("", ""), [(name, _text(value)) for name, value in _value(template).items()])


def _value(template: PlanTemplate) -> dict[str, Any]:
    return {
        "id": template.id,
        "version": template.version,
        "title": template.title,
        "goal": template.goal,
        "objective": template.objective,
        "measure": template.measure.text,
        "target_form": shape(template.target),
        "within": template.limit.sentence(),
        "responsible": template.responsible,
        "mechanism": template.mechanism,
        "references": list(template.references),
        "source": template.source,
        "problems": list(template.problems),
        "leads": [one.value for one in template.leads],
        "units": [one.value for one in template.units],
        "evidence": template.evidence,
    }


def _text(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


@click.command(
    epilog="\b\nExamples:\n  withness questionnaire\n  withness questionnaire risk-screen --out risk-screen.json\n"
    "  withness questionnaire session-check-in --paper check-in.html\n"
)
@click.argument("id", required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to a file.")
@click.option("--paper", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="A page to print.")
@common
def questionnaire(id: str | None, out: Path | None, paper: Path | None, home: Path | None, as_json: bool) -> None:
    """List the Questionnaires, write one as FHIR R4 JSON, or as a page to print for a day without power."""
    from withness.fhir.package.forms import form_questionnaire
    from withness.fhir.questionnaires import risk_screen
    from withness.packs.forms import load_forms
    from withness.packs.policy import load_policy
    from withness.packs.publication import load_publication
    from withness.settings import read_settings

    policy, publication = load_policy(read_settings({"home": home}).policy), load_publication()
    forms = {one.id: one for one in load_forms()}
    found = {"risk-screen": risk_screen(policy, publication)}
    found |= {name: form_questionnaire(form, publication) for name, form in forms.items()}
    if id is None and (out or paper):
        raise InvalidInput("ID must say which Questionnaire is written.", field="ID")
    if id is None:
        rows = [
            {"id": name, "url": f"{one['url']}|{one['version']}", "title": one["title"]} for name, one in found.items()
        ]
        if as_json:
            document(rows)
        else:
            table("Questionnaires", ("id", "canonical", "title"), [tuple(row.values()) for row in rows])
        return
    if id not in found:
        raise InvalidInput(
            f"There is no Questionnaire {id[:40]!r}.", field="ID", hint=f"Choose one of: {', '.join(found)}."
        )
    if paper is not None and out is not None:
        raise InvalidInput("One at a time: --out writes the resource, --paper the page to print.", field="--paper")
    if paper is not None:
        from withness.packs.paper import paper_screen
        from withness.packs.paper_form import paper_form

        write_page(paper, paper_form(forms[id]) if id in forms else paper_screen(policy), as_json=as_json)
        return
    if out is not None:
        write_new(out, json.dumps(found[id], ensure_ascii=False, indent=2) + "\n")
        click.echo(f"Wrote {out}.", err=True)
    if as_json or out is None:
        document(found[id])


@click.command(epilog="\b\nExample:\n  withness schema plan > plan-draft.schema.json\n")
@click.argument("what", type=click.Choice(["plan"]))
@common
def schema(what: str, home: Path | None, as_json: bool) -> None:
    """Print the JSON Schema of a plan draft."""
    from withness.desk.draft_form import draft_schema

    document(draft_schema())
