"""The review: every state of every goal in plain and kind words, nobody's answers on another's page.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packs import review_samples as samples
from tests.packs.page_tree import Node, Tree, said
from tests.packs.review_samples import GOALS, NAMES, NO, ROSA, SKIP, TOM, YES, heard, monologue, own, series, shared
from tests.packs.test_forms import grade

import withness.packs
from withness import content
from withness.core.goal import AcceptanceStatus
from withness.core.review import Course, Level, Point, Remark, Review, Series, Sharing, as_own
from withness.errors import InvalidContent, InvalidInput
from withness.packs.paper_review import paper_review, text_review
from withness.packs.review_texts import FILE, HOLES, parse_review_texts, review_texts
from withness.packs.review_words import changes, goal_table, in_lines, meaning, standing

VOID = ("meta", "br", "hr", "img", "input", "link")
HARD = "  I want <b>somebody</b> & \"me\" to 'get it'\r\n👩‍👩‍👧 أريد أن يفهمني أحد — cafe\u0301 ]]> {{ 7*7 }}\t\rend\n"
PAGES = {"own": own, "shared": shared, "every state": samples.every_state}
every_page = pytest.mark.parametrize("name", PAGES)


def shown(page: str) -> Node:
    """The page without its pictures, whose elements close themselves."""
    return Tree(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL), VOID).root


# -- each goal in words

STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "heard, nothing yet": (
        "0 of 3 sessions so far; 4 sessions left.",
        ("No session has counted for it so far.",),
    ),
    "heard, on its way": ("2 of 3 sessions so far; 1 session left; 1 skipped.", ("It is on its way.",)),
    "heard, early": (
        "3 of 3 sessions; 1 session left.",
        ("It was reached on 16 Nov 2026.", "That was early: there was still time left."),
    ),
    "heard, not measured": (
        "1 of 3 sessions; no session left; 1 skipped; 1 not asked.",
        ("Not measured: answers that could have decided it were skipped, or not asked for. That is not a no.",),
    ),
    "heard, out of reach": (
        "1 of 3 sessions so far; 1 session left.",
        ("It can no longer be reached in this window: talk about the goal together. It can be changed, or let go.",),
    ),
    "heard, over": (
        "1 of 3 sessions; no session left.",
        ("The time for it is over, and it was not reached. Talk together about what comes next.",),
    ),
    "heard, twenty sessions": (
        "9 of 12 sessions so far; 2 sessions left.",
        ("It can no longer be reached in this window: talk about the goal together. It can be changed, or let go.",),
    ),
    "monologue, one partner": (
        "3 instances so far (the goal is 2); 3 sessions left; 1 skipped.",
        ("It is on its way.", "Still missing: at least 1 by Tom."),
    ),
    "monologue, reached": (
        "2 of 2 instances; 4 sessions left.",
        ("It was reached on 9 Nov 2026.", "That was early: there was still time left."),
    ),
    "story, on its way": ("0 of 1 account so far; 6 sessions left; 1 skipped; 1 not asked.", ("It is on its way.",)),
    "story, reached": (
        "1 of 1 account; 5 sessions left; 1 skipped; 1 not asked.",
        ("It was reached on 16 Nov 2026.", "That was early: there was still time left."),
    ),
    "own-list, due": ("The list is written: not so far; 1 session left; 2 not asked.", ("It is on its way.",)),
    "own-list, written": (
        "The list is written: yes; no session left; 2 not asked.",
        ("It was reached on 9 Nov 2026.",),
    ),
    "own-list, nothing written": (
        "The list is written: not so far; no session left; 3 not asked.",
        ("Not measured: it was not asked in sessions that could have decided it. What was not asked is not a no.",),
    ),
    "transition, on its way": (
        "1 of 2 possibilities so far; open until 14 Dec 2026; 1 skipped.",
        ("It is on its way.",),
    ),
    "transition, the same one twice": (
        "2 of 2 possibilities.",
        ("It was reached on 16 Nov 2026.", "That was early: there was still time left."),
    ),
    "transition, over": (
        "1 of 2 possibilities; closed on 14 Dec 2026.",
        ("The time for it is over, and it was not reached. Talk together about what comes next.",),
    ),
    "transition, nothing yet": (
        "0 of 2 possibilities so far; open until 14 Dec 2026.",
        ("No session has counted for it so far.",),
    ),
    "re-engage, a mind changed": (
        "1 of 2 parts; no session left.",
        (
            "The time for it is over, and it was not reached. Talk together about what comes next.",
            "Still missing: The client agrees to continue.",
        ),
    ),
    "re-engage, half of it": (
        "1 of 2 parts so far; 1 session left.",
        ("It is on its way.", "Still missing: The client agrees to continue."),
    ),
    "shared-intake, reached": ("2 of 2 parts; no session left.", ("It was reached on 2 Nov 2026.",)),
    "shared-intake, skipped": (
        "1 of 2 parts; no session left.",
        (
            "Not measured: answers were skipped that could have decided it. A skipped answer is not a no.",
            "Still missing: The client says that the intake felt collaborative rather than like an interrogation.",
        ),
    ),
}


@pytest.mark.parametrize("name", GOALS)
def test_where_a_goal_stands_and_what_that_means(name: str) -> None:
    """Planted and caught: "so far" of a window that is over; a skipped one counted as not asked; no part named."""
    goal = GOALS[name]()
    names = NAMES if len(goal.objective.members) > 1 else {}
    assert (standing(goal, names), meaning(goal, names)) == STATES[name]


TABLES: dict[str, tuple[str, ...]] = {
    "heard, on its way": (
        "Session 1, 2 Nov 2026: yes; So far: 1 of 3.",
        "Session 2, 9 Nov 2026: skipped; So far: 1 of 3.",
        "Session 3, 16 Nov 2026: yes; So far: 2 of 3.",
        "Session 4: still to come.",
    ),
    "monologue, one partner": (
        "Session 1, 2 Nov 2026: Rosa: 1; Tom: 0; So far: 1 of 2.",
        "Session 2, 9 Nov 2026: Rosa: 0; Tom: no answer; So far: 1 of 2.",
        "Session 3, 16 Nov 2026: Rosa: 2; Tom: 0; So far: 3.",
        "Session 4 to 6: still to come.",
    ),
    "story, reached": (
        "Session 1, 2 Nov 2026: In this session: skipped; So far: 0 of 1.",
        "Session 2, 9 Nov 2026: In this session: not asked; So far: 0 of 1.",
        "Session 3, 16 Nov 2026: In this session: 1; So far: 1 of 1.",
        "Session 4 to 8: still to come.",
    ),
    "own-list, due": (
        "Session 1, 2 Nov 2026: Is it there?: not asked.",
        "Session 2, 9 Nov 2026: Is it there?: not asked.",
        "Session 3: still to come.",
    ),
    "transition, the same one twice": (
        "Session 1, 2 Nov 2026: In this session: 1; So far: 1 of 2.",
        "Session 2, 9 Nov 2026: In this session: 1; So far: 1 of 2.",
        "Session 3, 16 Nov 2026: In this session: 1; So far: 2 of 2.",
    ),
    "re-engage, a mind changed": (
        "Session 1, 2 Nov 2026: Part 1: yes; Part 2: yes; So far: 2 of 2.",
        "Session 2, 9 Nov 2026: Part 1: skipped; Part 2: not this time; So far: 1 of 2.",
    ),
    "shared-intake, skipped": ("Session 1, 2 Nov 2026: Part 1: yes; Part 2: skipped; So far: 1 of 2.",),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_picture_as_text_says_each_session(name: str) -> None:
    """One for each template. Planted and caught: a skipped one left out; a number of one partner under the other."""
    goal = GOALS[name]()
    names = NAMES if len(goal.objective.members) > 1 else {}
    assert in_lines(goal_table(goal, names)) == TABLES[name]


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        ([YES], None, ["This is the first look back at this goal."]),
        ([YES], [YES], ["Nothing has changed since the last look back."]),
        (
            [YES, NO],
            [YES],
            [
                "At the last look back: 1 of 3, on its way. Now: 1 of 3, on its way.",
                "1 more session counts since then.",
            ],
        ),
        (
            [YES, YES, YES],
            [YES],
            ["At the last look back: 1 of 3, on its way. Now: 3 of 3, reached.", "2 more sessions count since then."],
        ),
        ([NO], [YES], ["At the last look back: 1 of 3, on its way. Now: 0 of 3, on its way."]),
    ],
)
def test_what_changed(now: list[Any], before: list[Any] | None, told: list[str]) -> None:
    """Also where an answer was corrected. Planted and caught: unchanged, since only the number was compared."""
    goal = heard(*now, before=heard(*before).progress if before else None)
    assert list(changes(goal)) == told


# -- the page


def test_the_page_holds_the_clients_words_to_the_byte() -> None:
    """Goal, payer's wording and remark. Planted and caught: white space stripped; "\\r" left to the browser."""
    page = paper_review(own(words=HARD))
    found = [one.text() for one in shown(page).all("div", css="words")]
    assert found.count(HARD) == 6
    assert "\r" not in page


@given(st.text(min_size=1).filter(lambda one: one.strip() and not re.search("[\x00\ud800-\udfff]", one)))
def test_any_words_stand_as_they_were_written(words: str) -> None:
    """Planted and caught: lines taken apart at more than a line feed, and put together again."""
    page = paper_review(own(words=words, goals=(heard(words=words),), courses=()))
    assert [one.text() for one in shown(page).all("div", css="words")][:2] == [words, words]


@every_page
def test_the_page_and_the_text_say_the_same(name: str) -> None:
    """Planted and caught: the courses left out of the text."""
    review = PAGES[name]()
    text = " ".join(text_review(review).split())
    for tag in ("h1", "h2", "p"):
        for one in shown(paper_review(review)).all(tag):
            assert said(one) in text or said(one) == "Said today, by hand"
    for row in shown(paper_review(review)).all("tr"):
        for cell in row.all("td"):
            assert said(cell) in text


@every_page
def test_no_two_elements_have_one_id_and_each_picture_stands_by_its_numbers(name: str) -> None:
    """Planted and caught: one id for every picture."""
    page = paper_review(PAGES[name]())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    beside = [one for one in shown(page).all("div", css="course") if one.all("figure")]
    assert len(beside) == page.count("<svg")
    for one in beside:
        assert len(one.all("table")) == len(one.all("caption")) == 1
        assert {head.attributes.get("scope") for head in one.all("th")} == {"col", "row"}


@every_page
def test_the_policy_of_the_page_lets_its_own_style_through_and_nothing_else(name: str) -> None:
    """Planted and caught: the style sheet changed after its hash was made."""
    page = paper_review(PAGES[name]())
    [style] = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = [one.attributes["content"] or "" for one in shown(page).all("meta") if "http-equiv" in one.attributes]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "style=" not in page
    assert "script" not in page


def test_the_same_review_makes_the_same_page() -> None:
    assert paper_review(own()) == paper_review(own())
    assert text_review(shared()) == text_review(shared())


def test_only_our_headings_begin_at_the_left_edge_of_the_text() -> None:
    """Nobody's words look like one. Planted and caught: a name with a line feed as a heading of its own."""
    text = text_review(own(words="Goal 9: gone\n=====\n", name="Rosa\nGoal 8: gone"))
    heads = [one for one in text.split("\n") if one[:1].strip() and one.strip("=-")]
    assert heads[0] == "Looking back together: Rosa Goal 8: gone"
    assert not [one for one in heads[1:] if "gone" in one]
    assert "\x1b" not in text_review(own(words="a\x1b[2Jb"))


@pytest.mark.parametrize("status", AcceptanceStatus)
def test_what_was_said_to_a_goal_stands_with_it(status: AcceptanceStatus) -> None:
    """Planted and caught: every goal called agreed."""
    page = paper_review(own(goals=(heard(YES, acceptance=status),)))
    told = {
        AcceptanceStatus.AGREE: "The client agreed to this goal.",
        AcceptanceStatus.PENDING: "The client has not agreed to this goal yet.",
        AcceptanceStatus.DISAGREE: "The client said no to this goal.",
    }
    assert [one for one in told.values() if one in page] == [told[status]]


# -- whose page it is


@pytest.mark.parametrize(
    "members",
    [
        (Sharing(ROSA, "Rosa", True), Sharing(TOM, "Tom", False)),
        (Sharing(ROSA, "Rosa", False), Sharing(TOM, "Tom", False)),
        (Sharing(ROSA, "Rosa", True),),
        (Sharing(ROSA, "Rosa", True), Sharing(ROSA, "Rosa", True)),
        (Sharing(ROSA, "Rosa", True), Sharing("Patient/x", "X", True)),
        (Sharing(ROSA, "Rosa", True), Sharing(TOM, " ", True)),
        (Sharing(ROSA, "Rosa", True), Sharing(TOM, "Tom", "yes")),  # type: ignore[arg-type]
        (),
    ],
)
def test_without_everybodys_consent_there_is_no_shared_page(members: tuple[Sharing, ...]) -> None:
    """Planted and caught: any one's consent is enough; somebody who is not on it shown; a text taken for a yes."""
    with pytest.raises(InvalidInput):
        shared(members=members)


@pytest.mark.parametrize(
    "more",
    [
        {"courses": (samples.fit(series([1], who=TOM)),)},
        {"courses": (samples.fit(series([1]), series([2])),)},
        {"remarks": (Remark(samples.START, "?", "mine", TOM),)},
    ],
)
def test_an_own_page_holds_nobody_elses_answers(more: dict[str, Any]) -> None:
    """Planted and caught: remarks not looked at."""
    with pytest.raises(InvalidInput):
        own(**more)


def test_what_is_taken_from_a_shared_page_for_one_is_that_ones_alone() -> None:
    """Contracts I8. Planted and caught: the other's remarks kept; the first line taken for anybody's."""
    [fit, _] = as_own(shared(), TOM).courses
    assert [one.text for one in fit.series[0].points] == ["6", "6", "5", "7"]
    page = as_own(shared(), ROSA)
    html = paper_review(page)
    assert "Tom" not in html
    assert TOM not in html
    assert "I listen more." not in html
    assert [len(one.series) for one in page.courses] == [1, 1]
    with pytest.raises(InvalidInput):
        as_own(shared(), "Patient/x")


@pytest.mark.parametrize("his", [[0, 0, 0], [0, SKIP, 0], [0, ..., 0], [SKIP, SKIP, SKIP], [..., ..., ...]])
def test_an_own_page_does_not_tell_what_the_other_said(his: list[Any]) -> None:
    """A no, a skipped answer and silence look alike. Planted and caught: "1 skipped"; the bar in the picture."""
    alike = [paper_review(own(goals=(monologue([1, 0, 0], one),))) for one in (his, [0, 0, 0])]
    assert alike[0] == alike[1]


def test_a_shared_page_says_whose_a_goal_is() -> None:
    """And two people's goals may have one number. Planted and caught: two goals of one name and id."""
    his = samples.goal("heard", 1, samples.asked({"felt-understood": [YES]}, TOM), TOM)
    html = paper_review(shared(goals=(heard(YES), his, monologue([1], [0], number=2))))
    assert [said(one) for one in shown(html).all("h2")][:3] == [
        "Goal 1 of Rosa: Feeling heard and taking part",
        "Goal 1 of Tom: Feeling heard and taking part",
        "Goal 2: Reflecting each other's meaning before answering",
    ]
    assert len(set(re.findall(r"<title id[^<]*</title>", html))) == 5


# -- what cannot be shown is refused


@pytest.mark.parametrize(
    "made",
    [
        lambda: replace(heard(YES, NO), so_far=(1,)),
        lambda: replace(heard(YES, NO), so_far=(1, 2)),
        lambda: replace(GOALS["own-list, due"](), so_far=(0, 0)),
        lambda: Course("?", (Level(0, "a"), Level(1, "b")), (Series("", (Point(1, samples.START, "c", 2),)),)),
        lambda: Course("?", (), (Series("", (Point(1, samples.START, "c", 2),)),)),
        lambda: Course("?", (), (Series("", (Point(1, samples.START), Point(1, samples.START))),)),
        lambda: Course("?", (), (Series("", (Point(2, samples.START), Point(1, samples.START))),)),
        lambda: Course("?", (Level(0, "a"),), (Series("", (Point(1, samples.START, "", 0),)),)),
    ],
)
def test_a_course_that_does_not_fit_is_refused(made: Any) -> None:
    """Planted and caught: a line that ends where the goal does not stand."""
    with pytest.raises(InvalidInput):
        made()


def test_what_is_named_twice_counts_once_in_the_line() -> None:
    assert GOALS["transition, the same one twice"]().so_far == (1, 1, 2)
    assert GOALS["re-engage, a mind changed"]().so_far == (2, 1)
    assert GOALS["own-list, written"]().so_far == ()


# -- our words


def texts() -> dict[str, str]:
    given = {"number": 3, "now": 1, "needed": 3, "unit": "sessions", "day": "2 Nov 2026", "name": "Rosa"}
    given |= {"before": "1 of 3", "count": "1 of 3", "status": "reached", "artefact": "The list is written"}
    given |= {"first": 4, "last": 6, "text": "Not at all", "title": "Feeling heard", "what": "Part 1", "said": "yes"}
    given |= {"question": "What did I miss?", "part": "The client agrees.", "sentence": "1 of 3 so far."}
    return {key: review_texts()(key, **given) for key in HOLES}


def test_our_words_are_at_reading_level_eight_and_none_is_hard() -> None:
    """Flesch-Kincaid. Planted and caught: "Insufficient information precludes determination of attainment."."""
    long = [one for one in texts().values() if len(one.split()) >= 4]
    assert grade(long) <= 6
    for sentence in [one for text in long for one in re.split(r"(?<=[.?!:])\s+", text)]:
        assert len(sentence.split()) <= 20, sentence
        assert len(sentence.split()) < 6 or grade([sentence]) <= 8, sentence


UNKIND = (
    r"fail|score of (?!anybody)|poor|bad\b|wrong|miss(?!ing|\?)|patient|symptom|disorder|complian|adheren|fidelity|"
    r"resistan|refuse|denie[sd]|behind|late\b|only \d|effective|improve|better|worse|deteriorat|success"
)


@pytest.mark.parametrize("key", HOLES)
def test_our_words_judge_nobody(key: str) -> None:
    """And claim nothing (contracts I10). Planted and caught: "failed" for a session that was not met."""
    assert not re.search(UNKIND, texts()[key], re.IGNORECASE)


def test_no_state_of_any_goal_is_called_a_failure() -> None:
    page = text_review(samples.every_state())
    assert not re.search(r"fail|fidelity|score of (?!anybody)", page, re.IGNORECASE)


def test_every_text_is_used() -> None:
    """Planted and caught: a key that nothing says."""
    [folder] = withness.packs.__path__
    files = ["review_words", "paper_review", "progress_chart", "course_chart"]
    code = "".join((Path(folder) / f"{one}.py").read_text(encoding="utf-8") for one in files)
    made = ("is-", "short-", "mark-", "count-", "above-", "agree", "pending", "disagree")
    unused = [key for key in HOLES if f'"{key}"' not in code and not key.startswith(made)]
    assert unused == ["words-shared", "remarks-shared"]  # made of "words" and "remarks" with "-shared"


@pytest.mark.parametrize(
    ("was", "becomes", "field"),
    [
        (b"title = {", b"titel = {", "title"),
        (b'text = "In their own words:"', b'text = " "', "text"),
        (b"{number} skipped", b"some skipped", "skipped-number"),
        (b"no session left", b"no {session} left", "left-none"),
        (b'axis-end = {text = "end"', b'axis-end = {texts = "end"', "text"),
        (b"# The fixed words", b"more = 1\n#", "more"),
        (b"title = {", b"title = ", ""),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_by_its_key(was: bytes, becomes: bytes, field: str) -> None:
    """Planted and caught: a hole that nothing fills."""
    whole = (content.folder("catalogue") / FILE).read_bytes()
    assert was in whole
    with pytest.raises(InvalidContent) as caught:
        parse_review_texts(whole.replace(was, becomes, 1), name=FILE)
    assert caught.value.field.endswith(field)


def test_a_review_without_a_name_has_a_title_all_the_same() -> None:
    assert "<h1>Looking back together</h1>" in paper_review(own(name=" "))
    assert isinstance(own(), Review)
