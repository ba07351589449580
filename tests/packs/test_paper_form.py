"""The forms on paper: every question is there, with room for words, and nothing is ticked in advance.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest
from tests.packs.page_tree import Node, Tree, said

from withness.core.form import Form, FormItem, ItemKind
from withness.packs.forms import load_forms
from withness.packs.paper_form import APART, paper_form

FORMS = {one.id: one for one in load_forms()}
PAGES = {id: paper_form(form) for id, form in FORMS.items()}
VOID = ("meta", "br", "hr")
HOSTILE = "</h2></style><script>alert(1)</script><img src=http://evil.example onerror=x>{{ 7*7 }}"

every_page = pytest.mark.parametrize("id", PAGES)


def tree(page: str) -> Node:
    return Tree(page, VOID).root


def times(form: Form, item: FormItem) -> int:
    groups = next(groups for one, groups in form.walk() if one.link == item.link)
    return next((one.space for one in groups if one.repeats), 1)


@every_page
def test_every_item_is_on_the_page_in_its_order(id: str) -> None:
    """Planted and caught: the items of a group that repeats left out."""
    form, root = FORMS[id], tree(PAGES[id])
    order = list(dict.fromkeys(one.attributes.get("data-link") for one in root.all() if "data-link" in one.attributes))
    assert order == [item.link for item, _ in form.walk()]
    for item, _ in form.walk():
        places = root.all(link=item.link)
        assert len(places) == times(form, item), item.link
        for place in places:
            asks = place if "asks" in (place.attributes.get("class") or "") else place.all(css="asks")[0]
            assert said(asks) == item.text


@every_page
def test_nothing_is_ticked_and_nothing_could_be(id: str) -> None:
    """Planted and caught: a cross in the first box; an input that could be checked."""
    root = tree(PAGES[id])
    for one in root.all():
        assert one.tag not in ("input", "select", "option", "textarea", "button", "form")
        assert not {"checked", "selected", "value", "contenteditable"} & set(one.attributes)
    assert all(box.text() == "" for box in root.all(css="box"))
    assert all(one.text() == "" for one in root.all(css="write"))


@every_page
def test_a_page_needs_nothing_from_outside_and_runs_nothing(id: str) -> None:
    for one in tree(PAGES[id]).all():
        assert one.tag not in ("script", "link", "img", "iframe", "object", "svg", "base")
        assert not [name for name in one.attributes if name in ("src", "href", "style") or name.startswith("on")]
    assert not [outside for outside in ("http", "url(", "@import", "//") if outside in PAGES[id]]


@every_page
def test_a_page_can_be_read_aloud(id: str) -> None:
    """Language, title, one first heading, no level left out, and every group of boxes with its question."""
    root = tree(PAGES[id])
    assert root.all("html")[0].attributes["lang"] == "en"
    assert said(root.all("title")[0]) == FORMS[id].title
    levels = [int(one.tag[1]) for one in root.all() if one.tag in ("h1", "h2", "h3", "h4", "h5")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    for boxes in root.all("fieldset"):
        assert said(boxes.all("legend")[0])
    for entry in root.all("section", css="goal"):
        assert entry.attributes["aria-label"]


@every_page
def test_a_page_fits_a4_and_letter(id: str) -> None:
    """No page size: the printer's paper decides; 16 mm of margin leave 178 mm on A4 and 183.9 mm on Letter."""
    style = tree(PAGES[id]).all("style")[0].text()
    assert re.search(r"@page [^}]*\bsize:", style) is None
    assert "@page { margin: 18mm 16mm;" in style


@every_page
def test_there_is_room_for_words(id: str) -> None:
    """Planted and caught: one line for every question."""
    form, root = FORMS[id], tree(PAGES[id])
    for item, _ in form.walk():
        if item.kind is ItemKind.WORDS:
            for place in root.all(link=item.link):
                assert len(place.all(css="write")) == item.space >= 2, item.link


@every_page
def test_every_answer_has_its_box(id: str) -> None:
    form, root = FORMS[id], tree(PAGES[id])
    for item, _ in form.walk():
        codes = [one.attributes["data-code"] for one in root.all(link=item.link)[0].all("li")] if item.asks else []
        if item.kind is ItemKind.CHOICE:
            assert codes == [option.code for option in item.answers.options]
        if item.kind is ItemKind.SCALE:
            assert codes == [str(number) for number in range(11)]


def test_both_ends_of_the_scale_are_named() -> None:
    (fit,) = tree(PAGES["session-check-in"]).all(link="fit")
    assert "0: Not at all. 10: Just right." in said(fit)


def test_what_is_asked_only_after_an_answer_says_so() -> None:
    root = tree(PAGES["session-check-in"])
    assert "Only after “In part” or “Not today” to: Did you feel heard and understood?" in said(
        root.all(link="missed")[0]
    )
    (dialogue,) = tree(PAGES["session-observation"]).all(link="dialogue")
    assert "Only after “Yes” to: This was the first session" in said(dialogue)


def test_a_reflection_says_on_every_page_that_it_is_kept_apart() -> None:
    """Planted and caught: no mark."""
    assert [id for id, page in PAGES.items() if APART in page] == ["supervision-reflection"]
    root = tree(PAGES["supervision-reflection"])
    assert [said(one) for one in root.all(css="mark")] == [APART]
    assert f'content: "{APART}"' in root.all("style")[0].text()


@every_page
def test_a_page_says_which_form_it_is_and_that_empty_is_no_answer(id: str) -> None:
    [footer] = tree(PAGES[id]).all("footer")
    assert f"Form {id}, version {FORMS[id].version}." in said(footer)
    assert "What is left empty stays empty: it is not a no." in said(footer)


def test_the_words_of_a_file_are_escaped() -> None:
    form = FORMS["own-priorities"]
    hostile = replace(form, title=HOSTILE, items=tuple(replace(one, text=HOSTILE, help=HOSTILE) for one in form.items))
    root = tree(paper_form(hostile))
    assert {one.tag for one in root.all()} <= {one.tag for page in PAGES.values() for one in tree(page).all()}
    assert HOSTILE in root.text()
