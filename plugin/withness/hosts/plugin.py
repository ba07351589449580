"""What an EHR host finds under the entry point group `ehr.plugins`: the risk gate as a plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from withness import __version__
from withness.desk.front import Desk
from withness.errors import EhrUnavailable, Held
from withness.settings import Settings
from withness.wiring import load

CAPABILITY: Final = "risk_gate"
ENFORCEMENT: Final = "transactional"
"""The host's own save goes through `save`, which writes or raises: nothing is advice here."""


@dataclass(frozen=True)
class Plugin:
    """The plugin as a host holds it: what it is, whether it is well, and the save that vetoes by raising."""

    name: str
    version: str
    provides: tuple[str, ...]
    enforcement: str
    desk: Desk

    def health(self) -> dict[str, Any]:
        """Return what the gate stands on. Raises a WithnessError when it is not well: the host must not start."""
        return self.desk.health()

    def save(self, draft: Mapping[str, Any], *, actor: str | None = None) -> dict[str, Any]:
        """Save a plan or raise: Held when the gate holds, EhrUnavailable when it is approved and waits.

        `Held.answer` has the findings, the protocol's steps and the working copy.
        """
        answer = self.desk.save(draft, actor=actor)
        if answer["saved"] is True:
            return answer
        if answer["delivery"] in ("waiting", "sending", "refused"):
            raise EhrUnavailable(
                answer["trouble"] or "The plan is approved and waits for the EHR.", hint="Run: withness sync"
            )
        raise Held(answer["trouble"] or answer["sentence"], answer=answer)


def register(settings: Settings | None = None) -> Plugin:
    """Load the plugin. Raises a WithnessError when it cannot be loaded: fail at start-up, never later."""
    return Plugin(
        name="withness", version=__version__, provides=(CAPABILITY,), enforcement=ENFORCEMENT, desk=load(settings)
    )
