"""`withness ig build|check`: the FHIR package, and anybody's resources against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.cli import say
from withness.errors import InvalidInput

if TYPE_CHECKING:
    from withness.fhir.package.report import Report


@click.group(
    epilog="\b\nExamples:\n  withness ig build --out dist\n  withness ig check bundle.json\n"
    "  withness plan preview plan.json --json | jq .bundle | withness ig check -\n"
)
def ig() -> None:
    """The FHIR package: profiles, terminology, forms and knowledge artefacts, for any server and validator."""


@ig.command(
    epilog="\b\nExamples:\n  withness ig build --out dist\n"
    "  withness ig build --out dist --canonical https://fhir.clinic.example/withness\n"
)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The folder to write into.")
@click.option("--canonical", metavar="URL", help="Your own canonical base, for a copy of your own.")
@say.common
def build(out: Path, canonical: str | None, home: Path | None, as_json: bool) -> None:
    """Write the package as one .tgz, the same bytes each time.

    With --canonical every occurrence of our base becomes URL, and the package's name follows it
    (https://fhir.clinic.example/withness: example.clinic.fhir.withness, then a digest of the base). What Withness sends
    keeps naming our base.
    """
    import hashlib

    from withness import content
    from withness.fhir.package import archive
    from withness.fhir.package.rebasing import read_base
    from withness.packs.publication import load_publication

    base = read_base(canonical) if canonical is not None else None
    made = archive.build(content.folder("fhir_profiles"), load_publication(), base=base)
    data = archive.archive(made)
    digest = hashlib.sha256(data).hexdigest()
    path = archive.write(data, out, made.file_name)
    if as_json:
        say.document(
            {
                "path": str(path),
                "sha256": digest,
                "content_sha256": archive.content(made),
                "name": made.name,
                "version": made.version,
                "canonical": made.canonical,
                "artefacts": made.artefacts,
                "examples": made.examples,
                "bytes": len(data),
            }
        )
        return
    click.echo(f"Wrote {path}: {_count(made.artefacts, 'artefact')} and {_count(made.examples, 'example')}.")
    click.echo(f"SHA-256 {digest}")


@ig.command(
    epilog="\b\nExamples:\n  withness ig check bundle.json\n  withness ig check answers.ndjson package.tgz --json\n"
    "  withness ig check goal.json --profile https://withness.example/fhir/StructureDefinition/collaborative-goal\n"
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="CANONICAL",
    help="Ask this profile too of each resource of its type.",
)
@say.common
def check(files: tuple[str, ...], profiles: tuple[str, ...], home: Path | None, as_json: bool) -> None:
    """Check resources: FHIR R4, its rules and required codes, references, and our profiles. Exit 2 with problems.

    A FILE is a resource or Bundle in JSON, NDJSON, or a package (.tgz); "-" is standard input. Our profiles are asked
    where meta.profile names them. What is given together is known together: profiles among the FILEs count too. What
    was not checked is always said.
    """
    from withness.fhir.package import report
    from withness.fhir.package.intake import MOST_BYTES, read
    from withness.fhir.profile_check.definitions import shipped

    taken = [(name, read(say.read_file(path, MOST_BYTES), name)) for path in files for name in [_name(path)]]
    found = report.check(taken, shipped(), profiles=profiles)
    if as_json:
        say.document(report.told(found))
    else:
        _say(found)
    say.stop(InvalidInput.exit_code if found.problems else 0)


def _name(path: str) -> str:
    return "standard input" if path == "-" else path


def _say(found: Report) -> None:
    if found.problems:
        rows = [(one.file, one.element, f"{one.why}.") for one in found.problems]
        say.table("What is wrong", ("file", "element", "what is wrong"), rows)
    say.prose("Not checked:")
    named: dict[str, list[str]] = {}
    for what, which in found.unchecked:
        named.setdefault(what, []).extend([which] if which else [])
    for what, listed in named.items():
        say.prose(f"- {what}" + (f": {', '.join(listed)}" if listed else ""))
    click.echo()
    about = f"{_count(found.resources, 'resource')} in {_count(found.files, 'file')}"
    if found.profiles:
        about += f", against {_count(len(found.profiles), 'profile')}"
    problems = _count(len(found.problems), "problem") if found.problems else "no problem"
    say.prose(f"{about}: {problems} in what was checked.", bold=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
