"""`withness demo`: the whole main job, told on sample people."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from withness.cli import samples, say


@click.command(epilog="\b\nExamples:\n  withness demo\n  withness demo --home ./demo-data\n")
@say.common
def demo(home: Path | None, as_json: bool) -> None:
    """Tell the whole story on sample people: a clear save, two holds, the trail and its verification.

    Everything happens on the embedded default, in a fresh temporary data directory unless --home is given.
    """
    with _place(home) as (data, key_file):
        chapters = _tell(data, key_file, quiet=as_json)
        if as_json:
            say.document(chapters)


@contextmanager
def _place(home: Path | None) -> Iterator[tuple[Path, Path | None]]:
    if home is not None:
        yield home, None
        return
    with tempfile.TemporaryDirectory(prefix="withness-demo-") as data, tempfile.TemporaryDirectory() as keys:
        yield Path(data), Path(keys) / "demo.key"


def _tell(data: Path, key_file: Path | None, *, quiet: bool) -> dict[str, Any]:
    from withness.packs.policy import load_policy
    from withness.settings import read_settings
    from withness.wiring import load

    settings = read_settings({"home": data, "key_file": key_file})
    policy, people, now = load_policy(settings.policy), samples.people(), datetime.now(UTC)
    chapters: dict[str, Any] = {}
    with load(settings) as desk:
        questions = desk.questions()

        def chapter(
            name: str, title: str, person: str, answers: dict[str, str | None], *, screened: bool = True
        ) -> None:
            who = people[person]
            if screened:
                desk.screen(samples.screen(policy, who, now, answers), actor=samples.CLINICIAN)
            answer = desk.save(samples.draft(who, now), actor=samples.CLINICIAN)
            chapters[name] = answer
            if not quiet:
                _show(title, who, answer, questions)

        chapter("clear", "1. Rosa's screen is clear: her plan is saved", "rosa", {})
        unfinished = {"suicide.now": None, "eating.rapid-loss": "unsure"}
        chapter("incomplete", "2. Ana's screen is unfinished: silence never clears", "ana", unfinished)
        chapter("acute", "3. Tom's screen is acute: the directive protocol opens", "tom", {"suicide.now": "yes"})
        chapter("sticky", "4. A later clear screen alone does not end it", "tom", {})
    chapters["trail"] = _trail(settings, quiet=quiet)
    return chapters


def _show(title: str, who: dict[str, Any], answer: dict[str, Any], questions: dict[str, str]) -> None:
    click.secho(f"\n{title}", bold=True, underline=True)
    click.echo(f"In the client's words: {who['words']!r}")
    say.decision(answer, questions)
    if answer["saved"]:
        rows = [(entry["request"]["url"], _about(entry["resource"])) for entry in answer["bundle"]["entry"]]
        say.table("In the chart", ("resource", "what it holds"), rows)
    else:
        click.echo(f"Nothing went into the chart. The draft waits as working copy {answer['plan']}.")


def _about(resource: dict[str, Any]) -> str:
    match resource["resourceType"]:
        case "Goal":
            target = resource["target"][0]
            return f"{resource['description']['text']} | {target['measure']['text']} | due {target['dueDate']}"
        case "CarePlan":
            return f"{resource['title']} | {resource['status']} | screen and goals referenced"
        case "QuestionnaireResponse":
            return "the screen, without what stays inside Withness"
        case _:
            return "both authors: client and clinician"


def _trail(settings: Any, *, quiet: bool) -> dict[str, Any]:
    from withness.desk.compliance import show
    from withness.desk.front import actor_of
    from withness.desk.verify import verify
    from withness.wiring import open_trail

    store, actor = open_trail(settings), actor_of(samples.CLINICIAN)
    try:
        leaves = show(store, actor, datetime.now(UTC), limit=100)
        verdict = verify(store, actor, datetime.now(UTC))
    finally:
        store.close()
    if not quiet:
        click.secho("\n5. Every decision is in the trail, and the trail verifies", bold=True, underline=True)
        rows = [(str(one.seq), one.kind, one.outcome or "", one.patient or "") for one in leaves]
        say.table("Audit trail", ("#", "what", "outcome", "patient"), rows)
        whole = "The trail is whole" if verdict.whole else "The trail is DAMAGED"
        click.echo(f"{whole}: {verdict.records} records, {verdict.recomputed} decisions decided again.")
        click.echo("Next: withness --help, or docs/clinicians.md")
    return {"records": verdict.records, "whole": verdict.whole, "recomputed": verdict.recomputed}
