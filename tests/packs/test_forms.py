"""The forms' files: what a clinician reviews is what is asked, in words that people can read.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from withness import content
from withness.core.form import AnsweredBy, Form, FormItem, ItemKind, Kept
from withness.errors import InvalidContent
from withness.packs import forms as packed
from withness.packs.forms import SHIPPED, load_forms, parse_form

FORMS = {one.id: one for one in load_forms()}
FOR_CLIENTS = {id: form for id, form in FORMS.items() if form.answered_by is not AnsweredBy.CLINICIAN}
CATALOGUE = Path(str(content.folder("catalogue")))
CHECK_IN = (CATALOGUE / "forms" / "session-check-in.toml").read_text(encoding="utf-8")
OBSERVATION = (CATALOGUE / "forms" / "session-observation.toml").read_text(encoding="utf-8")

every_form = pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
for_clients = pytest.mark.parametrize("form", FOR_CLIENTS.values(), ids=list(FOR_CLIENTS))


def texts(form: Form) -> Iterator[str]:
    """Everything that stands on a form for the person who answers it."""
    yield form.title
    for item, _ in form.walk():
        yield from _of(item)


def _of(item: FormItem) -> Iterator[str]:
    yield from (text for text in (item.text, item.help) if text)
    yield from (option.text for option in item.answers.options)
    if item.scale:
        yield from (text for text in (item.scale.low_text, item.scale.high_text) if text)


# -- what is there


def test_there_is_a_file_for_each_form_and_no_other() -> None:
    assert sorted(path.stem for path in (CATALOGUE / "forms").iterdir()) == sorted(SHIPPED)
    assert list(FORMS) == list(SHIPPED)


@every_form
def test_every_item_names_its_source(form: Form) -> None:
    for item, _ in form.walk():
        assert re.match(r"(document [12], |ours|clinical facts |contracts )", item.source), item.link


@every_form
def test_nothing_is_asked_that_must_be_answered(form: Form) -> None:
    """The file has no key for a required question, a default or a score."""
    for word in ("required", "initial", "default", "score ="):
        text = (CATALOGUE / "forms" / f"{form.id}.toml").read_text(encoding="utf-8")
        assert not re.search(rf"^{word}\b", text, re.MULTILINE)


def test_the_first_conversation_begins_with_the_clients_words() -> None:
    first = next(one for one, groups in FORMS["first-conversation"].walk() if one.kind is ItemKind.WORDS)
    assert first.text == "Where would you like to start?"
    coded = [one.link for one, _ in FORMS["first-conversation"].walk() if one.kind is ItemKind.CHOICE]
    assert coded == ["structure"], "the rest is words: no list of boxes"


def test_each_of_the_seven_ideas_has_a_prompt_in_the_first_conversation() -> None:
    """Clinical facts 1.7. Planted and caught: the prompt of an idea left out."""
    sources = " ".join(one.source for one, _ in FORMS["first-conversation"].walk())
    named = {
        int(number)
        for listed in re.findall(r"seven ideas, ([\d and]+)", sources)
        for number in re.findall(r"\d", listed)
    }
    assert named == {1, 2, 3, 4, 5, 6, 7}


RISK = r"suicid|self-harm|\bharm|kill|\bdie\b|dead|death|weapon|abuse|violen|\bsafe|\bhurt|drug|alcohol|psychos"


@for_clients
def test_a_clients_form_asks_nothing_about_risk(form: Form) -> None:
    """That is the risk screen's, with its own rules. Planted and caught: "Do you feel safe at home?"."""
    assert [text for text in texts(form) if re.search(RISK, text, re.IGNORECASE)] == []


def test_the_check_in_is_brief() -> None:
    """Five taps at most, and words only where somebody wants them. Planted and caught: one more choice."""
    asked = [one for one, _ in FORMS["session-check-in"].walk() if one.kind in (ItemKind.CHOICE, ItemKind.SCALE)]
    assert len(asked) == 5
    assert asked[0].kind is ItemKind.SCALE


def test_the_check_in_says_where_to_turn_and_who_reads_it() -> None:
    notes = {one.link: one.text for one, _ in FORMS["session-check-in"].walk() if one.kind is ItemKind.NOTE}
    assert "If you need help now" in notes["urgent"]
    assert "Your therapist reads what you write here" in notes["who-reads"]


SIX = [
    "Where in my recent sessions did I slip from withness into aboutness",
    "Whose voice is being privileged in this case formulation",
    "When does my not-knowing serve the client",
    "Am I treating this client's situation as unfamiliar, exceptional and extraordinary",
    "How would I document the medical necessity and observable goals",
    "In acute or high-risk presentations, do I have a clear plan",
]


def test_the_reflection_holds_the_sources_six_questions_in_order() -> None:
    """Clinical facts 1.10 counts five; document 1 has six. Planted and caught: the sixth left out."""
    form = FORMS["supervision-reflection"]
    asked = [one for one, _ in form.walk() if "reflective question" in one.source]
    assert [one.text.startswith(start) for one, start in zip(asked, SIX, strict=True)] == [True] * 6
    assert all("LLM" in one.source for one in asked), "the source says that a model wrote them"
    assert (form.kept, form.subjects) == (Kept.APART, ("Practitioner",))


def test_only_the_reflection_is_kept_apart() -> None:
    assert [id for id, form in FORMS.items() if form.kept is Kept.APART] == ["supervision-reflection"]


def test_which_answers_meet_a_measure() -> None:
    """Only a plain one does: what is partly so, conditional or unsure is what it says."""
    meets = {
        item.measure: [option.code for option in item.answers.options if option.meets]
        for form in FORMS.values()
        for item, _ in form.walk()
        if item.measure and item.kind is ItemKind.CHOICE
    }
    assert meets == {
        "felt-understood": ["yes"],
        "reported-collaborative": ["together"],
        "feels-different": ["good"],
        "agrees-to-continue": ["yes"],
        "held-as-dialogue": ["yes"],
    }


# -- wording


LABELS = (
    r"patient|disorder|symptom|dysfunction|deficit|complian|adheren|resistan|denie[sd]|refuse[sd]?|diagnos|"
    r"patholog|abnormal|maladaptive|manipulat|treatment|a borderline|progress|problem"
)


@for_clients
def test_a_clients_form_has_no_word_that_makes_a_person_a_case(form: Form) -> None:
    """Planted and caught: "your symptoms"."""
    assert [text for text in texts(form) if re.search(rf"\b({LABELS})", text, re.IGNORECASE)] == []


@for_clients
def test_no_question_leads(form: Form) -> None:
    """No question that already holds its answer, and none that asks why. Planted and caught: "Don't you feel …"."""
    leading = r"\bwhy\b|don't you|didn't you|isn't it|aren't you|wouldn't you|of course|\bshould\b|\bmust\b|\bhave to\b"
    found = [text for text in texts(form) if re.search(leading, text, re.IGNORECASE)]
    assert [one for one in found if one != "There does not have to be one."] == []


@for_clients
def test_a_choice_offers_a_way_not_to_decide(form: Form) -> None:
    for item, _ in form.walk():
        if item.kind is ItemKind.CHOICE and not item.repeats:
            assert item.answers.options[-1].code in ("unsure", "unsaid")


# -- reading level


def syllables(word: str) -> int:
    """How many syllables an English word has, nearly: groups of vowels, without a silent end."""
    plain = re.sub(r"[^a-z]", "", word.lower())
    plain = re.sub(r"(?<=[^aeiouyl])es$|(?<=[^aeiouytd])ed$|(?<![aeiouyl])e$|(?<=[aeiouy])le?e$", "", plain)
    return max(1, len(re.findall(r"[aeiouy]+", plain)))


def grade(listed: list[str]) -> float:
    """The Flesch-Kincaid grade level (Kincaid et al. 1975): 0.39 words/sentences + 11.8 syllables/words - 15.59."""
    sentences = [one for text in listed for one in re.split(r"(?<=[.?!:])\s+", text) if re.search(r"\w", one)]
    words = [word for one in sentences for word in re.findall(r"[A-Za-z0-9'-]+", one)]
    per_word = sum(syllables(word) for word in words) / len(words)
    return 0.39 * len(words) / len(sentences) + 11.8 * per_word - 15.59


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("The cat sat on the mat.", -2, 1),
        ("How well did our talk fit what you needed today?", 1, 5),
        (SIX[4] + " of this dialogic work if a payer reviewed the chart?", 11, 20),
    ],
)
def test_the_reading_level_tells_hard_from_easy(text: str, low: float, high: float) -> None:
    """By hand: 6 words, 1 sentence, 6 syllables: 0.39 * 6 + 11.8 - 15.59 = -1.45."""
    assert low <= grade([text]) <= high
    assert round(grade(["The cat sat on the mat."]), 2) == -1.45


@for_clients
def test_what_a_client_reads_is_at_the_stated_level(form: Form) -> None:
    """All of it, and the questions and notes alone: short answers must not hide long questions."""
    assert 0 < form.reading_grade <= 8
    long = [text for item, _ in form.walk() for text in (item.text, item.help) if text]
    for listed in (list(texts(form)), long):
        assert grade(listed) <= form.reading_grade


@for_clients
def test_no_single_text_for_a_client_is_hard(form: Form) -> None:
    """One hard sentence among many easy ones hardly moves the form's own level (a word or two has none to speak of).

    Planted and caught: a question of the supervision form in the check-in; a sentence of long words before a note.
    """
    for text in texts(form):
        assert len(text.split()) < 4 or grade([text]) <= 8, text
        for sentence in re.split(r"(?<=[.?!])\s+", text):
            assert len(sentence.split()) <= 22, sentence
            assert len(sentence.split()) < 4 or grade([sentence]) <= 8, sentence


# -- refusals: file and key


NAME = "forms/x.toml"
ITEM = '\n[[item]]\nlink = "x"\nkind = "words"\ntext = "X"\nsource = "ours"\n'


def without(key: str, text: str = CHECK_IN) -> str:
    return re.sub(rf"^{key} = .*\n", "", text, count=1, flags=re.MULTILINE)


def changed(old: str, new: str, text: str = CHECK_IN) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


REFUSED = {
    "no TOML": ("=", ""),
    "no id": (without("id"), "id"),
    "no version": (without("version"), "version"),
    "a version that is none": (changed('version = "0.1.0"', 'version = "1"'), "version"),
    "an unknown key": (CHECK_IN + ITEM + "required = true\n", "item.x.required"),
    "no source": (CHECK_IN + ITEM.replace('source = "ours"\n', ""), "item.x.source"),
    "no text": (CHECK_IN + ITEM.replace('text = "X"\n', ""), "x.text"),
    "a linkId twice": (CHECK_IN + ITEM.replace('"x"', '"words"'), "item"),
    "an unknown kind": (CHECK_IN + ITEM.replace('"words"', '"essay"'), "item.x.kind"),
    "a prefilled answer": (CHECK_IN + ITEM + 'prefill = "patient-name"\n', "x.prefill"),
    "a day from a name": (changed('prefill = "encounter-date"', 'prefill = "patient-name"'), "day.prefill"),
    "a choice without answers": (changed('answers = "go-on-answer"', ""), "go-on.answers"),
    "answers that are not there": (changed('answers = "go-on-answer"', 'answers = "none"'), "go-on.answers"),
    "answers that nobody offers": (
        CHECK_IN
        + '\n[[answers]]\nid = "spare"\ntitle = "Spare"\noptions = [{code = "a", text = "A"},'
        + '{code = "b", text = "B"}]\n',
        "answers.spare",
    ),
    "one answer to choose": (
        re.sub(
            r'(id = "go-on-answer".*?options = \[).*?\n\]',
            r'\1 { code = "yes", text = "Yes" } ]',
            CHECK_IN,
            flags=re.DOTALL,
        ),
        "answers.go-on-answer.options",
    ),
    "a code twice": (changed('code = "talk-first"', 'code = "no"'), "answers.go-on-answer"),
    "the answers on structure again": (
        changed('id = "go-on-answer"', 'id = "structure-wanted"'),
        "answers.structure-wanted",
    ),
    "a measure of no template": (changed('measure = "felt-understood"', 'measure = "mood"'), "understood.measure"),
    "a measure twice": (changed('measure = "feels-different"', 'measure = "felt-understood"'), "measure"),
    "a measure and a code": (
        changed('measure = "felt-understood"', 'measure = "felt-understood"\ncode = "x"'),
        "understood.code",
    ),
    "a code on words that do not repeat": (CHECK_IN + ITEM + 'code = "x"\n', "x.code"),
    "no answer that meets the measure": (changed("weight = 2, meets = true", "weight = 2"), "understood.answers"),
    "a scale that falls": (changed("low = 0, high = 10", "low = 10, high = 0"), "fit.scale"),
    "a step that does not fit": (changed("step = 1", "step = 3"), "fit.scale"),
    "a scale without numbers": (re.sub(r"^scale = .*\n", "", CHECK_IN, flags=re.MULTILINE), "fit.scale"),
    "a condition on what comes later": (
        changed('only_if = { link = "understood"', 'only_if = { link = "go-on"'),
        "missed.only_if",
    ),
    "a condition on nothing": (
        changed('only_if = { link = "understood"', 'only_if = { link = "nothing"'),
        "missed.only_if",
    ),
    "a condition on an answer that is not offered": (
        changed('any = ["partly", "no"]', 'any = ["maybe"]'),
        "missed.only_if",
    ),
    "a condition of two kinds": (changed('any = ["partly", "no"]', 'any = ["no"], ticked = true'), "missed.only_if"),
    "an entry that needs what is not in it": (
        changed('"possibility.named", "possibility.described"]', '"words"]'),
        "possibility.whole",
    ),
    "an entry without needs": (
        changed('whole = ["possibility.named", "possibility.described"]', ""),
        "possibility.whole",
    ),
    "a group without items": (CHECK_IN + ITEM.replace('"words"', '"group"'), "x.item"),
    "room in a group that does not repeat": (changed('text = "Today"', 'text = "Today"\nspace = 2'), "today.space"),
    "words with items": (
        CHECK_IN + ITEM + '[[item.item]]\nlink = "y"\nkind = "line"\ntext = "Y"\nsource = "ours"\n',
        "x.item",
    ),
    "a note with help": (CHECK_IN + ITEM.replace('"words"', '"note"') + 'help = "x"\n', "x.help"),
    "a reading level that is not stated": (changed("reading_grade = 6", "reading_grade = 0"), "reading_grade"),
    "a reading level beyond eight": (changed("reading_grade = 6", "reading_grade = 9"), "reading_grade"),
    "a client's form kept apart": (changed('kept = "chart"', 'kept = "apart"'), "kept"),
    "a form about a clinician in a chart": (
        changed('subjects = ["Patient", "RelatedPerson"]', 'subjects = ["Practitioner"]'),
        "kept",
    ),
    "a rule of no severity": (
        changed('severity = "warning"', 'severity = "fatal"', OBSERVATION),
        "constraint.0.severity",
    ),
    "a language that is none": (
        CHECK_IN + ITEM + 'translations = { English = "X" }\n',
        "item.x.translations.English.[key]",
    ),
}


@pytest.mark.parametrize(("text", "key"), REFUSED.values(), ids=list(REFUSED))
def test_a_form_that_cannot_be_used_is_refused_by_file_and_key(text: str, key: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        parse_form(text.encode(), name=NAME)
    assert refused.value.field == (f"{NAME}:{key}" if key else NAME)
    assert refused.value.message.startswith(f"{NAME}")


def test_a_form_kept_apart_gives_nothing_to_extract() -> None:
    text = (CATALOGUE / "forms" / "supervision-reflection.toml").read_text(encoding="utf-8")
    coded = text + ITEM + 'code = "x"\nrepeats = true\n'
    with pytest.raises(InvalidContent) as refused:
        parse_form(coded.encode(), name=NAME)
    assert refused.value.field == f"{NAME}:x.code"


def test_a_set_of_answers_and_an_item_code_stand_in_one_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or two forms would mean two things by one code. Planted and caught: not looked at."""
    check_in, first = FORMS["session-check-in"], FORMS["first-conversation"]
    monkeypatch.setattr(packed, "SHIPPED", ("session-check-in", "session-check-in"))
    with pytest.raises(InvalidContent) as refused:
        load_forms()
    assert refused.value.field == "forms:answers"
    monkeypatch.setattr(packed, "_load", lambda id: {"a": first, "b": replace(check_in, items=first.items)}[id])
    monkeypatch.setattr(packed, "SHIPPED", ("a", "b"))
    with pytest.raises(InvalidContent) as refused:
        load_forms()
    assert refused.value.field == "forms:code"


def test_the_question_on_structure_stands_once() -> None:
    text = (CATALOGUE / "forms" / "first-conversation.toml").read_text(encoding="utf-8")
    with pytest.raises(InvalidContent) as refused:
        parse_form(changed('link = "structure"\n', 'link = "structure"\ntext = "Mine"\n', text).encode(), name=NAME)
    assert refused.value.field == f"{NAME}:structure.text"


def test_a_file_that_is_gone_or_called_otherwise_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packed.content, "folder", lambda root: tmp_path)
    with pytest.raises(InvalidContent) as gone:
        packed._load("session-check-in")
    assert gone.value.field == "forms/session-check-in.toml"
    monkeypatch.undo()
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "own-priorities.toml").write_text(CHECK_IN, encoding="utf-8")
    other = content.folder

    monkeypatch.setattr(packed.content, "folder", lambda root: tmp_path if root == "catalogue" else other(root))
    monkeypatch.setattr(packed, "_measures", lambda: frozenset(_all_measures()))
    with pytest.raises(InvalidContent) as called:
        packed._load("own-priorities")
    assert called.value.field == "forms/own-priorities.toml:id"


def _all_measures() -> Iterator[str]:
    for form in FORMS.values():
        yield from (item.measure for item, _ in form.walk() if item.measure)
