"""A site's own template, rendered in a child process that may not do much, and not for long.

    python -I -B -m withness.packs.note_child  <  {"template": …, "note": …, "statements": …, "said": …}
    {"body": "…"}

The syntax check has refused already whatever reads files, calls code or loops without bound; this is the second wall.
In the child: no file is opened, none written, no process started, 5 s of processor time, 512 MiB of memory. Outside
it: 15 s in all, an empty environment, 4 MiB of answer; what the child says about a fault is never read.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from threading import Timer
from types import MappingProxyType
from typing import Any, Final

from withness.core.note import (
    Audience,
    FieldKind,
    Kept,
    Layout,
    LayoutPart,
    Note,
    NoteField,
    NoteTemplate,
    Option,
    Part,
    Section,
    Whose,
)
from withness.errors import InvalidContent, WithnessError
from withness.packs.note_body import Said, body
from withness.packs.note_syntax import name_of

CPU_SECONDS: Final = 5
"""Processor time that the child may use, its own start included."""

WALL_SECONDS: Final = 15.0
"""Time after which the child is ended, on a busy machine too."""

MEMORY_BYTES: Final = 512 * 1024 * 1024
"""Address space that the child may have."""

OUTPUT_BYTES: Final = 4 * 1024 * 1024
"""Largest body that is taken from the child."""

_MEMORY, _OUTPUT, _REFUSED, _LATE = 71, 72, 73, 74
"""What the child ends with where it knows why; the last one is the parent's word."""

_CANNOT: Final = "cannot be filled in"
_SAID: Final = {
    _LATE: "takes too long to be filled in",
    _MEMORY: f"needs more than {MEMORY_BYTES // 1024 // 1024} MiB of memory",
    _OUTPUT: f"makes more than {OUTPUT_BYTES // 1024 // 1024} MiB of text",
}


def body_in_child(template: NoteTemplate, note: Note, statements: Mapping[str, str], said: Said) -> str:
    """Return the body as Markdown, made by a child process. Raises InvalidContent: one sentence, the template named."""
    name = name_of(template)
    try:
        code, answer, late = _run(json.dumps(_written(template, note, statements, said)).encode())
    except OSError:
        code, answer, late = _REFUSED, b"", False
    if len(answer) > OUTPUT_BYTES:
        code = _OUTPUT
    elif late or code in (-signal.SIGXCPU, -signal.SIGKILL):
        code = _LATE
    if code != 0:
        raise InvalidContent(f"{name} {_SAID.get(code, _CANNOT)}.", field=name)
    try:
        return str(json.loads(answer)["body"])
    except (ValueError, KeyError, TypeError):
        raise InvalidContent(f"{name} {_CANNOT}.", field=name) from None


def _run(given: bytes) -> tuple[int, bytes, bool]:
    """Return the child's exit code, what it answered, and whether it had to be ended."""
    command = [sys.executable, "-I", "-B", "-m", "withness.packs.note_child"]
    late: list[bool] = []
    with subprocess.Popen(  # noqa: S603  our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", env={}
    ) as child:

        def end() -> None:
            late.append(True)
            child.kill()

        timer = Timer(WALL_SECONDS, end)
        timer.start()
        try:
            answer = _talk(child, given)
            if len(answer) > OUTPUT_BYTES:
                child.kill()
            child.wait()
        finally:
            timer.cancel()
            child.kill()
    return child.returncode, answer, bool(late)


def _talk(child: subprocess.Popen[bytes], given: bytes) -> bytes:
    """Give the child its work and return its answer, no longer than one byte more than is taken."""
    if child.stdin is None or child.stdout is None:
        return b""
    with suppress(BrokenPipeError):  # it has ended already; its exit code says why
        child.stdin.write(given)
        child.stdin.close()
    return child.stdout.read(OUTPUT_BYTES + 1)


# -- what goes into the child: what a body needs, and nothing of who signs or why


def _written(template: NoteTemplate, note: Note, statements: Mapping[str, str], said: Said) -> dict[str, Any]:
    return {
        "template": {
            "id": template.id,
            "units": template.units,
            "statements": template.statements,
            "body": template.body,
            "sections": [[one.id, one.title, [_field_out(field) for field in one.fields]] for one in template.sections],
            "layouts": {
                layout.value: [[part.title, part.fields] for part in parts]
                for layout, parts in template.layouts.items()
            },
        },
        "note": {"layout": note.layout.value, "fields": dict(note.fields), "names": dict(note.names)},
        "statements": {id: statements[id] for id in template.statements if id in statements},
        "said": [said.yes, said.no],
    }


def _field_out(one: NoteField) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "kind": one.kind.value,
        "whose": one.whose.value,
        "options": [[option.code, option.text] for option in one.options],
        "parts": [[part.id, part.title, part.whose.value] for part in one.parts],
    }


# -- in the child


def _field_in(found: dict[str, Any]) -> NoteField:
    return NoteField(
        id=found["id"],
        title=found["title"],
        kind=FieldKind(found["kind"]),
        help="",
        source="",
        required=False,
        whose=Whose(found["whose"]),
        options=tuple(Option(code, text) for code, text in found["options"]),
        parts=tuple(Part(id, title, Whose(whose), False) for id, title, whose in found["parts"]),
    )


def _template_in(found: dict[str, Any]) -> NoteTemplate:
    return NoteTemplate(
        id=found["id"],
        version="",
        title="",
        purpose="",
        audience=Audience.CLINICAL,
        kept=Kept.RECORD,
        needs_release=False,
        always_saves=False,
        units=tuple(found["units"]),
        loinc=None,
        sections=tuple(
            Section(id, title, tuple(_field_in(one) for one in fields)) for id, title, fields in found["sections"]
        ),
        layouts={
            Layout(layout): tuple(LayoutPart(title, tuple(fields)) for title, fields in parts)
            for layout, parts in found["layouts"].items()
        },
        statements=tuple(found["statements"]),
        reading_grade=None,
        source="",
        body=found["body"],
        origin="site",
    )


def _note_in(found: dict[str, Any], template: NoteTemplate) -> Note:
    return Note(
        template=template.id,
        version="",
        layout=Layout(found["layout"]),
        members=(),
        author="",
        held_on=date.min,
        fields=found["fields"],
        names=found["names"],
    )


def limit() -> None:
    """Take from this process what it does not need: time, memory, files to write, a dump of its memory, processes."""
    import resource

    for kind, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (most, most))


def close_the_door() -> None:
    """Let no file be opened from here on: not one more than the three that are open."""
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def main() -> int:
    """Read the work on standard input and answer on standard output; return the exit code."""
    try:
        limit()
        _warm_up()
        close_the_door()
        work = json.loads(sys.stdin.buffer.read())
        template = _template_in(work["template"])
        made = body(
            template, _note_in(work["note"], template), MappingProxyType(work["statements"]), Said(*work["said"])
        )
        answer = json.dumps({"body": made}, ensure_ascii=False).encode()
        if len(answer) > OUTPUT_BYTES:
            return _OUTPUT
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
    except MemoryError:
        return _MEMORY
    except (WithnessError, OSError):
        return _REFUSED
    return 0


def _warm_up() -> None:
    """Import and run once all that a body needs, while files can still be opened."""
    import jinja2.debug  # noqa: F401  Jinja imports it when a template fails
    from jinja2 import TemplateError

    from withness.packs import note_tree  # noqa: F401
    from withness.packs.note_syntax import environment

    source = "{% for one in a %}{% if one == '\\n' %}{{ one|quote }}{% endif %}{% endfor %}{{ b }}"
    with suppress(TemplateError):  # b is nowhere: the way of an error is warm, too
        environment().from_string(source).render(a=["\n"])


if __name__ == "__main__":
    # At once, without the interpreter's tidying up: it could run out of memory or files again.
    os._exit(main())
