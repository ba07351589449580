"""catalogue/profiles and terminology.toml: what is shipped reads well, and a fault names its file and key."""

from __future__ import annotations

import pytest

from withness.core.profile import Below, Choice, Held
from withness.errors import InvalidContent
from withness.packs.profiles import load_profiles, parse_profile
from withness.packs.terminology import load_terminology, parse_terminology

HEAD = """
id = "a-plan"
name = "APlan"
title = "A plan"
description = "A plan."
type = "CarePlan"
base = "CarePlan"
"""
RULE = """
[[rule]]
name = "intent"
path = "CarePlan.intent"
why = "Why."
source = "A source."
"""


def test_every_rule_says_why_in_a_sentence_and_names_its_source() -> None:
    for profile in load_profiles().values():
        for rule in profile.rules:
            assert rule.why[0].isupper(), f"{profile.id}/{rule.name}"
            assert rule.why.endswith("."), f"{profile.id}/{rule.name}"
            assert not rule.source.endswith("."), f"{profile.id}/{rule.name}"


def test_a_rule_is_read_with_everything_that_it_asks_for() -> None:
    text = (
        HEAD
        + """
[[slicing]]
path = "CarePlan.identifier"
by = "system"

[[rule]]
name = "own"
path = "CarePlan.identifier:own"
min = 1
max = "1"
where = {system = {uri = "{base}/sid/own"}, value = {}}
types = ["Identifier"]
why = "Why."
source = "A source."

[[rule]]
name = "author"
path = "CarePlan.author"
types = ["Reference(Practitioner | PractitionerRole)", "Extension(corrects)"]
holds = {code = "x"}
binding = "a-set"
expression = "exists()"
why = "Why."
source = "A source."
"""
    )
    own, author = parse_profile(text.encode(), "a-plan.toml").rules
    assert (own.min, own.max) == (1, "1")
    assert own.below == (Below("system", Held("uri", "{base}/sid/own")), Below("value", None))
    assert author.types == (
        Choice("Reference", targets=("Practitioner", "PractitionerRole")),
        Choice("Extension", profile="corrects"),
    )
    assert (author.held, author.binding, author.expression) == (Held("code", "x"), "a-set", "exists()")


@pytest.mark.parametrize(
    ("rule", "key", "said"),
    [
        ("", "rule.intent", "asks for nothing"),
        ("min = 2", "rule.0.min", "is out of range"),
        ('max = "2"', "rule.0.max", "is not written as it must be"),
        ('colour = "red"', "rule.0.colour", "is not a key of this file"),
        ('types = ["Reference(Patient, Group)"]', "rule.intent.types", "must be written as"),
        ('holds = {code = "x", uri = "y"}', "rule.intent.holds", "must be one value by its type"),
        ('where = {system = {uri = "x", code = "y"}}', "rule.intent.where.system", "must be one value by its type"),
        ('context = ["Goal"]', "rule.intent.context", "is for an extension's own root"),
        (f"min = 1\n{RULE}min = 1".replace('"intent"', '"again"', 1), "rule.min", "holds 'CarePlan.intent' twice"),
        (f'min = 1\n{RULE}max = "1"', "rule", "holds 'intent' twice"),
        (
            f'min = 1\n{RULE}max = "1"'.replace('"intent"', '"own"').replace("CarePlan.intent", "CarePlan.note:own"),
            "rule.own.path",
            "names a slice of what has no slicing",
        ),
        (
            f'min = 1\n{RULE}max = "1"'.replace('"intent"', '"own"').replace("CarePlan.intent", "Goal.note"),
            "rule.own.path",
            "must begin with CarePlan",
        ),
    ],
)
def test_a_fault_in_a_rule_names_file_and_key(rule: str, key: str, said: str) -> None:
    with pytest.raises(InvalidContent) as caught:
        parse_profile((HEAD + RULE + rule).encode(), "a-plan.toml")
    assert caught.value.field == f"a-plan.toml:{key}"
    assert said in caught.value.message


def test_a_profile_has_its_files_name() -> None:
    with pytest.raises(InvalidContent) as caught:
        parse_profile((HEAD + RULE + "min = 1").encode(), "another.toml")
    assert caught.value.field == "another.toml:id"


def test_the_shipped_code_lists_are_read() -> None:
    found = load_terminology()
    assert [one.id for one in found.namings] == [
        "unit-plan",
        "decision",
        "plan",
        "goal",
        "screen",
        "protocol",
        "note",
        "working-copy",
    ]
    assert all(one.definition.endswith(".") for system in found.systems for one in system.concepts)


SYSTEM = """
[[system]]
id = "things"
name = "Things"
title = "Things"
description = "Things."
concept = [{code = "a", display = "A", definition = "An a."}, {code = "CODE", display = "B", definition = "A b."}]
[[selection]]
id = "CHOSEN"
name = "Chosen"
title = "Chosen"
description = "Chosen."
include = [{system = "http://x", codes = ["1", "LAST"]}]
[[naming]]
id = "number"
name = "Number"
description = "A number."
"""


@pytest.mark.parametrize(
    ("code", "chosen", "last", "key", "said"),
    [
        ("a", "chosen", "2", "things.concept", "holds 'a' twice"),
        ("b", "things", "2", "id", "holds 'things' twice"),
        ("b", "chosen", "1", "chosen.include", "holds '1' twice"),
        ("A b", "chosen", "2", "system.things.concept.1.code", "is not written as it must be"),
    ],
)
def test_a_fault_in_a_code_list_names_its_key(code: str, chosen: str, last: str, key: str, said: str) -> None:
    text = SYSTEM.replace("CODE", code).replace("CHOSEN", chosen).replace("LAST", last)
    with pytest.raises(InvalidContent) as caught:
        parse_terminology(text.encode())
    assert (caught.value.field, said in caught.value.message) == (f"terminology.toml:{key}", True)
