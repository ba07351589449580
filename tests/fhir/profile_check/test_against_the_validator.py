"""Against an independent validator: examples with one element gone or changed, and who finds it.

Whatever the validator calls an error is found by `ig check` too, but for what it always says it does not check; what
the validator passes is found wrong for a handful of reasons alone, in which `ig check` is the stricter one.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.fhir.package.failing import EXAMPLES, passing
from tests.servers.validator import Validator

from withness.fhir.profile_check.definitions import shipped
from withness.fhir.profile_check.inspection import inspect

SEED = 20261122
PASSING = sorted(path.stem for path in EXAMPLES.glob("*.json"))
NOT_OURS = (
    "Unknown code 'http",  # code systems that the package does not hold
    "us/core",  # US Core's profiles
    "us-core",
    "sub-extension",
    "linkId",  # answers against the Questionnaire
    "LinkId",
    "questionnaire",
    "items are out of order",
    "is not in the set of permitted values",
    "is less than the allowed minimum",
    "is not a valid Target",  # US Core's profile of an Observation, when that is all it has
)
"""Parts of the validator's sentences about what `ig check` says it does not check."""
STRICTER = (
    "is an empty list",
    "must be an absolute URI",
    "more than once",
    "must have a code of the value set",
    "has no code of the code system",
)
"""What `ig check` finds and the validator passes, or only warns of."""


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _gone(holder: Any, key: Any) -> None:
    del holder[key]


def _other(holder: Any, key: Any) -> None:
    value = holder[key]
    if isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int | float):
        holder[key] = -7
    elif isinstance(value, str):
        holder[key] = "Location/x" if key == "reference" else "zz-unknown"
    elif isinstance(value, list):
        holder[key] = [*value, copy.deepcopy(value[0])]
    else:
        holder[key] = {"text": "x"}


def _changed(name: str, place: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    resource: Any = passing(name)
    holder = resource
    for step in place[:-1]:
        holder = holder[step]
    change(holder, place[-1])
    return resource


@pytest.mark.campaign
def test_the_validator_and_ig_check_agree(
    validator: Validator, campaign: Callable[[int], int], figure: Callable[[str, int, str], None]
) -> None:
    """Catches a rule that `ig check` reads wrongly, either way."""
    chance = random.Random(SEED)  # noqa: S311  repeatable, not secret
    cases = [
        (name, place, change)
        for name in PASSING
        for place in _places(passing(name))
        if place != ("resourceType",)
        for change in (_gone, _other)
    ]
    chosen = chance.sample(cases, campaign(1000))
    missed, made_up = [], []
    for name, place, change in chosen:
        resource = _changed(name, place, change)
        theirs = [one.message for one in validator.errors(resource)]
        ours = [one.sentence() for one in inspect(resource, shipped())[0].problems]
        beyond = [one for one in theirs if not any(part in one for part in NOT_OURS)]
        if beyond and not ours:
            missed.append((name, place, change.__name__, beyond[0]))
        if ours and not theirs and not all(any(part in one for part in STRICTER) for one in ours):
            made_up.append((name, place, change.__name__, ours[0]))
    figure(
        "changed examples on which ig check and the validator agree", len(chosen), f"all but what is said; seed {SEED}"
    )
    assert not missed, missed
    assert not made_up, made_up
