"""The review: every state of every goal in plain and kind words, nobody's answers on another's page.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packs import review_samples as samples
from tests.packs.page_tree import Node, Tree, said
from tests.packs.review_samples import GOALS, NO, ROSA, SKIP, TOM, YES, heard, monologue, own, series, shared
from tests.packs.test_forms import grade

import withness.packs
from withness import content
from withness.core.goal import AcceptanceStatus
from withness.core.review import Course, Level, Point, Remark, Review, ReviewGoal, Series, Sharing
from withness.core.template import Limit, LimitKind
from withness.errors import InvalidContent, InvalidInput
from withness.packs.paper_review import paper_review, text_review
from withness.packs.review_texts import FILE, HOLES, parse_review_texts, review_texts
from withness.packs.review_words import changes, due_sentence, goal_table, in_lines, meaning, standing

VOID = ("meta", "br", "hr", "img", "input", "link")
HARD = "  I want <b>somebody</b> & \"me\" to 'get it'\r\n👩‍👩‍👧 أريد أن يفهمني أحد — cafe\u0301 ]]> {{ 7*7 }}\t\rend\n"
PAGES = {"own": own, "shared": shared, "every state": samples.every_state}
every_page = pytest.mark.parametrize("name", PAGES)


def shown(page: str) -> Node:
    """The page without its pictures, whose elements close themselves."""
    return Tree(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL), VOID).root


# -- each goal in words

NOT_MEASURED = "Not measured: some answers were left out, left open or not asked for. None of these is a no."
TALK = "Nobody is at fault. Talk about it: you can change the goal, keep it for longer, or let it go."
OUT_OF_REACH = f"It can no longer be reached in the time you agreed on. {TALK}"
OVER = f"The agreed time is over, and it is not there yet. {TALK}"
EARLY = "That was early: there was still time left."
EACH = "It is reached when each of you has done it at least once."

STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "heard, nothing yet": (
        "0 of 3 sessions so far; 4 sessions left.",
        ("No session has counted for it so far.",),
    ),
    "heard, still open": ("2 of 3 sessions so far; 1 session left; 1 skipped.", ("It is still open.",)),
    "heard, left open": ("1 of 3 sessions so far; 1 session left; 2 left open.", ("It is still open.",)),
    "heard, early": ("3 of 3 sessions; 1 session left.", ("It was reached on 16 Nov 2026.", EARLY)),
    "heard, not measured": ("1 of 3 sessions; no session left; 1 skipped; 1 not asked.", (NOT_MEASURED,)),
    "heard, to be measured no more": (
        "1 of 3 sessions so far; 1 session left; 1 skipped.",
        ("It can no longer be measured in the time you agreed on.", NOT_MEASURED),
    ),
    "heard, out of reach": ("1 of 3 sessions so far; 1 session left.", (OUT_OF_REACH,)),
    "heard, over": ("1 of 3 sessions; no session left.", (OVER,)),
    "heard, twenty sessions": ("9 of 12 sessions so far; 2 sessions left.", (OUT_OF_REACH,)),
    "heard, in a row": (
        "2 of 3 sessions so far, within 4 sessions in a row; 2 sessions left.",
        ("It is still open.",),
    ),
    "monologue, one partner": (
        "3 instances so far (the goal is 2); 3 sessions left; 1 not noted.",
        ("It is still open.", EACH),
    ),
    "monologue, not noted": (
        "1 of 2 instances so far; 2 sessions left; 1 not noted; 1 not asked.",
        ("It is still open.", EACH),
    ),
    "monologue, reached": ("2 of 2 instances; 4 sessions left.", ("It was reached on 9 Nov 2026.", EARLY)),
    "monologue, over": ("2 of 2 instances; no session left.", (OVER,)),
    "story, still open": (
        "0 of 1 account so far; 6 sessions left; 1 with nothing written; 1 not asked.",
        ("It is still open.",),
    ),
    "story, reached": (
        "1 of 1 account; 5 sessions left; 1 with nothing written; 1 not asked.",
        ("It was reached on 16 Nov 2026.", EARLY),
    ),
    "own-list, due": ("The list is written: not so far; 1 session left; 2 not asked.", ("It is still open.",)),
    "own-list, written": (
        "The list is written: yes; no session left; 2 not asked.",
        ("It was reached on 9 Nov 2026.",),
    ),
    "own-list, nothing written": (
        "The list is written: not so far; no session left; 3 not asked.",
        (NOT_MEASURED,),
    ),
    "own-list, late": (
        "The list is written: yes, on 23 Nov 2026; no session left; 3 not asked.",
        (
            "The list was written on 23 Nov 2026, after the time that was agreed. What is on it counts all the same "
            "for your talks.",
        ),
    ),
    "transition, still open": (
        "1 of 2 possibilities so far; open until 14 Dec 2026; 1 with nothing written.",
        ("It is still open.",),
    ),
    "transition, the same one twice": ("2 of 2 possibilities.", ("It was reached on 16 Nov 2026.", EARLY)),
    "transition, over": ("1 of 2 possibilities; closed on 14 Dec 2026.", (OVER,)),
    "transition, nothing yet": (
        "0 of 2 possibilities so far; open until 14 Dec 2026.",
        ("No session has counted for it so far.",),
    ),
    "re-engage, a mind changed": (
        "1 of 2 parts; no session left.",
        (OVER, "Still missing: The client agrees to continue."),
    ),
    "re-engage, half of it": (
        "1 of 2 parts so far; 1 session left.",
        ("It is still open.", "Still missing: The client agrees to continue."),
    ),
    "re-engage, left open": (
        "0 of 2 parts; no session left; 2 skipped.",
        (
            NOT_MEASURED,
            "Still missing: The client says that therapy feels different or collaborative.",
            "Still missing: The client agrees to continue.",
        ),
    ),
    "shared-intake, reached": ("2 of 2 parts; no session left.", ("It was reached on 2 Nov 2026.",)),
    "shared-intake, skipped": (
        "1 of 2 parts; no session left.",
        (
            NOT_MEASURED,
            "Still missing: The client says that the intake felt collaborative rather than like an interrogation.",
        ),
    ),
}


@pytest.mark.parametrize("name", GOALS)
def test_where_a_goal_stands_and_what_that_means(name: str) -> None:
    """A joint goal as on the page for all.

    Planted and caught: "so far" of a window that is over; a skipped one counted as not asked; no part named; a late
    list "not so far", or for answers that were left out; "left open" counted as skipped; "can no longer be measured"
    of a time that is over; the rule for each kept then; "in a row" of a window that is no longer than the run.
    """
    goal = GOALS[name]()
    assert (standing(goal, shared=goal.joint), meaning(goal)) == STATES[name]


TABLES: dict[str, tuple[str, ...]] = {
    "heard, still open": (
        "Session 1, 2 Nov 2026: yes; So far: 1 of 3.",
        "Session 2, 9 Nov 2026: skipped; So far: 1 of 3.",
        "Session 3, 16 Nov 2026: yes; So far: 2 of 3.",
        "Session 4: still to come.",
    ),
    "monologue, one partner": (
        "Session 1, 2 Nov 2026: In this session: 1; So far: 1 of 2.",
        "Session 2, 9 Nov 2026: In this session: not noted; So far: 1 of 2.",
        "Session 3, 16 Nov 2026: In this session: 2; So far: 3.",
        "Session 4 to 6: still to come.",
    ),
    "heard, left open": (
        "Session 1, 2 Nov 2026: left open; So far: 0 of 3.",
        "Session 2, 9 Nov 2026: yes; So far: 1 of 3.",
        "Session 3, 16 Nov 2026: left open; So far: 1 of 3.",
        "Session 4: still to come.",
    ),
    "monologue, not noted": (
        "Session 1, 2 Nov 2026: In this session: 0; So far: 0 of 2.",
        "Session 2, 9 Nov 2026: In this session: not noted; So far: 0 of 2.",
        "Session 3, 16 Nov 2026: In this session: not asked; So far: 0 of 2.",
        "Session 4, 23 Nov 2026: In this session: 1; So far: 1 of 2.",
        "Session 5 to 6: still to come.",
    ),
    "story, reached": (
        "Session 1, 2 Nov 2026: In this session: nothing written; So far: 0 of 1.",
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
    """One for each template. Planted and caught: a skipped one left out; "skipped" for what the therapist counts."""
    goal = GOALS[name]()
    assert in_lines(goal_table(goal, shared=goal.joint)) == TABLES[name]


def test_whoever_was_not_there_was_not_in_this_session() -> None:
    """Planted and caught: "not there", as of something that is missing."""
    held = [samples.session(1), samples.session(2, TOM)]
    goal = samples.goal("heard", held, samples.asked({"felt-understood": [YES]}))
    assert [row[2] for row in goal_table(goal, shared=False).rows[:2]] == ["yes", "not in this session"]


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        ([YES], None, ["We look back at this goal for the first time."]),
        ([YES], [YES], ["Nothing has changed since we last looked back."]),
        (
            [YES, NO],
            [YES],
            [
                "When we last looked back: 1 of 3, still open. Now: 1 of 3, still open.",
                "1 more session counts since then.",
            ],
        ),
        (
            [YES, YES, YES],
            [YES],
            [
                "When we last looked back: 1 of 3, still open. Now: 3 of 3, reached.",
                "2 more sessions count since then.",
            ],
        ),
        ([NO], [YES], ["When we last looked back: 1 of 3, still open. Now: 0 of 3, still open."]),
    ],
)
def test_what_changed(now: list[Any], before: list[Any] | None, told: list[str]) -> None:
    """Also where an answer was corrected. Planted and caught: unchanged, since only the number was compared."""
    goal = heard(*now, before=heard(*before).progress if before else None)
    assert list(changes(goal)) == told


def test_a_late_list_is_a_change() -> None:
    """Planted and caught: "Nothing has changed", since neither status nor number has."""
    before = samples.own_list(3, None).progress
    goal = samples.own_list(4, 4, before=before)
    assert changes(goal) == ("When we last looked back: not measured. Now: there, after the agreed time.",)


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("within 4 sessions (by 2026-11-23, estimated)", "within 4 sessions (by 23 Nov 2026, estimated)"),
        ("by session 3 (by 1 Dec 2026)", "by session 3 (by 1 Dec 2026)"),
        ("case 2026-13-40, 12026-11-23", "case 2026-13-40, 12026-11-23"),
    ],
)
def test_every_day_is_written_in_one_way(sentence: str, told: str) -> None:
    """Planted and caught: the limit as it was passed; what is no day taken for one."""
    assert told in paper_review(own(goals=(replace(heard(YES), limit=sentence),)))
    assert told in text_review(own(goals=(replace(heard(YES), limit=sentence),)))


@pytest.mark.parametrize("name", ["own", "shared", "every state"])
def test_no_day_is_left_as_a_computer_writes_it(name: str) -> None:
    """And the page has one word for the review. Planted and caught: "review" in a text."""
    text = text_review(PAGES[name]())
    assert not re.search(r"\d{4}-\d{2}-\d{2}|review", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (-1, "We wanted to look back by 31 Jan 2027."),
        (0, "We look back again by 31 Jan 2027."),
        (1, "We look back again by 31 Jan 2027."),
    ],
)
def test_by_when_we_look_back_again(days: int, told: str) -> None:
    """Planted and caught: late on the day itself."""
    day = date(2027, 1, 31)
    assert due_sentence(day, day - timedelta(days=days)) == told


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        (heard(YES), "at least 3 of 4 sessions"),
        (heard(YES, limit=Limit(LimitKind.SESSIONS, 6)), "at least 3 of 4 sessions in a row"),
        (heard(YES, limit=Limit(LimitKind.WEEKS, 4)), "at least 3 of 4 sessions in a row"),
        (heard(YES, limit=Limit(LimitKind.WEEKS, 4), target="so it is"), "so it is"),
        (samples.transition(samples.things("a course")), "at least 2 possibilities"),
    ],
)
def test_a_run_of_sessions_is_called_one(goal: ReviewGoal, told: str) -> None:
    """Planted and caught: weeks taken for a run of so many sessions."""
    assert f"  Target: {told}\n" in text_review(own(goals=(goal,)))


# -- the page


def test_the_page_holds_the_clients_words_to_the_byte() -> None:
    """Goal, payer's wording and remark. Planted and caught: white space stripped; "\\r" left to the browser."""
    page = paper_review(own(words=HARD))
    found = [one.text() for one in shown(page).all("div", css="words")]
    assert found.count(HARD) == 8
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
    for tag in ("h1", "h2", "h3", "p"):
        for one in shown(paper_review(review)).all(tag):
            assert said(one) in text
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
    """Planted and caught: every goal called agreed; on the page for all, the answer of one of them."""
    page = paper_review(own(goals=(heard(YES, acceptance=status),)))
    assert [one for one in ANSWERED.values() if one in page] == [ANSWERED[status]]
    html = paper_review(shared(goals=(monologue([1], [0], acceptance=status),)))
    assert "agreed to this" not in html
    assert "said no" not in html
    assert html == paper_review(shared(goals=(monologue([1], [0]),)))


ANSWERED = {
    AcceptanceStatus.AGREE: "You agreed to this goal.",
    AcceptanceStatus.PENDING: "You have not agreed to this goal yet.",
    AcceptanceStatus.DISAGREE: "You said no to this goal.",
}


@pytest.mark.parametrize("status", [AcceptanceStatus.PENDING, AcceptanceStatus.DISAGREE])
@pytest.mark.parametrize(
    "made", [heard, lambda **more: heard(YES, NO, **more), lambda **more: monologue([1], [0], **more)]
)
def test_of_a_goal_that_is_not_agreed_nothing_is_counted(made: Any, status: AcceptanceStatus) -> None:
    """Words and answer alone. Planted and caught: "0 of 3 sessions so far" of a goal that was declined."""
    review = own(goals=(made(acceptance=status),), courses=(), remarks=())
    page = shown(paper_review(review))
    [section] = page.all("section")
    assert [said(one) for one in section.all("p")] == [
        "In your own words:",
        ANSWERED[status],
    ]
    assert [said(one) for one in section.all("h3")] == ["What do you say to this?"]
    assert not section.all("table")
    assert "<svg" not in paper_review(review)
    for html in (paper_review(review), text_review(review)):
        assert "session" not in html


@every_page
def test_under_each_goal_is_room_to_write_by_hand(name: str) -> None:
    """In the text the line alone. Planted and caught: one block at the end, for all goals."""
    review = PAGES[name]()
    asked = "What do you say to this?"
    for section, _ in zip(shown(paper_review(review)).all("section"), review.goals, strict=False):
        assert [said(one) for one in section.all("h3")][-1] == asked
        assert len(section.all("div", css="write")) == 2
    assert text_review(review).split("\n").count(f"  {asked}") == len(review.goals)


@every_page
def test_every_page_says_that_it_is_no_proof_of_anything(name: str) -> None:
    """Clinical facts 1.11, wherever a payer may read it. Planted and caught: only where a goal has payer's wording."""
    told = "This page shows what was counted. It is no measure of how well an approach works."
    assert [said(one) for one in shown(paper_review(PAGES[name]())).all("p")][-1] == told
    assert text_review(PAGES[name]()).endswith(f"\n  {told}\n")


@pytest.mark.parametrize("values", [[], [None, None]])
def test_what_nobody_answered_fills_no_table(values: list[Any]) -> None:
    """Said once. Planted and caught: a row "skipped" for each session."""
    review = own(goals=(), courses=(samples.fit(series(values)),), remarks=())
    assert text_review(review).count("Nothing was answered here so far.") == 1
    html = paper_review(review)
    assert html.count("Nothing was answered here so far.") == 1
    assert not shown(html).all("table", css="numbers")
    assert "skipped" not in text_review(review).replace("Any question may be skipped. A skipped answer", "")


def test_answers_in_no_order_are_a_table() -> None:
    """Planted and caught: no table without a picture."""
    html = paper_review(own(goals=(), courses=(samples.DIFFERENT,), remarks=()))
    [table] = shown(html).all("table", css="numbers")
    assert [said(one) for one in table.all("td")] == [
        *("2 Nov 2026", "Yes, in a way that is hard for me"),
        *("9 Nov 2026", "skipped"),
    ]
    assert "<svg" not in html


def test_an_own_page_speaks_to_the_one_whose_page_it_is() -> None:
    """Planted and caught: "The client agreed to this goal."; the line about taking it home on the page for all."""
    text = text_review(own())
    for line in ("In your own words:", "You agreed to this goal.", "What you wrote", "Said by you on 9 Nov 2026."):
        assert line in text
    assert not [key for key, one in texts().items() if re.search("the client", one.replace("The client agrees.", ""))]
    yours = "This page is yours. Others may find it. You need not take it with you."
    assert yours in text
    assert yours not in text_review(shared())


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
        (Sharing(ROSA, "Rosa", False, True), Sharing(TOM, "Tom", False, True)),
        (),
    ],
)
def test_without_everybodys_consent_there_is_no_shared_page(members: tuple[Sharing, ...]) -> None:
    """Planted and caught: any one's consent is enough; somebody who is not on it shown; a text taken for a yes."""
    with pytest.raises(InvalidInput):
        shared(members=members, courses=())


@pytest.mark.parametrize("answers", [(False, False), (True, False), (False, True), (True, "yes"), (True, 1)])
def test_answers_are_shown_to_the_others_only_with_a_second_yes_of_each(answers: tuple[Any, Any]) -> None:
    """Without them the page says so. Planted and caught: the first yes is enough; any one's; a text taken for a yes."""
    members = (Sharing(ROSA, "Rosa", True, answers[0]), Sharing(TOM, "Tom", True, answers[1]))
    with pytest.raises(InvalidInput) as caught:
        shared(members=members)
    assert caught.value.field == "members.answers"
    without = text_review(shared(members=members, courses=()))
    assert "This page shows what you do together. What each of you wrote stays on your own page." in without
    with_them = " ".join(text_review(shared()).split())
    assert "What each of you wrote in words stays on your own page." in with_them
    assert "Each of you agreed" not in with_them


def test_a_second_yes_is_never_taken_for_granted() -> None:
    """Planted and caught: a yes as the default."""
    assert Sharing(ROSA, "Rosa", True).answers is False


@pytest.mark.parametrize("who", [ROSA, TOM, ""])
def test_nothing_that_somebody_wrote_is_on_the_page_for_all(who: str) -> None:
    """However much they agreed to. Planted and caught: remarks let through with the second yes."""
    with pytest.raises(InvalidInput) as caught:
        shared(remarks=(Remark(samples.START, "?", "mine", who),))
    assert caught.value.field == "remarks"


def test_nobodys_own_goal_is_on_the_page_for_all() -> None:
    """It shows what they do together. Planted and caught: a goal of one of them, with this person's answers."""
    with pytest.raises(InvalidInput) as caught:
        shared(goals=(monologue([1], [0]), heard(YES, number=2)))
    assert caught.value.field == "goals"
    stranger = samples.goal("monologue", 1, [], ROSA, "Patient/x")
    with pytest.raises(InvalidInput) as caught:
        shared(goals=(stranger,))
    assert caught.value.field == "members"


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


@pytest.mark.parametrize("his", [[0, 0, 0], [0, SKIP, 0], [0, ..., 0], [SKIP, SKIP, SKIP], [..., ..., ...]])
def test_an_own_page_does_not_tell_what_the_other_said(his: list[Any]) -> None:
    """A no, a skipped answer and silence look alike. Planted and caught: "1 skipped"; the bar in the picture."""
    alike = [paper_review(own(goals=(monologue([1, 0, 0], one),))) for one in (his, [0, 0, 0])]
    assert alike[0] == alike[1]


@pytest.mark.parametrize("counted", [([2, 0], [0, 1]), ([0, 1], [2, 0]), ([1, 1], [1, 0]), ([2, 1], [0, 0])])
def test_of_what_they_do_together_no_page_tells_from_whom_it_came(counted: tuple[list[int], list[int]]) -> None:
    """Whoever did it, it is one number. Planted and caught: a column for each partner; "1 more by Tom"."""
    hers, his = counted
    page, other = (shared(goals=(monologue(*one),), courses=()) for one in ((hers, his), (his, hers)))
    assert paper_review(page) == paper_review(other)
    assert text_review(page) == text_review(other)
    told = text_review(page).split("\n", 3)[3]
    assert "Rosa" not in told
    assert "Tom" not in told


@pytest.mark.parametrize(("each", "told"), [(0, ()), (1, (EACH,)), (2, (EACH.replace("once", "2 times"),))])
def test_what_must_come_from_each_is_said_as_a_rule(each: int, told: tuple[str, ...]) -> None:
    """Only where there is one, and something lacks. Planted and caught: the template's rule in a family."""
    goal = monologue([1, 0], [0, 0])
    objective = replace(goal.objective, each=each)
    goal = replace(goal, objective=objective, progress=replace(goal.progress, missing=(TOM,)))
    assert meaning(goal) == ("It is still open.", *told)
    assert meaning(replace(goal, progress=replace(goal.progress, missing=("reflected-before-responding",)))) == (
        "It is still open.",
    )


def test_a_page_for_all_does_not_say_who_shares_a_goal() -> None:
    """Those who share it are those who agreed to it. Planted and caught: "Goal 1 of Rosa, Tom" on a page of three."""
    members = (*shared().members, Sharing("Patient/ines", "Inés", True, True))
    html = paper_review(shared(members=members, courses=()))
    assert [said(one) for one in shown(html).all("h2")] == ["Goal 1: Reflecting each other's meaning before answering"]


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
    given |= {
        "before": "1 of 3",
        "count": "1 of 3",
        "status": "reached",
        "target": "at least 3 of 4 sessions",
        "artefact": "The list is written",
    }
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
    made = ("is-", "short-", "mark-", "number-", "count-", "above-", "agree", "pending", "disagree")
    unused = [key for key in HOLES if f'"{key}"' not in code and not key.startswith(made)]
    assert unused == []


@pytest.mark.parametrize(
    ("was", "becomes", "field"),
    [
        (b"title = {", b"titel = {", "title"),
        (b'text = "In your own words:"', b'text = " "', "text"),
        (b"{number} skipped", b"some skipped", "number-skipped"),
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
