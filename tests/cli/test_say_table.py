"""Tables at the terminal: no word is broken in two, however narrow it is."""

from __future__ import annotations

import pytest

from withness.cli import say
from withness.core.sheet import Sheet

HEADS = ("record", "what was tried", "code", "about")
ROWS = [
    ("50", "to release or correct an acute hold", "no-second-signer", "Client LZMM-EBW6"),
    ("51", "to sign second for what somebody else had written down", "not-the-supervisor", "Client 6POJ-S5FM"),
]
WORDS = {word for row in (HEADS, *ROWS) for cell in row for word in cell.split()}


@pytest.mark.parametrize("wide", ["200", "100", "80", "60", "40", "24"])
def test_every_word_stays_whole(wide: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In tables and in a report's sheets. Planted: the widths left to the library; caught at 60 characters."""
    monkeypatch.setenv("COLUMNS", wide)
    say.table("Refused", HEADS, ROWS)
    table = capsys.readouterr().out
    sheet = say.sheet(Sheet("refusals", "Refused", HEADS, tuple(ROWS)))
    for said in (table, sheet):
        assert {word for word in WORDS if f" {word} " not in f" {' '.join(said.replace(':', ' ').split())} "} == set()
        assert max(len(line.rstrip()) for line in said.splitlines()) <= max(int(wide), 32)


def test_what_must_stay_whole_stays_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id is copied from there. Planted: `whole` not looked at; caught."""
    monkeypatch.setenv("COLUMNS", "60")
    say.table("Refused", HEADS, ROWS, whole=("about",))
    assert "Client LZMM-EBW6" in capsys.readouterr().out
