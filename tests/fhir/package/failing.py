"""failing.toml: for every rule of every profile a passing example with one change, and what a validator says of it."""

from __future__ import annotations

import copy
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from withness.core.profile import BASE
from withness.fhir import codes

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "fhir_profiles" / "example"
Resource = dict[str, Any]


@dataclass(frozen=True)
class Failing:
    """`rule` is profile/rule, `example` the passing one it starts from, `says` what a validator says of it."""

    name: str
    rule: str
    example: str
    change: tuple[str, str, Any]
    says: tuple[str, ...]

    def resource(self) -> Resource:
        """Return the passing example with the one change."""
        kind, path, value = self.change
        changed = copy.deepcopy(passing(self.example))
        *steps, last = path.split(".")
        place = changed
        for step in steps:
            place = place[_key(step)]
        key = _key(last)
        if kind == "remove":
            del place[key]
        elif kind == "add":
            place.setdefault(key, []).append(value)
        else:
            place[key] = value
        return changed


def _key(step: str) -> Any:
    return int(step) if step.isdigit() else step


def passing(name: str) -> Resource:
    """Return a passing example as it is checked in."""
    found: Resource = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def load_failing() -> tuple[Failing, ...]:
    """Return every failing example, in the file's order."""
    text = (Path(__file__).parent / "failing.toml").read_text(encoding="utf-8").replace(BASE, codes.BASE)
    return tuple(_failing(one) for one in tomllib.loads(text)["failing"])


def _failing(one: dict[str, Any]) -> Failing:
    [kind] = {"remove", "put", "add"} & one.keys()
    path, value = (one[kind], None) if kind == "remove" else next(iter(one[kind].items()))
    assert kind == "remove" or len(one[kind]) == 1, one["name"]
    return Failing(one["name"], one["rule"], one["from"], (kind, path, value), tuple(one["says"]))
