"""`withness demo`: the whole main job, told on sample people."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from withness.cli import samples, say

if TYPE_CHECKING:
    from withness.core.risk import RiskPolicy
    from withness.desk.front import Desk

_STAYS: Final = "The clinician stays with Tom. His notes and safety plan are written as always; his words wait."
_ENDS_WITH: Final = (
    "It ends with the documented needs, a new screen below acute, and a second signer (a later release)."
)


_EMBEDDED = {"database_url": "", "ehr_url": "", "ehr_token": ""}
"""The demo's people never reach a site's own database or EHR."""


@click.command(epilog="\b\nExamples:\n  withness demo\n  withness demo --home ./demo-data\n")
@say.common
def demo(home: Path | None, as_json: bool) -> None:
    """Tell the whole story on sample people: a clear save, holds, a couple, the trail and its verification.

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

    settings = read_settings(_EMBEDDED | {"home": data, "key_file": key_file})
    chapters: dict[str, Any] = {}
    with load(settings) as desk:
        questions = desk.questions()
        for name, one in _chapters(samples.people(), load_policy(settings.policy)).items():
            chapters[name] = answer = one.act(desk)
            if not quiet:
                _show(one, answer, questions)
    chapters["trail"] = _trail(settings, quiet=quiet)
    return chapters


@dataclass(frozen=True)
class _Chapter:
    """Who is screened with which answers, then the save of one plan; `end` is what follows a hold."""

    title: str
    people: tuple[dict[str, Any], ...]
    draft: dict[str, Any]
    screens: tuple[dict[str, Any], ...]
    end: str = ""

    def act(self, desk: Desk) -> dict[str, Any]:
        for screen in self.screens:
            desk.screen(screen, actor=samples.CLINICIAN)
        return desk.save(self.draft, actor=samples.CLINICIAN)


def _chapters(people: dict[str, dict[str, Any]], policy: RiskPolicy) -> dict[str, _Chapter]:
    now = datetime.now(UTC)

    def alone(title: str, name: str, answers: samples.Answers, end: str = "") -> _Chapter:
        who = people[name]
        screen = samples.screen(policy, who, now, answers)
        return _Chapter(title, (who,), samples.draft(who, now), (screen,), end)

    couple = (people["mia"], people["jon"])
    private = zip(couple, ({}, samples.UNFINISHED), strict=True)
    return {
        "clear": alone("1. Rosa's screen is clear: her plan is saved", "rosa", {}),
        "incomplete": alone("2. Ana's screen is unfinished: silence never clears", "ana", samples.UNFINISHED),
        "acute": alone("3. Tom's screen is acute: the directive protocol opens", "tom", samples.ACUTE, _STAYS),
        "sticky": alone("4. A later clear screen alone does not end it", "tom", {}, _ENDS_WITH),
        "couple": _Chapter(
            "5. Mia and Jon, a couple: Mia's own screen is clear, Jon's is not, and both hear one sentence",
            couple,
            samples.couple(couple, now),
            tuple(samples.screen(policy, who, now, answers) for who, answers in private),
        ),
    }


def _show(chapter: _Chapter, answer: dict[str, Any], questions: dict[str, str]) -> None:
    click.secho(f"\n{chapter.title}", bold=True, underline=True)
    for who in chapter.people:
        whose = "the client's words" if len(chapter.people) == 1 else f"{who['name']}'s words"
        click.echo(f"In {whose}: {_quoted(who['words'])}")
    say.decision(answer, questions)
    if answer["saved"]:
        say.bundle(answer["bundle"])
    else:
        say.prose(f"Nothing went into the chart. The draft waits as working copy {answer['plan']}.")
    if chapter.end:
        say.prose(chapter.end)


def _quoted(words: str) -> str:
    """Return `words` in quotation marks, each further line of them indented."""
    return f"“{words}”".replace("\n", "\n    ")


def _trail(settings: Any, *, quiet: bool) -> dict[str, Any]:
    from withness.cli.desk import opened_trail
    from withness.desk.compliance import show
    from withness.desk.front import actor_of
    from withness.desk.verify import verify

    actor = actor_of(samples.CLINICIAN)
    with opened_trail(settings) as (store, _):
        leaves = show(store, actor, datetime.now(UTC), limit=100)
        verdict = verify(store, actor, datetime.now(UTC))
    if not quiet:
        click.secho("\n6. Every decision is in the trail, and the trail verifies", bold=True, underline=True)
        rows = [(str(one.seq), one.kind, one.outcome or "", one.patient or "") for one in leaves]
        say.table("Audit trail", ("#", "what", "outcome", "patient"), rows)
        whole = "The trail is whole" if verdict.whole else "The trail is DAMAGED"
        click.echo(f"{whole}: {verdict.records} records, {verdict.recomputed} decisions decided again.")
        click.echo("Next: withness --help, or docs/clinicians.md")
    return {"records": verdict.records, "whole": verdict.whole, "recomputed": verdict.recomputed}
