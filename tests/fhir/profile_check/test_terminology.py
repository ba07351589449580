"""Codes and value sets from the artefacts at hand: in, out, or not to be told here."""

from __future__ import annotations

import pytest
from tests.fhir.profile_check.makers import SITE, Resource, code_system, value_set

from withness.fhir.profile_check.definitions import Definitions
from withness.fhir.profile_check.terminology import coding_wrong, member

SYSTEM = f"{SITE}/CodeSystem/colours"
SET = f"{SITE}/ValueSet/colours"
TREE = code_system(
    id="tree",
    concept=[{"code": "plant", "concept": [{"code": "rose", "concept": [{"code": "wild-rose"}]}]}, {"code": "stone"}],
)


def asked(
    include: list[Resource], code: str, *, system: str | None = SYSTEM, exclude: tuple[Resource, ...] = ()
) -> bool | None:
    others = [code_system("red", "green"), TREE, value_set({"system": SYSTEM}, id="all")]
    return member(Definitions([*others, value_set(*include, exclude=exclude)]), SET, system, code)


def below(op: str, value: str = "plant") -> Resource:
    return {"system": f"{SITE}/CodeSystem/tree", "filter": [{"property": "concept", "op": op, "value": value}]}


@pytest.mark.parametrize(
    ("include", "code", "expected"),
    [
        ([{"system": SYSTEM}], "red", True),
        ([{"system": SYSTEM}], "blue", False),
        ([{"system": SYSTEM, "concept": [{"code": "red"}]}], "red", True),
        ([{"system": SYSTEM, "concept": [{"code": "red"}]}], "green", False),
        ([{"system": "urn:x"}], "red", False),
        ([{"system": SYSTEM, "version": "9"}], "red", None),
        ([{"valueSet": [f"{SITE}/ValueSet/all"]}], "red", True),
        ([{"valueSet": [f"{SITE}/ValueSet/all"]}], "blue", False),
        ([{"valueSet": [f"{SITE}/ValueSet/all"], "system": SYSTEM, "concept": [{"code": "red"}]}], "green", False),
        ([{"valueSet": ["urn:elsewhere"]}], "red", None),
        ([{"valueSet": ["urn:elsewhere"]}, {"system": SYSTEM}], "red", True),
        ([{"valueSet": [SET]}], "red", None),
        ([], "red", False),
    ],
)
def test_includes_are_joined_and_what_one_names_is_intersected(
    include: list[Resource], code: str, expected: bool | None
) -> None:
    assert asked(include, code) is expected


@pytest.mark.parametrize(
    ("include", "code", "expected"),
    [
        (below("is-a"), "plant", True),
        (below("is-a"), "wild-rose", True),
        (below("descendent-of"), "plant", False),
        (below("descendent-of"), "rose", True),
        (below("is-a"), "stone", False),
        (below("is-a", "nothing"), "rose", None),
        (below("regex"), "rose", None),
    ],
)
def test_filters_on_the_hierarchy(include: Resource, code: str, expected: bool | None) -> None:
    assert asked([include], code, system=f"{SITE}/CodeSystem/tree") is expected


def test_what_is_excluded_is_out() -> None:
    only_green = ({"system": SYSTEM, "concept": [{"code": "red"}]},)
    assert asked([{"system": SYSTEM}], "red", exclude=only_green) is False
    assert asked([{"system": SYSTEM}], "green", exclude=only_green) is True
    assert asked([{"system": SYSTEM}], "green", exclude=({"valueSet": ["urn:elsewhere"]},)) is None


def test_a_code_alone_counts_where_its_element_has_no_system() -> None:
    assert asked([{"system": SYSTEM}], "red", system=None) is True
    assert asked([{"system": SYSTEM}], "blue", system=None) is False


def test_a_system_that_is_not_complete_tells_nothing() -> None:
    part = code_system("red", content="fragment")
    known = Definitions([part, value_set({"system": SYSTEM})])
    assert member(known, SET, SYSTEM, "blue") is None
    assert coding_wrong(known, {"system": SYSTEM, "code": "blue"}) is None


@pytest.mark.parametrize(
    ("coding", "why"),
    [
        ({"system": SYSTEM, "code": "red"}, None),
        ({"system": SYSTEM, "code": "red", "display": "RED"}, None),
        ({"system": SYSTEM, "code": "red", "display": "rot"}, None),
        ({"system": SYSTEM, "code": "red", "display": "green"}, None),
        ({"system": SYSTEM, "code": "blue"}, "a code that"),
        ({"system": "urn:x", "code": "blue"}, None),
        ({"system": SYSTEM}, "no code"),
        ({"system": SYSTEM, "code": ["red"]}, "a code that"),
        ({"system": 3, "code": ["red"]}, None),
    ],
)
def test_codes_of_our_own_code_systems(coding: Resource, why: str | None) -> None:
    found = coding_wrong(Definitions([code_system("red")]), coding)
    assert (found is None) if why is None else why in str(found)
