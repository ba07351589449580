"""The gate's reasons as they are gathered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from withness.core.terms import Acuity

SCREEN: Final = "screen"
"""The pseudo-domain of reasons that concern a whole screen."""


@dataclass(frozen=True)
class Finding:
    """One reason: `item` is the question's id within its domain, `why` a sentence without the answer's words."""

    domain: str
    item: str
    acuity: Acuity
    why: str

    def said(self) -> dict[str, str]:
        """Return the reason as JSON values."""
        return {"domain": self.domain, "item": self.item, "acuity": self.acuity.value, "why": self.why}


class Judgement:
    """Reasons as they are gathered."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.missing: list[str] = []
        self.conditions: list[str] = []
        self.expiries: list[datetime] = []
        self.by = SCREEN

    def add(self, domain: str, item: str, acuity: Acuity, why: str) -> None:
        """Add a reason; nothing is no reason."""
        if acuity is not Acuity.NONE:
            self.findings.append(Finding(domain, item, acuity, why))

    def unknown(self, domain: str, item: str, why: str, *, missing: str) -> None:
        """Add a reason that says what is missing."""
        self.add(domain, item, Acuity.UNKNOWN, why)
        self.missing.append(missing)
