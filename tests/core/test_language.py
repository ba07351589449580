"""The language lint: it warns with something better, and edits, blocks and reads of the client nothing."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.core.test_claims import note, template
from tests.packs.test_claims import FORBIDDEN, HONEST

from withness import content
from withness.core.language import LanguageRules, lint, lint_note
from withness.core.note import Audience
from withness.errors import InvalidContent
from withness.packs import language as packed
from withness.packs.language import FILE, load_language

RULES = load_language(None)
LABEL = "Rosa is a borderline and refused the tablets."


def warned(text: str, rules: LanguageRules = RULES) -> list[str]:
    """The ids of the rules that warn about a text."""
    return [one.rule.id for one in lint(text, rules)]


WARNED = [
    ("diagnosis-as-a-noun", "Rosa is a borderline."),
    ("diagnosis-as-a-noun", "As a borderline, she splits."),
    ("diagnosis-as-a-noun", "The schizophrenic was calm today."),
    ("diagnosis-as-a-noun", "He is a **bipolar** who lives alone."),
    ("diagnosis-as-a-noun", "Borderlines are like this."),
    ("diagnosis-as-a-noun", "The client is bipolar."),
    ("diagnosis-as-a-noun", "Her mother, an anorexic, came along."),
    ("diagnosis-as-a-noun", "A typical\nnarcissist"),
    ("addict", "Tom is an addict."),
    ("addict", "Two alcoholics in the family."),
    ("addict", "History of substance abuse."),
    ("clean-or-dirty", "Dirty urine on Monday."),
    ("clean-or-dirty", "He has been clean for two years."),
    ("non-compliant", "Client is non-compliant."),
    ("non-compliant", "Client is non-**compl**iant."),
    ("non-compliant", "Rosa was noncompliant with medication."),
    ("non-compliant", "Not compliant with homework."),
    ("refuses", "Rosa refuses medication."),
    ("refuses", "She refused to talk about it."),
    ("failed-treatment", "Rosa failed outpatient treatment."),
    ("failed-treatment", "He has failed CBT twice."),
    ("failed-treatment", "A treatment failure."),
    ("manipulative", "Tom was manipulative."),
    ("manipulative", "Attention-seeking behaviour."),
    ("manipulative", "Drug seeking."),
    ("in-denial", "Tom is in denial."),
    ("in-denial", "She lacks insight."),
    ("denies", "Patient denies suicidal ideation."),
    ("resistant", "Tom was resistant today."),
    ("resistant", "A resistant client."),
    ("resistant", "His resistance to change is strong."),
    ("resistant", "He was uncooperative."),
    ("suffers-from", "Rosa suffers from depression."),
    ("suffers-from", "A sufferer of panic."),
    ("committed-suicide", "Her father committed suicide."),
    ("committed-suicide", "Two failed suicide attempts."),
    ("committed-suicide", "A suicidal gesture."),
    ("claims-that", "Rosa claims that she sleeps."),
    ("claims-that", "She claims to be tired."),
    ("claims-that", "He admitted to drinking."),
    ("poor-historian", "Poor historian."),
    ("difficult-client", "A difficult patient."),
    ("difficult-client", "He was very needy."),
    ("difficult-client", "A frequent flyer."),
    ("crazy", "That was crazy behaviour."),
    ("the-ill", "We serve the mentally ill."),
    ("the-ill", "He comes from a broken home."),
    ("identity", "Sexual preference: not asked."),
    ("identity", "Ana is a transgender."),
    ("read-in-motive", "There is secondary gain."),
    ("dropout", "A therapy dropout."),
    ("violence-made-mutual", "Mutual violence in the couple."),
    ("violence-made-mutual", "Rosa provoked her husband."),
    ("violence-made-mutual", "She failed to protect the children."),
    ("violence-made-mutual", "A domestic dispute on Sunday."),
    ("violence-made-mutual", "She chose to stay with her abuser."),
]

PASSES = [
    "Borderline personality disorder was diagnosed in 2019.",
    "Rosa has a borderline personality disorder diagnosis.",
    "She lives with a diagnosis of bipolar disorder.",
    "A depressive episode, moderate.",
    "The schizophrenic spectrum was explained.",
    "A psychotic episode in March.",
    "Her blood pressure was borderline.",
    "Tom goes to Alcoholics Anonymous.",
    "Alcoholic liver disease.",
    "An alcohol use disorder in remission.",
    "The insurance claims that were denied last month were paid.",
    "Two claims to the insurer are open.",
    "The insurer denied the request.",
    "Coverage was denied.",
    "The insurer refused to pay.",
    "Tom was refused entry.",
    "Rosa has the right to refuse.",
    "Resistant hypertension.",
    "She takes two drugs for resistant hypertension.",
    "The infection was resistant to antibiotics.",
    "Treatment-resistant depression, as her physician calls it.",
    "The watch is water resistant.",
    "Rosa failed her driving test.",
    "The business failed.",
    "The software is non-compliant with the standard.",
    "Manual manipulation of the spine by the physiotherapist.",
    "She was admitted to hospital in May.",
    "Tom cleaned the kitchen; the flat is clean.",
    "A demanding job.",
    "The work environment is hostile.",
    "A difficult week.",
    "Rosa committed herself to the walk on Sundays.",
    "Her father died by suicide.",
    "Rosa chose not to take the tablets.",
    "Rosa says that she sleeps badly.",
    "She declined the form.",
    "The poor week behind her.",
    "The elderly neighbour brought soup.",
    "A transgender woman, she says, and proud of it.",
    "Oppositional defiant disorder was ruled out.",
    "Mutual respect grew.",
    "They agreed by mutual consent.",
    "The question provoked a long silence.",
    "The song provoked her memories of home.",
    "The lock failed to protect the data.",
    "Rosa chose to stay with her sister.",
    "A dispute with the landlord about the heating.",
    "Domestic chores are shared out.",
    "He hit her twice; she was afraid of him.",
]


@pytest.mark.parametrize(("rule", "text"), WARNED, ids=[text for _, text in WARNED])
def test_a_label_is_warned_about_with_something_better(rule: str, text: str) -> None:
    """Planted: a pattern of each rule left out; `ends` not looked at; emphasis kept; each caught."""
    found = lint(text, RULES)
    assert [one.rule.id for one in found] == [rule]
    assert text[found[0].start : found[0].start + len(found[0].words)] == found[0].words
    assert found[0].suggestion == found[0].rule.suggestion


@pytest.mark.parametrize("text", PASSES)
def test_what_is_no_label_passes(text: str) -> None:
    """Planted: `not_before` left out; `not_after` left out; `unless` left out; `ends` left out; each caught."""
    assert warned(text) == []


def test_every_rule_is_shown_and_says_what_why_and_on_whose_word() -> None:
    assert {rule for rule, _ in WARNED} == {one.id for one in RULES.rules}
    for one in RULES.rules:
        assert one.suggestion.endswith((".", "…"))
        assert one.reason.endswith(".")
        assert re.search(r"clinical facts 1\.6|Healy 2022|NIDA", one.source), one.id


def test_what_we_wrote_ourselves_passes() -> None:
    """Statements, honest sentences and the shipped texts. Planted: "suffers from" in a template; caught."""
    folder = Path(str(content.folder("note_templates")))
    for path in sorted(folder.glob("*/example*.md")):
        assert warned(path.read_text(encoding="utf-8")) == [], path.parent.name


# -- whose words


@pytest.mark.parametrize(
    "text",
    [
        'Rosa said: "I am a borderline, I refused."',
        "Rosa said: “I am a borderline, I refused.”",
        "Rosa said: ‘I’m a borderline, I refused.’",
        "Rosa said: «I am a borderline»",
        "Her words:\n\n> I am a borderline\n\nThat was all.",
    ],
)
def test_a_quotation_is_somebodys_own(text: str) -> None:
    """Planted: quotations read; caught."""
    assert warned(text) == []


def test_what_stands_beside_a_quotation_is_read() -> None:
    """Planted: everything behind the first quotation mark left out; caught."""
    assert warned('She said "hello" and refused. "Yes," said the borderline.') == ["refuses", "diagnosis-as-a-noun"]
    assert warned('Six feet 2" tall, a borderline.') == ["diagnosis-as-a-noun"]


@pytest.mark.parametrize("audience", Audience)
def test_every_note_is_read_but_never_the_clients_words(audience: Audience) -> None:
    """Planted: only what clients and payers read; client fields read; client parts read; each caught."""
    fields: dict[str, Any] = {
        "summary": LABEL,
        "words": LABEL,
        "voices": [{"who": "Patient/rosa", "words": LABEL}],
        "thoughts": [{"said": LABEL, "thought": "She suffers from it."}],
    }
    found = lint_note(template(audience), note(**fields), RULES)
    assert [(path, one.words) for path, one in found] == [
        ("summary", "a borderline and"),
        ("summary", "refused"),
        ("thoughts[0].thought", "suffers from"),
    ]


def test_it_edits_nothing() -> None:
    """Planted: the note's words replaced by the suggestion; caught."""
    written = note(summary=LABEL)
    lint_note(template(Audience.CLINICAL), written, RULES)
    assert written == note(summary=LABEL)
    assert written.held_on == date(2026, 11, 21)


def test_the_guards_phrasings_are_mostly_no_labels() -> None:
    """The lint is about people, not about claims: it is quiet where nobody is labelled."""
    assert [one["text"] for one in (*FORBIDDEN, *HONEST) if set(warned(one["text"])) - {"refuses"}] == []


# -- a site's own file


OWN = """
[words]
house = ["bed nine|bed 9"]

[[rule]]
id = "bed-number"
suggestion = "Use the name."
reason = "Nobody is a bed."
source = "practice policy 3"
[[rule.pattern]]
words = ["@house"]
"""


def site(folder: Path, text: str) -> LanguageRules:
    (folder / FILE).write_text(text, encoding="utf-8")
    return load_language(folder)


def test_a_site_adds_rules(tmp_path: Path) -> None:
    """Planted: the site's file in the place of ours; caught."""
    rules = site(tmp_path, OWN)
    assert warned("Bed nine refused.", rules) == ["bed-number", "refuses"]
    assert warned("Bed nine refused.") == ["refuses"]


def test_a_site_without_a_file_has_the_shipped_rules(tmp_path: Path) -> None:
    assert load_language(tmp_path) is RULES


REFUSED = {
    "no TOML": ("=", FILE),
    "a shipped rule": (OWN.replace('"bed-number"', '"refuses"'), "rule.refuses"),
    "a shipped group": (OWN.replace("house =", "label ="), "words.label"),
    "a rule twice": (OWN + OWN[OWN.index("[[rule]]") :], "rule"),
    "no suggestion": (OWN.replace('suggestion = "Use the name."\n', ""), "rule.bed-number.suggestion"),
    "a score": (OWN.replace("reason =", "score = 3\nreason ="), "rule.bed-number.score"),
    "an unknown group": (OWN.replace("@house", "@hotel"), "rule.bed-number.pattern"),
}


@pytest.mark.parametrize(("text", "key"), REFUSED.values(), ids=list(REFUSED))
def test_a_refusal_names_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    """Planted: each of the checks left out; each caught."""
    with pytest.raises(InvalidContent) as error:
        site(tmp_path, text)
    assert error.value.field.startswith(FILE)
    assert key in error.value.field


def test_too_many_patterns_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_PATTERNS", 0)
    with pytest.raises(InvalidContent, match="more than 0 patterns"):
        site(tmp_path, OWN)
