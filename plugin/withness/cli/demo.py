"""`withness demo`: the whole main job, told on sample people."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from withness.cli import demo_life, samples, say
from withness.errors import InvalidInput

if TYPE_CHECKING:
    from withness.core.risk import RiskPolicy
    from withness.desk.front import Desk
    from withness.settings import Settings
    from withness.signing import Signer

_STAYS: Final = "The clinician stays with Tom. His notes and safety plan are written as always; his words wait."
_ENDS_WITH: Final = "It ends with the documented needs, a new screen below acute, and a second signer: see chapter 7."

_EMBEDDED: Final = {
    "database_url": "",
    "ehr_url": "",
    "ehr_token": "",
    "on_call": "",
    "jurisdiction": "",
    "time_zone": "UTC",
}
"""The demo's people never reach a site's own database, EHR or clinicians."""


@click.command(epilog="\b\nExamples:\n  withness demo\n  withness demo --home ./demo-data\n")
@say.common
def demo(home: Path | None, as_json: bool) -> None:
    """Tell the whole story on sample people: a clear save, holds, a couple, the way through a hold, and the trail.

    Everything happens on the embedded default, in a temporary data directory unless --home names a fresh one. That one
    stays, with the sample people's keys in it.
    """
    with _place(home) as (data, key_file):
        chapters, keys = _tell(data, key_file, quiet=as_json)
        if home is not None:
            chapters["keys"] = _told(partial(_leave_keys, home, keys), _show_keys, quiet=as_json)
        if as_json:
            say.document(chapters)
        else:
            click.echo("Next: withness --help, or docs/clinicians.md")


@contextmanager
def _place(home: Path | None) -> Iterator[tuple[Path, Path | None]]:
    if home is not None:
        yield home, None
        return
    with tempfile.TemporaryDirectory(prefix="withness-demo-") as data, tempfile.TemporaryDirectory() as keys:
        yield Path(data), Path(keys) / "demo.key"


def _leave_keys(home: Path, keys: Mapping[str, Signer]) -> dict[str, Any]:
    """Leave the sample people's keys in the data directory, so that it can be tried; nobody real has such a one."""
    from withness.files import write_new
    from withness.signing import write_signer

    folder = home / samples.KEYS
    files = {}
    for role, _, name, _ in samples.TEAM:
        path = folder / f"{name.partition(' ')[0].lower()}.key"
        write_signer(keys[role], path, samples.PASSPHRASE)
        files[keys[role].who] = str(path)
    write_new(folder / "passphrase.txt", f"{samples.PASSPHRASE}\n".encode())
    return {"sample": True, "files": files, "passphrase": samples.PASSPHRASE}


def _show_keys(keys: dict[str, Any]) -> None:
    demo_life.heading("The sample people's keys are yours to try")
    for who, path in keys["files"].items():
        click.echo(f"{who}: {path}")
    say.prose(f"Their passphrase is “{keys['passphrase']}” (it stands in passphrase.txt beside them, too).")
    say.prose("All of it is sample data: never sign anything real with such a key. See docs/compliance.md.")


def _tell(data: Path, key_file: Path | None, *, quiet: bool) -> tuple[dict[str, Any], dict[str, Signer]]:
    from withness.desk.front import Desk
    from withness.wiring import build

    settings = _settings(data, key_file)
    context, chapters = build(settings, sample=True), {}
    with Desk(context) as desk:
        people = samples.people()
        for name, act, show in _chapters(desk, context.policy, people):
            chapters[name] = _told(act, show, quiet=quiet)
        [plan], keys = chapters["clear"]["care_plans"], demo_life.enrolled(desk)
        rosa = demo_life.Rosa(desk, context, people["rosa"], plan, keys)
        for name, act, show in demo_life.chapters(rosa):
            chapters[name] = _told(act, show, quiet=quiet)
    chapters["trail"] = _told(
        partial(_trail, settings, people["rosa"]["member"], keys["compliance"]), _show_trail, quiet=quiet
    )
    return chapters, keys


def _told(act: Callable[[], dict[str, Any]], show: Callable[[dict[str, Any]], None], *, quiet: bool) -> dict[str, Any]:
    answer = act()
    if not quiet:
        show(answer)
    return answer


def _settings(data: Path, key_file: Path | None) -> Settings:
    """Return the settings of a data directory, on what is shipped. Raises InvalidInput where it was used before."""
    from withness.settings import read_settings

    given = read_settings({**_EMBEDDED, "home": data, "key_file": key_file})
    settings = replace(given, policy=None, packs=None, jurisdictions=None)
    if settings.database.exists() or settings.chart.exists() or (data / samples.KEYS).exists():
        said = "This data directory was used before, and the demo's people start from nothing: use a fresh --home."
        raise InvalidInput(said, field="--home")
    return settings


@dataclass(frozen=True)
class _Chapter:
    """Who is screened with which answers, then the save of one plan; `end` is what follows a hold."""

    title: str
    people: tuple[dict[str, Any], ...]
    answers: tuple[samples.Answers, ...]
    end: str = ""

    def act(self, desk: Desk, policy: RiskPolicy) -> dict[str, Any]:
        now = datetime.now(UTC)
        for who, answers in zip(self.people, self.answers, strict=True):
            desk.screen(samples.screen(policy, who, now, answers), actor=samples.CLINICIAN)
        draft = samples.draft(self.people[0], now) if len(self.people) == 1 else samples.couple(self.people, now)
        return desk.save(draft, actor=samples.CLINICIAN)


def _chapters(desk: Desk, policy: RiskPolicy, people: Mapping[str, dict[str, Any]]) -> Iterator[demo_life.Told]:
    rosa, ana, tom, couple = people["rosa"], people["ana"], people["tom"], (people["mia"], people["jon"])
    told = {
        "clear": _Chapter("1. Rosa's screen is clear: her plan is saved", (rosa,), ({},)),
        "incomplete": _Chapter("2. Ana's screen is unfinished: silence never clears", (ana,), (samples.UNFINISHED,)),
        "acute": _Chapter("3. Tom's screen is acute: the directive protocol opens", (tom,), (samples.ACUTE,), _STAYS),
        "sticky": _Chapter("4. A later clear screen alone does not end it", (tom,), ({},), _ENDS_WITH),
        "couple": _Chapter(
            "5. Mia and Jon, a couple: Mia's own screen is clear, Jon's is not, and both hear one sentence",
            couple,
            ({}, samples.UNFINISHED),
        ),
    }
    questions = desk.questions()
    for name, one in told.items():
        yield name, partial(one.act, desk, policy), partial(_show, one, questions=questions)


def _show(chapter: _Chapter, answer: dict[str, Any], questions: dict[str, str]) -> None:
    demo_life.heading(chapter.title)
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


def _trail(settings: Settings, person: str, examiner: Signer) -> dict[str, Any]:
    """Return what the trail holds of one person, and its verification."""
    from withness.desk.asking import actor_of
    from withness.desk.compliance import signed_show
    from withness.desk.verify import verify
    from withness.wiring import build

    actor, context = actor_of(examiner.who), build(settings, fresh=False)
    with closing(context.store) as store:
        leaves = signed_show(context, actor, examiner, patient=person, limit=100)
        verdict = verify(store, actor, datetime.now(UTC))
    listed = [{"record": one.seq, "kind": one.kind, "outcome": one.outcome} for one in leaves]
    told = {"records": verdict.records, "whole": verdict.whole, "recomputed": verdict.recomputed}
    return {**told, "person": person, "listed": listed}


def _show_trail(trail: dict[str, Any]) -> None:
    demo_life.heading("9. Every decision is in the trail, and the trail verifies")
    rows = []
    for (kind, outcome), group in groupby(trail["listed"], key=lambda one: (one["kind"], one["outcome"] or "")):
        numbers = [one["record"] for one in group]
        rows.append((f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}", kind, outcome))
    say.table(f"Audit trail: what it holds of {trail['person']}", ("#", "what", "outcome"), rows)
    whole = "The trail is whole" if trail["whole"] else "The trail is DAMAGED"
    click.echo(f"{whole}: {trail['records']} records, {trail['recomputed']} decisions decided again.")
