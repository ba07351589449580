"""Day one: the plans that stood in the EHR before the gate, adopted by two people and due for review.

The signed act (`signed-off`, about the first signer) has the body

    {"ehr":"local","of_two":true,"plans":[{"person":"Patient/rosa","resource":"CarePlan/1","version":"3"}],
     "review_by":"2027-02-20","what":"baseline"}

One baseline for each EHR: what appears after it is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from withness.core.acts import ActKind
from withness.desk.acts import sound
from withness.desk.sign_off import recorded_sign_offs
from withness.store.rows import ActRow
from withness.store.transaction import Transaction

BASELINE: Final = "baseline"
"""What a baseline's act signs off."""

REVIEWED: Final = "findings"
"""What an act signs off that names findings as reviewed: its body's `findings` are their ids."""

REVIEW_DAYS: Final = 90
"""Days until adopted plans are to be reviewed, where nothing else is asked for."""


@dataclass(frozen=True)
class Adopted:
    """A plan that a baseline adopted: whose, the version that stood then, and by which day it is to be reviewed."""

    person: str | None
    version: str
    review_by: str
