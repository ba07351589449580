"""Where a value that was filled in beforehand came from, and whether it is still as it was filled in.

```json
{"goals": {"from": "plan 5c1e…, version 2", "digest": "9f86d081884c7d65"}}
```
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from typing import Any, Final

_DIGITS: Final = 16
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PLAN: Final = re.compile(r"plan ([A-Za-z0-9\-.]{1,64}), version ([0-9]{1,9})")
_OTHER: Final = re.compile(
    rf"the chart, (?:(?:Patient|RelatedPerson)\.name|check-in of {_DAY})|the (?:gate|trail), {_DAY}"
)


def from_plan(id: str, version: str) -> str:
    """Return the origin of what a version of a plan holds."""
    return f"plan {id}, version {version}"


def from_chart_name(who: str) -> str:
    """Return the origin of a person's name, `who` such as Patient/1."""
    return f"the chart, {who.partition('/')[0]}.name"


def from_check_in(day: date) -> str:
    """Return the origin of what stands on a check-in."""
    return f"the chart, check-in of {day.isoformat()}"


def from_gate(day: date) -> str:
    """Return the origin of a recorded decision."""
    return f"the gate, {day.isoformat()}"


def from_trail(day: date) -> str:
    """Return the origin of a screen's record."""
    return f"the trail, {day.isoformat()}"


def is_origin(said: str) -> bool:
    """Whether this is one of the origins above: nothing else may stand on a page as one."""
    return bool(_PLAN.fullmatch(said) or _OTHER.fullmatch(said))


def plan_in(origin: str) -> tuple[str, str] | None:
    """Return id and version of the plan that an origin names, None for another origin."""
    found = _PLAN.fullmatch(origin)
    return (found[1], found[2]) if found else None


def value_digest(value: Any) -> str:
    """Return what tells a value that was changed since: a slip, not a forger, is found by it (64 bits of SHA-256)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
