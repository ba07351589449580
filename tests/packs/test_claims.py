"""The claim guard's data: every listed phrasing, what must be listed, and what a site's own file may do.

The phrasings stand in claim_phrasings.toml, each with a name; how the guard did on them at first sight stands there.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.packs.test_forms import grade

from withness import content
from withness.core.claims import Claim, Claims, Statement, claims_in
from withness.errors import InvalidContent
from withness.packs import claims as packed
from withness.packs.claims import FILE, load_claims, parse_claims

SHIPPED = load_claims(None)
LISTED: dict[str, dict[str, list[dict[str, str]]]] = tomllib.loads(
    Path(__file__).with_name("claim_phrasings.toml").read_text(encoding="utf-8")
)
FORBIDDEN = [one for some in LISTED.values() for one in some["forbidden"]]
HONEST = [one for some in LISTED.values() for one in some["honest"]]
TEXT = (content.folder("catalogue") / FILE).read_text(encoding="utf-8")


def named(some: list[dict[str, str]]) -> Any:
    return pytest.mark.parametrize("one", some, ids=[one["name"] for one in some])


def found(text: str, claims: Claims = SHIPPED) -> list[str]:
    """The ids of the claims in a text."""
    return [one.claim.id for one in claims_in(text, claims.claims)]


def site(folder: Path, text: str) -> Claims:
    """What a site gets whose folder holds this claims.toml."""
    (folder / FILE).write_text(text, encoding="utf-8")
    return load_claims(folder)


# -- phrasings


@named(FORBIDDEN)
def test_a_forbidden_claim_is_refused(one: dict[str, str]) -> None:
    """Under its own id. Planted: the hyphen kept; line ends kept; NFKC left out; emphasis kept; "not just" taken as a
    negation; clauses not cut at "but"; twice denied taken as denied; each caught."""
    assert one["claim"] in found(one["text"])


@named(HONEST)
def test_an_honest_neighbour_passes(one: dict[str, str]) -> None:
    """Planted: negation never looked for; only before a claim; `unless` left out; a question read as a claim; the
    sentence before not looked at; each caught."""
    assert found(one["text"]) == []


def test_there_are_enough_of_both_and_each_is_there_once() -> None:
    """Issue: at least 40 of each. Names and texts are unique, so that no two count as one."""
    assert len(FORBIDDEN) >= 100
    assert len(HONEST) >= 100
    for key in ("name", "text"):
        values = [one[key] for one in (*FORBIDDEN, *HONEST)]
        assert len(set(values)) == len(values)


PATTERNS = [(claim, number) for claim in SHIPPED.claims for number in range(len(claim.patterns))]


@pytest.mark.parametrize(("claim", "number"), PATTERNS, ids=[f"{claim.id}-{number}" for claim, number in PATTERNS])
def test_each_pattern_finds_a_phrasing_by_itself(claim: Claim, number: int) -> None:
    """A pattern that none needs may be broken, and nobody would see. Planted: one that misspells a word; caught."""
    alone = (replace(claim, patterns=(claim.patterns[number],)),)
    assert any(claims_in(one["text"], alone) for one in FORBIDDEN if one["claim"] == claim.id)


def test_each_claim_is_caught_in_several_phrasings() -> None:
    """A claim whose phrasings all went away would be refused by nothing."""
    for claim in SHIPPED.claims:
        assert len([one for one in FORBIDDEN if one["claim"] == claim.id]) >= 2, claim.id


# -- what the file holds


MUST_BE_LISTED = {
    "randomised-trials": "RCT-validated",
    "evidence-based": "empirically supported treatment for a specific disorder",
    "outcome-figures": "effect sizes",
    "superiority": "outcome superiority",
    "manualised": "manualised or replicable protocol",
    "fidelity": "fidelity/adherence score",
    "certified": "certified in it",
    "for-a-disorder": "designed for disorder X",
    "borrowed-evidence": "CBT's evidence as its own",
    "benefits-as-outcomes": "benefits list as outcomes",
    "no-knowledge": "misconception: no knowledge, withholds",
    "just-nice": "misconception: just nice, non-directive",
    "rejects-diagnosis": "misconception: rejects all diagnosis",
    "fixed-technique": "misconception: fixed technique",
    "cure-or-guarantee": "cure, guarantee",
}


def test_everything_that_must_not_be_claimed_is_listed() -> None:
    """Clinical facts 1.11 and 1.12. Planted: a claim left out of the file; caught."""
    assert set(MUST_BE_LISTED) <= {one.id for one in SHIPPED.claims}


@pytest.mark.parametrize("claim", SHIPPED.claims, ids=lambda one: one.id)
def test_each_claim_says_what_why_and_on_whose_word(claim: Claim) -> None:
    assert claim.sentence.endswith(".")
    assert claim.reason.endswith(".")
    assert claim.sentence != claim.reason
    assert re.match(r"clinical facts 1\.\d", claim.source)


STATEMENTS = ("evidence", "evidence-brief", "stance", "not-for-everybody", "no-certification")


def test_the_statements_that_documents_must_show_are_there() -> None:
    assert set(STATEMENTS) <= set(SHIPPED.statements)


@pytest.mark.parametrize("statement", SHIPPED.statements.values(), ids=lambda one: one.id)
def test_an_honest_statement_passes_the_guard(statement: Statement) -> None:
    """Planted: the evidence statement said as a claim; caught."""
    assert found(statement.text) == []
    assert re.match(r"clinical facts 1\.\d", statement.source)


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("evidence", ["recognised", "taught", "theory", "relationship", "not been analysed", "randomised", "inferred"]),
        ("evidence-brief", ["many years", "teach", "cannot say how well", "guess, not proof"]),
        (
            "stance",
            [
                "not a clinical safety protocol",
                "risk assessment",
                "crisis",
                "safety plan",
                "treatment with good evidence",
            ],
        ),
        ("not-for-everybody", ["No single approach", "structure"]),
        ("no-certification", ["no licence or certificate", "profession"]),
    ],
)
def test_a_statement_says_all_that_it_must(id: str, says: list[str]) -> None:
    """Clinical facts 1.6, 1.11. Planted: the sentence on randomised trials left out; caught."""
    text = SHIPPED.statements[id].text
    assert [one for one in says if one not in text] == []


def test_what_clients_read_about_the_approach_is_in_plain_words() -> None:
    """Flesch-Kincaid grade 7 or below. Planted: the payers' statement in its place; the stance as it was; caught."""
    for id in ("evidence-brief", "stance", "hopes", "not-for-everybody"):
        assert grade([SHIPPED.statements[id].text]) <= 7, id
    assert grade([SHIPPED.statements["evidence"].text]) > 7


def test_the_list_is_not_in_the_guards_code() -> None:
    """It is data that a clinician reviews: a file without its claims makes a guard that refuses none of them."""
    first = TEXT.index("[[claim]]")
    only = '[[claim]]\nid = "x"\nsentence = "X."\nreason = "X."\nsource = "ours"\n[[claim.pattern]]\nwords = ["zzz"]\n'
    claims, _ = parse_claims((TEXT[:first] + only).encode(), name=FILE)
    assert [one["name"] for one in FORBIDDEN if found(one["text"], claims)] == []


# -- a site's own file


OWN = """
[words]
own-name = ["ourpath|our path"]

[[claim]]
id = "our-success"
sentence = "That OurPath succeeds."
reason = "Nobody counted."
source = "practice policy 7"
[[claim.pattern]]
words = ["@own-name|@approach", "flourish*"]

[[statement]]
id = "our-hours"
text = "We are here on weekdays."
source = "practice policy 2"
"""


def test_a_site_adds_claims_and_statements(tmp_path: Path) -> None:
    """With groups of its own beside ours. Planted: the site's file in the place of ours; caught."""
    claims = site(tmp_path, OWN)
    assert found("With OurPath families flourished.", claims) == ["our-success"]
    assert found("With OurPath families flourished.") == []
    assert found("In collaborative therapy people flourish.", claims) == ["our-success"]
    assert found("Collaborative therapy cures depression.", claims) == ["cure-or-guarantee"]
    assert [one.id for one in claims.claims] == [*(one.id for one in SHIPPED.claims), "our-success"]
    assert list(claims.statements) == [*SHIPPED.statements, "our-hours"]


def test_a_sites_claim_may_be_denied_too(tmp_path: Path) -> None:
    assert found("OurPath did not flourish.", site(tmp_path, OWN)) == []


def test_a_site_without_a_file_has_the_shipped_ones(tmp_path: Path) -> None:
    assert load_claims(tmp_path) is SHIPPED
    assert site(tmp_path, "").claims == SHIPPED.claims


def test_a_site_cannot_change_how_negation_is_read(tmp_path: Path) -> None:
    """Every word a negator would excuse every claim. Planted: the tables taken from a site's file; caught."""
    for table in ("negation", "grammar"):
        with pytest.raises(InvalidContent) as error:
            site(tmp_path, f'[{table}]\nfar = ["is"]\n')
        assert error.value.field == f"{FILE}:{table}"


def pattern(text: str) -> str:
    return OWN.replace('words = ["@own-name|@approach", "flourish*"]', text)


REFUSED = {
    "no TOML": ("=", FILE),
    "a shipped claim": (OWN.replace('"our-success"', '"fidelity"'), "claim.fidelity"),
    "a shipped statement": (OWN.replace('"our-hours"', '"evidence"'), "statement.evidence"),
    "a shipped group": (OWN.replace("own-name =", "other-treatment ="), "words.other-treatment"),
    "a claim twice": (OWN + OWN[OWN.index("[[claim]]") : OWN.index("[[statement]]")], "claim"),
    "a statement twice": (OWN + OWN[OWN.index("[[statement]]") :], "statement"),
    "an unknown key": (OWN.replace("reason =", "score = 1\nreason ="), "claim.our-success.score"),
    "no reason": (OWN.replace('reason = "Nobody counted."\n', ""), "claim.our-success.reason"),
    "no source": (OWN.replace('source = "practice policy 7"\n', ""), "claim.our-success.source"),
    "no pattern": (OWN.replace("[[claim.pattern]]\n", "").replace('words = ["@own', '# ["@own'), "our-success.pattern"),
    "no words": (pattern("words = []"), "words"),
    "an unknown group": (pattern('words = ["@nobody"]'), "claim.our-success.pattern"),
    "a regular expression": (pattern('words = ["(a+)+$"]'), "claim.our-success.pattern"),
    "a stem of one letter": (pattern('words = ["a*"]'), "claim.our-success.pattern"),
    "an alternative of seven words": (pattern('words = ["a b c d e f g"]'), "claim.our-success.pattern"),
    "too many alternatives": (pattern(f'words = ["{"|".join(f"w{n}" for n in range(501))}"]'), "our-success.pattern"),
    "too many places": (pattern(f"words = {['x'] * 9}"), "words"),
    "a gap too wide": (pattern('words = ["x", "y"]\nwithin = 21'), "within"),
    "a gap that is none": (pattern('words = ["x", "y"]\nwithin = true'), "within"),
    "gaps that do not fit": (pattern('words = ["x", "y", "z"]\nwithin = [1, 2, 3]'), "pattern.within"),
    "a blank alternative": (pattern('words = ["x||y"]'), "claim.our-success.pattern"),
}


@pytest.mark.parametrize(("text", "key"), REFUSED.values(), ids=list(REFUSED))
def test_a_refusal_names_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    """Planted: each of the checks left out; each caught."""
    with pytest.raises(InvalidContent) as error:
        site(tmp_path, text)
    assert error.value.field.startswith(FILE)
    assert key in error.value.field
    assert error.value.message.startswith(FILE)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidContent) as error:
        load_claims(tmp_path / "nowhere")
    assert error.value.field == "WITHNESS_PACKS"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """It could hold claims: nothing is skipped. Planted: any OSError taken for no file; caught."""
    (tmp_path / FILE).mkdir()
    with pytest.raises(InvalidContent) as error:
        load_claims(tmp_path)
    assert error.value.field == FILE


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MAX_FILE", 100)
    with pytest.raises(InvalidContent, match="larger than 100 bytes"):
        site(tmp_path, OWN)


def test_too_many_patterns_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_PATTERNS", 0)
    with pytest.raises(InvalidContent, match="more than 0 patterns"):
        site(tmp_path, OWN)
