"""Slices: who belongs where, how many of each, and what is said when it cannot be told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fhir.profile_check.makers import (
    SITE,
    Resource,
    code_system,
    element,
    found,
    goal,
    profile,
    refers,
    said,
    skipped,
    types,
    value_set,
)

RED, BLUE = ({"coding": [{"system": f"{SITE}/CodeSystem/colours", "code": one}]} for one in ("red", "blue"))
R4 = "http://hl7.org/fhir/StructureDefinition"


def sliced(*discriminators: tuple[str, str], rules: str = "open") -> Resource:
    told = [{"type": kind, "path": path} for kind, path in discriminators]
    return {"discriminator": told, "rules": rules}


def by_pattern(**slice: Any) -> Resource:
    return profile(
        element("Goal.category", slicing=sliced(("pattern", "$this"))),
        element("Goal.category:red", sliceName="red", patternCodeableConcept=RED, **slice),
    )


@pytest.mark.parametrize(
    ("slice", "categories", "why"),
    [
        ({"min": 1}, [BLUE], "has no red, and needs 1"),
        ({"min": 1}, [BLUE, RED], None),
        ({"min": 2}, [RED], "has 1 red, and needs 2"),
        ({"max": "1"}, [RED, BLUE, RED], "has red twice, and the profile allows once"),
        ({"max": "0"}, [RED], "has red once, and the profile allows none"),
        ({"max": "0"}, [BLUE], None),
    ],
)
def test_how_many_of_a_slice(slice: Resource, categories: list[Resource], why: str | None) -> None:
    """Planted: the base's cardinality asked instead of the slice's."""
    problems = said(found(by_pattern(**slice), goal(category=categories)))
    assert problems == ([("Goal.category", f"{why} (ours)")] if why else [])


def test_rules_inside_a_slice_hold_for_its_own_alone() -> None:
    definition = by_pattern()
    definition["snapshot"]["element"].append(element("Goal.category:red.text", min=1))
    problems = said(found(definition, goal(category=[BLUE, RED, {**RED, "text": "x"}])))
    assert problems == [("Goal.category[1].text", "is missing (ours)")]


def test_a_closed_slicing_allows_nothing_else() -> None:
    definition = by_pattern()
    definition["snapshot"]["element"][1]["slicing"]["rules"] = "closed"
    problems = said(found(definition, goal(category=[RED, BLUE])))
    assert problems == [("Goal.category[1]", "is none of the kinds that the profile allows here (ours)")]


def test_by_fixed_values_on_two_paths() -> None:
    """US Core's way: coding.code and coding.system, each fixed."""
    definition = profile(
        element("Goal.category", slicing=sliced(("value", "coding.code"), ("value", "coding.system"))),
        element("Goal.category:red", sliceName="red", min=1),
        element("Goal.category:red.coding", min=1),
        element("Goal.category:red.coding.system", fixedUri=f"{SITE}/CodeSystem/colours"),
        element("Goal.category:red.coding.code", fixedCode="red"),
    )
    assert said(found(definition, goal(category=[RED]))) == []
    other = {"coding": [{"system": "urn:x", "code": "red"}]}
    assert [path for path, _ in said(found(definition, goal(category=[other, BLUE])))] == ["Goal.category"]


def test_by_a_pattern_above_the_path() -> None:
    definition = profile(
        element("Goal.category", slicing=sliced(("value", "coding.code"))),
        element("Goal.category:red", sliceName="red", min=1, patternCodeableConcept=RED),
    )
    assert said(found(definition, goal(category=[RED]))) == []
    assert len(said(found(definition, goal(category=[BLUE])))) == 1


def test_by_fixed_values_below_the_path() -> None:
    definition = profile(
        element("Goal.target", slicing=sliced(("value", "measure"))),
        element("Goal.target:red", sliceName="red", min=1),
        element("Goal.target:red.measure"),
        element("Goal.target:red.measure.coding"),
        element("Goal.target:red.measure.coding.code", fixedCode="red"),
    )
    assert said(found(definition, goal(target=[{"measure": RED}]))) == []
    assert len(said(found(definition, goal(target=[{"measure": BLUE}])))) == 1


def test_by_a_required_binding() -> None:
    known = (code_system("red", "green"), value_set({"system": f"{SITE}/CodeSystem/colours"}))
    binding = {"strength": "required", "valueSet": f"{SITE}/ValueSet/colours"}
    definition = profile(
        element("Goal.category", slicing=sliced(("value", "$this"))),
        element("Goal.category:colour", sliceName="colour", max="1", binding=binding),
    )
    assert said(found(definition, goal(category=[RED, BLUE]), *known)) == []
    assert len(said(found(definition, goal(category=[RED, RED]), *known))) == 1


def test_by_existence() -> None:
    definition = profile(
        element("Goal.target", slicing=sliced(("exists", "measure"))),
        element("Goal.target:measured", sliceName="measured", min=1),
        element("Goal.target:measured.measure", min=1),
        element("Goal.target:open", sliceName="open", max="0"),
        element("Goal.target:open.measure", max="0"),
    )
    assert said(found(definition, goal(target=[{"measure": RED}]))) == []
    problems = said(found(definition, goal(target=[{"dueDate": "2026-01-01"}])))
    assert [why for _, why in problems] == [
        "has no measured, and needs 1 (ours)",
        "has open once, and the profile allows none (ours)",
    ]


def test_by_type_of_a_choice() -> None:
    definition = profile(
        element("Goal.start[x]", type=types("date", "CodeableConcept"), slicing=sliced(("type", "$this"))),
        element("Goal.start[x]:startDate", sliceName="startDate", type=types("date"), min=1),
    )
    assert said(found(definition, goal(startDate="2026-01-01"))) == []
    assert len(said(found(definition, goal(startCodeableConcept={"text": "x"})))) == 1


def test_by_type_behind_a_reference() -> None:
    definition = profile(
        element("Goal.addresses", slicing=sliced(("type", "resolve()"))),
        element("Goal.addresses:risk", sliceName="risk", min=1, type=types(refers(f"{R4}/RiskAssessment"))),
    )
    assert said(found(definition, goal(addresses=[{"reference": "RiskAssessment/r"}]))) == []
    assert len(said(found(definition, goal(addresses=[{"reference": "Condition/c"}])))) == 1
    findings = found(definition, goal(addresses=[{"identifier": {"value": "1"}}]))
    assert said(findings) == []
    assert len(skipped(findings)) == 1


def test_extensions_by_their_url() -> None:
    kind = {"code": "Extension", "profile": [f"{SITE}/StructureDefinition/window|1.0.0"]}
    definition = profile(
        element("Goal.extension", slicing=sliced(("value", "url"))),
        element("Goal.extension:window", sliceName="window", min=1, max="1", type=types(kind)),
    )
    one = {"url": f"{SITE}/StructureDefinition/window", "valueInteger": 4}
    assert said(found(definition, goal(extension=[{"url": "urn:x", "valueCode": "a"}, one]))) == []
    assert len(said(found(definition, goal(extension=[{"url": "urn:x", "valueCode": "a"}])))) == 1
    assert len(said(found(definition, goal(extension=[one, one])))) == 1


def test_by_what_an_extension_says() -> None:
    definition = profile(
        element("Goal.target", slicing=sliced(("value", "extension('urn:x:kind').value"))),
        element("Goal.target:long", sliceName="long", min=1),
        element("Goal.target:long.extension", slicing=sliced(("value", "url"))),
        element("Goal.target:long.extension:kind", sliceName="kind"),
        element("Goal.target:long.extension:kind.url", fixedUri="urn:x:kind"),
        element("Goal.target:long.extension:kind.value[x]", fixedCode="long", type=types("code")),
    )
    long = {"extension": [{"url": "urn:x:kind", "valueCode": "long"}]}
    short = {"extension": [{"url": "urn:x:kind", "valueCode": "short"}]}
    assert said(found(definition, goal(target=[long]))) == []
    assert len(said(found(definition, goal(target=[short])))) == 1


@pytest.mark.parametrize(
    "discriminator",
    [
        ("profile", "$this"),
        ("value", "resolve().code"),
        ("value", "text"),
        ("value", "coding.where(code = 'x')"),
        ("position", "$this"),
    ],
)
def test_a_discriminator_that_cannot_be_judged_is_said_and_its_slice_left_open(discriminator: tuple[str, str]) -> None:
    """Planted: taken as no match, so that a closed slicing refuses what it could not judge."""
    definition = profile(
        element("Goal.category", slicing=sliced(discriminator, rules="closed")),
        element("Goal.category:red", sliceName="red", min=1),
    )
    findings = found(definition, goal(category=[BLUE]))
    assert said(findings) == []
    assert skipped(findings) == ["slices whose discriminator cannot be judged here: Goal.category:red (ours)"]
