"""A site's template folders, looked through: everything that is wrong with each, as values; nothing is raised.

For each folder: template.toml and body, names and constructs, a loosened shipped template, examples that read and
render, their goldens, and claims in the template's own words and in the examples.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from withness import strict_json
from withness.core.note import GUARDED, Note, NoteTemplate
from withness.errors import InvalidInput
from withness.packs import note_syntax
from withness.packs.note_copy import copy_of, taken_home
from withness.packs.note_file import read_note
from withness.packs.note_language import MAX_BYTES
from withness.packs.note_lines import changed_line, json_line, said_line, toml_line, undecodable_line
from withness.packs.note_render import markdown
from withness.packs.note_rules import check_override
from withness.packs.note_templates import FILE, FOLDER, MAX_FILE, folder_of_one, load_note_templates, parse_toml

if TYPE_CHECKING:
    from withness.core.claims import Claims

EXAMPLES: Final = "example*.json"
MAX_GOLDEN: Final = 16 * 1024 * 1024
MAX_COMPARED: Final = 20_000
"""Most lines that a diff is made of."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which file, on which line (0: the whole file), what, and how it differs."""

    file: str
    line: int
    said: str
    diff: str = ""


class _Unusable(Exception):
    """A file that cannot be read; its finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.said)
        self.finding = finding


def check_notes(folder: Path, claims: Claims) -> tuple[Finding, ...]:
    """Return what is wrong with the templates in `folder`, or with `folder` where it is one itself."""
    folder = folder.absolute()
    try:
        found = _folders(folder)
    except OSError:
        return (Finding(folder.name, 0, "There is no such folder, or it cannot be read."),)
    if not found:
        return (Finding(folder.name, 0, "It holds no template: each is a folder with a template.toml."),)
    return tuple(finding for one in found for finding in _one(one, claims))


def _folders(folder: Path) -> list[Path]:
    if (folder / FILE).exists() or (folder / note_syntax.BODY).exists():
        return [folder]
    inside = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    return sorted(one for one in inside.iterdir() if folder_of_one(one))


def _one(folder: Path, claims: Claims) -> Iterator[Finding]:
    """Yield what is wrong with one template; what cannot be read ends the look at what depends on it."""
    try:
        toml, body = _text(folder / FILE, MAX_FILE), _text(folder / note_syntax.BODY, MAX_BYTES)
        template = _template(folder, toml, body)
    except _Unusable as error:
        yield error.finding
        return
    faults = note_syntax.faults(template)
    for fault in faults:
        yield Finding(f"{folder.name}/{note_syntax.BODY}", fault.line, f"{fault.said[:1].upper()}{fault.said[1:]}.")
    for id in template.statements:
        if id not in claims.statements:
            yield Finding(f"{folder.name}/{FILE}", _line_of(toml, id), f"There is no statement {id!r} in claims.toml.")
    if template.audience in GUARDED:
        yield from _claimed(folder, template, toml, claims)
    if (own := copy_of(template)) is not None:
        yield from _claimed_toml(folder, toml, claims, (own.body, *_own_words(own)))
    yield from _examples(folder, template, claims, renders=not faults)


def _template(folder: Path, toml: str, body: str) -> NoteTemplate:
    name = f"{folder.name}/{FILE}"
    try:
        template = parse_toml(toml.encode(), body, name=name, origin="site")
        shipped = load_note_templates().get(template.id)
        if shipped is not None:
            check_override(template, shipped, name=name)
    except InvalidInput as error:
        line = toml_line(toml, error.field.partition(":")[2])
        raise _Unusable(_refused(name, error, line)) from None
    if template.id != folder.name:
        line = _line_of(toml, template.id)
        raise _Unusable(Finding(name, line, f"Its id must be {folder.name!r}, as the folder is called."))
    return template


def _examples(folder: Path, template: NoteTemplate, claims: Claims, *, renders: bool) -> Iterator[Finding]:
    found = sorted(folder.glob(EXAMPLES))
    if not found:
        yield Finding(f"{folder.name}/example.json", 0, "It is missing: a template shows what it makes.")
    for path in found:
        name = f"{folder.name}/{path.name}"
        text = ""
        try:
            text = _text(path, strict_json.MAX_BYTES)
            note = read_note(strict_json.parse(text.encode(), name=path.name), template)
        except _Unusable as error:
            yield error.finding
            continue
        except InvalidInput as error:
            yield _refused(name, error, json_line(text, error.field))
            continue
        yield from _claimed_in(name, text, template, note, claims)
        if renders:
            yield from _golden(path, name, text, template, note, claims)
            if (own := copy_of(template)) is not None:
                copied = path.with_suffix(".copy.json")
                yield from _golden(copied, name, text, own, taken_home(note, note.attestation), claims)


def _golden(
    path: Path, name: str, example: str, template: NoteTemplate, note: Note, claims: Claims
) -> Iterator[Finding]:
    """Render the example as a site's template is rendered, and compare it with its golden."""
    statements = {id: one.text for id, one in claims.statements.items()}
    try:
        made = markdown(replace(template, origin="site"), note, statements)
    except InvalidInput as error:
        yield _refused(name, error, json_line(example, error.field))
        return
    golden = path.with_suffix(".md")
    shown = f"{path.parent.name}/{golden.name}"
    if not golden.exists():
        yield Finding(shown, 0, "It is missing: what the example makes.", _diff("", made, golden.name))
        return
    try:
        kept = _text(golden, MAX_GOLDEN)
    except _Unusable as error:
        yield error.finding
        return
    if kept != made:
        line = changed_line(kept, made)
        yield Finding(shown, line, "The example makes something else.", _diff(kept, made, golden.name))


def _diff(kept: str, made: str, name: str) -> str:
    before, after = kept.splitlines(keepends=True), made.splitlines(keepends=True)
    if len(before) + len(after) > MAX_COMPARED:
        return ""
    lines = difflib.unified_diff(before, after, name, "what the example makes")
    return "".join(one if one.endswith("\n") else f"{one}\n\\ No newline at end of file\n" for one in lines)


def _claimed(folder: Path, template: NoteTemplate, toml: str, claims: Claims) -> Iterator[Finding]:
    """Yield the claims in a template's own words."""
    from withness.core.claims import claims_in

    yield from _claimed_toml(folder, toml, claims, _own_words(template))
    for found in claims_in(template.body, claims.claims):
        line = template.body.count("\n", 0, found.start) + 1
        said = f'"{found.words}": {found.claim.sentence} {found.claim.reason}'
        yield Finding(f"{folder.name}/{note_syntax.BODY}", line, said)


def _claimed_toml(folder: Path, toml: str, claims: Claims, texts: Iterable[str]) -> Iterator[Finding]:
    """Yield the claims in what template.toml says."""
    from withness.core.claims import claims_in

    for text in texts:
        for found in claims_in(text, claims.claims):
            said = f'"{found.words}": {found.claim.sentence} {found.claim.reason}'
            yield Finding(f"{folder.name}/{FILE}", _line_of(toml, text) or _line_of(toml, found.words), said)


def _own_words(template: NoteTemplate) -> Iterator[str]:
    yield template.title
    for section in template.sections:
        yield section.title
    for _, one in template.fields():
        yield one.title
        yield from (option.text for option in one.options)
        yield from (part.title for part in one.parts)
    for parts in template.layouts.values():
        yield from (part.title for part in parts)


def _claimed_in(name: str, text: str, template: NoteTemplate, note: Note, claims: Claims) -> Iterator[Finding]:
    """Yield the claims in what an example's clinician wrote, where a client or payer reads it."""
    from withness.core.claims import claims_in_note

    for field, found in claims_in_note(template, note, claims.claims):
        where = json_line(text, field) or json_line(text, f"fields.{field}")
        yield Finding(name, where, f'fields.{field} says "{found.words}": {found.claim.sentence} {found.claim.reason}')


def _text(path: Path, most: int) -> str:
    """Return a file's text. Raises _Unusable: no file, too large, not UTF-8."""
    name = f"{path.parent.name}/{path.name}"
    try:
        found = path.read_bytes() if path.is_file() and path.stat().st_size <= most else None
        large = found is None and path.is_file()
    except OSError:
        found, large = None, False
    if found is None:
        said = f"It is larger than {most // 1024} KiB." if large else "It is missing, or cannot be read."
        raise _Unusable(Finding(name, 0, said))
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        raise _Unusable(Finding(name, undecodable_line(found), "It is not UTF-8 text.")) from None


def _refused(name: str, error: InvalidInput, line: int) -> Finding:
    said = error.message.removeprefix(f"{FOLDER}/").removeprefix(name).lstrip(": ")
    line = line or said_line(error.message)
    return Finding(
        name, line, f"It {said}" if said.startswith(("is ", "cannot ", "takes ", "needs ", "makes ")) else said
    )


def _line_of(toml: str, words: str) -> int:
    """Return the first line of the file that holds the words, 0 where they are spread over several."""
    return next((number for number, line in enumerate(toml.split("\n"), start=1) if words in line), 0)
