"""A site's template in its child process: the same bytes, and no harm even where nothing else were in the way.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.packs.note_samples import BODY, FIELDS, ROSA, STATEMENTS, note, only, plain, template, unchecked

from withness.core.note import Layout
from withness.errors import InvalidContent
from withness.packs import note_child
from withness.packs.note_body import Said
from withness.packs.note_render import markdown

ATTACKS = tomllib.loads((Path(__file__).parent / "note_attacks.toml").read_text(encoding="utf-8"))["template"]
SITE = template(BODY, origin="site")
SAID = Said()
NAME = "note_templates/sample/note.md.j2"


def refused(one: Any = SITE, found: Any = None) -> str:
    with pytest.raises(InvalidContent) as error:
        note_child.body_in_child(one, found or note(), STATEMENTS, SAID)
    assert error.value.field == NAME
    return error.value.message


# -- the same note


@pytest.mark.parametrize("layout", [Layout.DIALOGIC, Layout.SOAP])
def test_a_sites_template_renders_to_the_same_bytes_as_a_shipped_one(layout: Layout) -> None:
    """Planted: parts, layouts, or the words for yes and no left behind on the way; caught."""
    body = (
        BODY + "{% for one in voices %}{{ one.name }}{{ one.words|quote }}{% endfor %}"
        "{% for one in thoughts %}{{ one.name }}{{ one.thought }}{% endfor %}{{ teaching }} {{ nothing }}\n"
        "{% for one in ways %}{{ one }}{% endfor %}{% if minutes == 50 %}{{ next_day }}{% endif %}"
    )
    words = "a\ud800\u202e\x00 \n{{ 7*7 }} 語 😅 "
    found = note({"mine": words, "theirs": words}, layout=layout)
    shipped = template(body)
    assert markdown(replace(shipped, origin="site"), found, STATEMENTS) == markdown(shipped, found, STATEMENTS)


def test_only_a_sites_template_goes_into_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: every template rendered in process; caught."""
    seen: list[str] = []
    monkeypatch.setattr(note_child, "body_in_child", lambda one, *_: seen.append(one.origin) or "x")
    markdown(template(), note(), STATEMENTS)
    markdown(SITE, note(), STATEMENTS)
    assert seen == ["site"]


def test_the_child_is_told_nothing_of_who_signs() -> None:
    """Planted: the whole note sent; caught."""
    from withness.core.note import Attestation

    found = note(attestation=Attestation("Practitioner/secret", "today"), encounter="Encounter/secret")
    sent = json.dumps(note_child._written(SITE, found, STATEMENTS, SAID))
    assert "secret" not in sent
    assert "Practitioner" not in sent


def test_a_body_that_was_not_looked_at_is_looked_at_in_the_child() -> None:
    """Planted: no check in the child; caught."""
    assert refused(unchecked("{{ sections() }}{{ mine.upper() }}", origin="site")) == f"{NAME} cannot be filled in."


# -- the child's walls, with the check taken away

OPEN = """
import os, sys
from withness.packs import note_body, note_child
note_body.check = lambda template: None
note_child.CPU_SECONDS = 1
os._exit(note_child.main())
"""
CPU_SECONDS, MEMORY_MIB = 2, 512
"""What one attack may take, the child's own start included."""

MANY = only({"voices": [{"who": ROSA, "words": "x" * 100}] * 2_000, "mine": "x" * 1_900_000})
NESTED = "{% for a in voices %}{% for b in voices %}{% for c in voices %}{% for d in voices %}"
HEAVY = {
    "loops in loops": NESTED + "{% endfor %}" * 4,
    "loops in loops that write": NESTED + "{{ d.words }}" + "{% endfor %}" * 4,
    "powers": "{{ 9**(9**(9**9)) }}",
    "powers of a field's length": "{% set x = mine.__len__ %}{{ 9**(9**9) }}",
    "4 GB of one letter": "{{ 'x' * 4000000000 }}",
    "the same five times": "{{ sections() }}" * 5,
    "the same again and again": "{{ sections() }}" * 400,
    "a macro of itself": "{% macro a() %}{{ a() }}{{ a() }}{% endmacro %}{{ a() }}",
    "a format that is wide": "{{ '%4000000000d' % 1 }}",
    "a string doubled": "{% set x = mine ~ mine %}" + "{% set x = x ~ x ~ x ~ x %}" * 5 + "{{ x }}",
}


def attack(body: str, found: Any) -> tuple[int, bytes, Any]:
    """Render an unchecked body in a child; return its exit code, its answer and what it used."""
    given = json.dumps(note_child._written(unchecked(body), found, STATEMENTS, SAID)).encode()
    child = subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", OPEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
    )
    answer = note_child._talk(child, given)
    assert child.stdout is not None
    child.stdout.close()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, answer, used


def harmless(body: str, found: Any) -> int:
    code, answer, used = attack(body, found)
    assert len(answer) <= note_child.OUTPUT_BYTES
    assert not [secret for secret in (b"root:", b"uid=", b"<class", b"builtin", b"0x7f", b"os.") if secret in answer]
    assert used.ru_utime + used.ru_stime <= CPU_SECONDS
    assert used.ru_maxrss <= MEMORY_MIB * 1024
    return code


@pytest.mark.parametrize("one", [one for one in ATTACKS if "repeat" not in one][:45], ids=lambda one: str(one["name"]))
def test_the_sandbox_holds_where_nobody_looked_at_the_template(one: dict[str, Any]) -> None:
    """Planted: a plain Environment in the sandbox's place; caught."""
    harmless(one["body"], only(FIELDS))


@pytest.mark.parametrize("name", HEAVY)
def test_an_endless_or_huge_template_is_ended(name: str) -> None:
    """Planted, each alone: no limit of time, of memory, of output; caught."""
    assert harmless(HEAVY[name], MANY) != 0


def test_a_child_says_itself_what_was_too_much() -> None:
    """Planted: a child that fails for want of memory and says nothing; caught."""
    assert harmless(HEAVY["4 GB of one letter"], MANY) == note_child._MEMORY
    assert harmless(HEAVY["the same five times"], MANY) == note_child._OUTPUT


CLOSED = """
import os, socket, sys
from withness.packs import note_child
note_child.limit()
note_child.close_the_door()
for what in (lambda: open("/etc/passwd"), lambda: open(sys.argv[1], "w"), lambda: socket.socket()):
    try:
        what()
        os.write(1, b"open ")
    except OSError:
        os.write(1, b"closed ")
try:
    if os.fork() == 0:
        os._exit(0)
    os.write(1, b"forked")
except OSError:
    os.write(1, b"alone")
"""


def test_the_child_opens_no_file_and_no_socket(tmp_path: Path) -> None:
    """Planted: the limit of open files left as it was; caught."""
    done = subprocess.run([sys.executable, "-I", "-c", CLOSED, str(tmp_path / "x")], capture_output=True, check=False)
    first, second, third, alone = done.stdout.split()
    assert (first, second, third) == (b"closed", b"closed", b"closed")
    if os.geteuid() != 0:  # the kernel limits processes of everybody but root
        assert alone == b"alone"
    assert not (tmp_path / "x").exists()


# -- what the parent makes of a child


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A child that does what a shell script says."""

    def make(script: str) -> None:
        path = tmp_path / "child"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setattr(note_child.sys, "executable", str(path))

    return make


READ = "/bin/cat > /dev/null\n"


def test_a_child_that_does_not_end_is_ended(child: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: no timer; caught."""
    monkeypatch.setattr(note_child, "WALL_SECONDS", 0.5)
    child(READ + "exec /bin/sleep 60")
    started = time.monotonic()
    assert refused() == f"{NAME} takes too long to be filled in."
    assert time.monotonic() - started < 20


def test_a_child_that_does_not_even_read_is_ended(child: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note_child, "WALL_SECONDS", 0.5)
    child("exec /bin/sleep 60")
    assert refused(found=note({"mine": "x" * 1_000_000})) == f"{NAME} takes too long to be filled in."


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -XCPU $$", "takes too long to be filled in"),
        ("exit 71", "needs more than 512 MiB of memory"),
        ("exit 72", "makes more than 4 MiB of text"),
        ("exit 73", "cannot be filled in"),
        ("exit 1", "cannot be filled in"),
        ("kill -SEGV $$", "cannot be filled in"),
        ('echo \'{"body": "x"}\'; exit 1', "cannot be filled in"),
        ("exit 0", "cannot be filled in"),
        ("echo nonsense", "cannot be filled in"),
        ("echo '[]'", "cannot be filled in"),
        ("echo '{}'", "cannot be filled in"),
        ("/usr/bin/head -c 9000000 /dev/zero", "makes more than 4 MiB of text"),
        ("exec 0<&-; exit 73", "cannot be filled in"),
    ],
)
def test_what_goes_wrong_in_a_child_is_one_sentence(child: Any, script: str, said: str) -> None:
    """Planted, each alone: an answer taken from a child that failed; output read without end; caught."""
    child((READ if not script.startswith("exec 0") else "") + script)
    assert refused(found=note({"mine": "x" * 500_000})) == f"{NAME} {said}."


def test_what_a_child_says_about_a_fault_is_never_repeated(child: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """It may hold a client's words. Planted: standard error passed on; caught."""
    child(READ + "echo 'Geheimnis' >&2; exit 1")
    assert "Geheimnis" not in refused()
    assert capfd.readouterr() == ("", "")


def test_a_child_knows_nothing_of_our_environment(child: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the environment passed on; caught."""
    monkeypatch.setenv("WITHNESS_EHR_TOKEN", "Geheimnis")
    child(READ + 'printf \'{"body": "%s %s"}\' "$WITHNESS_EHR_TOKEN" "$PWD"')
    assert note_child.body_in_child(SITE, note(), STATEMENTS, SAID) == " /"


def test_a_python_that_is_not_there_is_one_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the OSError passed on; caught."""
    monkeypatch.setattr(note_child.sys, "executable", "/nowhere/python")
    assert refused() == f"{NAME} cannot be filled in."


def test_the_largest_note_that_a_file_can_hold_renders_in_a_child() -> None:
    """2 MiB of words (strict_json.MAX_BYTES) in a site's template."""
    one = plain("{{ sections() }}", ("theirs", "mine"), origin="site")
    words = "語" * 680_000
    assert words in markdown(one, only({"theirs": words, "mine": "x"}), {})
