"""docs/coverage.md: every item of the clinical facts and every statement of the two source documents has its place.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "coverage.md"
NOTHING: Final = "no statement"
DOCUMENTS: Final = {1: "Type & Discipline", 2: "What is a collaborative approach in counselling"}
"""The first line of each source document. They are not ours to copy: they lie beside the checkout."""

ITEMS: Final = (11, 7, 12, 4, 7, 5, 18, 18, 8, 7, 16, 5, 15)
"""How many items the sections 1.1 to 1.13 of the clinical facts have."""

STATEMENTS: Final = {
    1: "1321241233213122222121331311211222143111111111112222214111111111111111111111111",
    2: "1121114111112122221212122113221213121123321141115414321421314121111",
}
"""How many statements each paragraph of a source document has."""

HEADINGS: Final = {
    1: {1, 4, 7, 14, 22, 25, 28, 35, 38, 40, 48, 54, 56, 65, 73},
    2: {1, 2, 6, 11, 21, 26, 33, 35, 38, 44, 46, 47, 48, 51, 55, 58, 60, 65, 66, 67},
}
"""The paragraphs that say nothing: headings, a table's line, and what a web page has around its text."""

_ROW: Final = re.compile(r"^\| (\d\.\d[^|]*|D[12]-[^|]*) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_LABEL: Final = re.compile(r"^\[([^\]]+)\]: (\S+)$", re.MULTILINE)
_PLACE: Final = re.compile(r"\[([^\]]+)\]((?:\s*(?:“[^”]+”|`[^`]+`))*)")
_PHRASE: Final = re.compile(r"“([^”]+)”|`([^`]+)`")
_RANGE: Final = re.compile(r"(D\d-\d+)\.(\d+) to \1\.(\d+)")
_SEE: Final = re.compile(r"(?:^|; )see ([\d., ]+)$")
_END: Final = re.compile(r"(?<!\))(?<! [A-Z])[.!?][”’]?\d*(?: LLM)*\s+(?=[A-Z“])")

Read = Callable[[str], str]


@dataclass(frozen=True)
class Row:
    """One row: its ids, and the text of its last column."""

    ids: tuple[str, ...]
    where: str

    @property
    def places(self) -> list[tuple[str, list[str]]]:
        """Each label with the phrases beside it."""
        return [
            (label, [prose or key for prose, key in _PHRASE.findall(phrases)])
            for label, phrases in _PLACE.findall(self.where)
        ]

    @property
    def seen(self) -> list[str]:
        """The rows that it points to."""
        found = _SEE.search(self.where)
        return [one.strip() for one in found[1].split(",")] if found else []


def rows(page: str) -> list[Row]:
    """Return every row of the page's tables."""
    return [Row(tuple(_expanded(ids)), where) for ids, _, where in _ROW.findall(page)]


def _expanded(ids: str) -> list[str]:
    found = _RANGE.fullmatch(ids)
    if found:
        return [f"{found[1]}.{number}" for number in range(int(found[2]), int(found[3]) + 1)]
    return [one.strip() for one in ids.split(",")]


def expected() -> list[str]:
    """Return the id of every item and of every statement."""
    items = [f"1.{section}.{number}" for section, count in enumerate(ITEMS, start=1) for number in range(1, count + 1)]
    return items + [
        f"D{document}-{paragraph}.{number}"
        for document, counts in STATEMENTS.items()
        for paragraph, count in enumerate(counts, start=1)
        for number in range(1, int(count) + 1)
    ]


def lacking(page: str, read: Read) -> list[str]:
    """Return a sentence for each thing of the page that is not so."""
    table, labels = rows(page), dict(_LABEL.findall(page))
    given = Counter(id for row in table for id in row.ids)
    found = [f"{id} is in no row." for id in expected() if id not in given]
    found += [f"{id} is in {count} rows." for id, count in given.items() if count > 1]
    found += [f"{id} is no item." for id in given if id not in set(expected())]
    found += [f"The label [{label}] is used in no row." for label in labels if f"[{label}]" not in _cells(table)]
    for row in table:
        found += [f"{row.ids[0]}: {said}" for said in _lacking(row, labels, given, read)]
    return found


def _cells(table: list[Row]) -> str:
    return "\n".join(row.where for row in table)


def _lacking(row: Row, labels: dict[str, str], given: Counter[str], read: Read) -> list[str]:
    if row.where.strip() == NOTHING:
        return [f"{id} says something." for id in row.ids if not _is_heading(id)]
    if not row.places and not row.seen:
        return ["it lives nowhere."]
    found = [f"there is no row {id}." for id in row.seen if id not in given or id in row.ids]
    for label, phrases in row.places:
        if label not in labels:
            found.append(f"the label [{label}] is nowhere.")
        elif not phrases:
            found.append(f"nothing is quoted of [{label}].")
        else:
            text = read(labels[label])
            found += [f"{labels[label]} does not say: {one}" for one in phrases if _plain(one) not in text]
    return found


def _is_heading(id: str) -> bool:
    found = re.fullmatch(r"D(\d)-(\d+)\.1", id)
    return found is not None and int(found[2]) in HEADINGS[int(found[1])]


@cache
def read(target: str) -> str:
    """Return the text of a link's target: a file, or one section of a Markdown file; "" where it is not there."""
    name, _, heading = target.partition("#")
    file = PAGE.parent / name
    if not file.is_file():
        return ""
    text = file.read_text(encoding="utf-8")
    return _plain(_section(text, heading) if heading else text)


def _section(text: str, heading: str) -> str:
    """Return what stands below the heading that a link names, up to the next one of its level or above it."""
    pieces = re.split(r"^(#+) (.+)$", text, flags=re.MULTILINE)[1:]
    found, depth = "", 0
    for level, title, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        if depth and len(level) <= depth:
            break
        if depth or _anchor(title) == heading:
            depth = depth or len(level)
            found += f"{title}\n{body}"
    return found


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _plain(text: str) -> str:
    """Return the text without emphasis, and with one space for every run of white space."""
    return " ".join(text.replace("*", "").split())


# -- the page


def test_every_item_and_every_statement_has_its_place_and_is_found_there() -> None:
    assert lacking(PAGE.read_text(encoding="utf-8"), read) == []


def test_every_phrase_that_is_taken_away_is_missed() -> None:
    """Planted and caught: of each file only the first phrase compared."""
    page = PAGE.read_text(encoding="utf-8")
    labels, given = dict(_LABEL.findall(page)), Counter(expected())
    for row in rows(page):
        for label, phrases in row.places:
            for phrase in phrases:
                said = _lacking(row, labels, given, _without(phrase))
                assert f"{labels[label]} does not say: {phrase}" in said


def _without(phrase: str) -> Read:
    return lambda target: read(target).replace(_plain(phrase), "…")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("| 1.9.4 |", "| 1.9.9 |", "1.9.4 is in no row."),
        ("| 1.9.4 |", "| 1.9.9 |", "1.9.9 is no item."),
        ("| D1-9.1 to D1-9.3 |", "| D1-9.1 to D1-9.2 |", "D1-9.3 is in no row."),
        ("| D2-43.1 |", "| D2-43.1, D2-4.1 |", "D2-4.1 is in 2 rows."),
        ("| see 1.8.18 |", "| see 1.8.19 |", "D1-21.1: there is no row 1.8.19."),
        ("| see 1.8.18 |", "| somewhere |", "D1-21.1: it lives nowhere."),
        ("| see 1.8.18 |", f"| {NOTHING} |", "D1-21.1: D1-21.1 says something."),
        ("[sources] “Collaborative therapy. Wikipedia.”", "[sources]", "D1-67.1: nothing is quoted of [sources]."),
        ("[terms]: ", "[words]: ", "1.9.1: the label [terms] is nowhere."),
        ("approach.md#cautions", "approach.md#warnings", "1.6.2: approach.md#warnings does not say: never dialogue"),
        ("forms/session-check-in.toml", "forms/gone.toml", 'does not say: measure = "felt-understood"'),
    ],
)
def test_a_gap_in_the_page_is_noticed(old: str, new: str, said: str) -> None:
    """Planted and caught: the whole file read where a link names a section."""
    page = PAGE.read_text(encoding="utf-8")
    assert old in page
    assert any(said in one for one in lacking(page.replace(old, new, 1), read))


def test_a_section_ends_where_the_next_one_begins() -> None:
    text = "# Page\n\nfirst\n\n## Here, it is\n\nwithin\n\n### Deeper\n\nbelow\n\n## There\n\nbeyond\n"
    found = _section(text, "here-it-is").split()
    assert ("within" in found, "below" in found, "beyond" in found, "first" in found) == (True, True, False, False)
    assert _section(text, "nowhere") == ""


# -- the source documents, where they are at hand


def statements(paragraph: str) -> list[str]:
    """Return a paragraph's statements: its sentences; a scrap such as "LLM" or "2." belongs to its neighbour."""
    pieces, start = [], 0
    for end in _END.finditer(paragraph):
        pieces.append(paragraph[start : end.end()])
        start = end.end()
    whole: list[str] = []
    for piece in [*pieces, paragraph[start:]]:
        if whole and (len(whole[-1].split()) < 4 or len(piece.split()) < 3):
            whole[-1] += piece
        else:
            whole.append(piece)
    return whole


def _document(first: str) -> list[str]:
    """Return the paragraphs of the source document that begins so; skip, saying why, where it is not at hand."""
    named = os.environ.get("WITHNESS_SOURCE_DOCUMENTS")
    folder = Path(named) if named else ROOT.parent / "shared" / "seeds"
    for file in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
        paragraphs = [" ".join(line.split()) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        if paragraphs and paragraphs[0] == first:
            return paragraphs
    pytest.skip(f"The source document “{first}” is not in {folder} (set WITHNESS_SOURCE_DOCUMENTS).")


@pytest.mark.parametrize("number", DOCUMENTS)
def test_every_statement_of_a_source_document_is_counted(number: int) -> None:
    """Planted and caught: a sentence added to document 2; two paragraphs of document 1 joined."""
    paragraphs = _document(DOCUMENTS[number])
    assert "".join(str(len(statements(one))) for one in paragraphs) == STATEMENTS[number]


@pytest.mark.parametrize("number", DOCUMENTS)
def test_what_says_nothing_is_a_heading_or_the_edge_of_a_page(number: int) -> None:
    paragraphs = _document(DOCUMENTS[number])
    for place in HEADINGS[number]:
        assert re.fullmatch(r"(\S+ ){0,7}\S*[^.!]", paragraphs[place - 1]), place


@pytest.mark.parametrize("number", DOCUMENTS)
def test_no_sentence_of_a_source_document_is_copied(number: int) -> None:
    """Planted and caught: the sentence about silence as document 2 has it.

    Titles and the source's own reflective questions are kept to the letter; of all else at most eleven words in a row.
    """
    ours = _words((ROOT / "docs" / "approach.md").read_text(encoding="utf-8"))
    theirs = [one for paragraph in _document(DOCUMENTS[number]) for one in statements(paragraph)]
    for one in theirs:
        if "Anderson, H." in one or "doi:" in one or one.startswith("- "):
            continue
        words = _words(one).split()
        runs = [" ".join(words[at : at + 12]) for at in range(len(words) - 11)]
        assert not [run for run in runs if run in ours], one


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
