"""What leads on where the log falls short of what was published, for whoever runs Withness: one place says it.

Records were cut off, or an older copy was put back; or another copy of the directory has taken over. Only people know
which: so nothing here goes on by itself.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from withness.audit.check import but_for_a_loss
from withness.store.sql import Store


@dataclass(frozen=True)
class WayOn:
    """What is said, the command as it is typed, and which other copy publishes in this one's place ("" for none)."""

    says: str
    command: str
    other_copy: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.says} {self.command}"

    def as_dict(self) -> dict[str, str | None]:
        """Return it as a JSON-ready mapping."""
        return {**asdict(self), "other_copy": self.other_copy or None}


def at(home: Path) -> str:
    """Return the option that names a data directory, as it is typed anywhere."""
    return f"--home {shlex.quote(str(home.absolute()))}"


def taking_over(home: Path) -> str:
    """Return the command by which a directory takes over from the copy that publishes now."""
    return f"withness audit checkpoint --take-over --yes {at(home)}"


def acknowledging(home: Path, *, take_over: bool) -> str:
    """Return the command with which two people acknowledge what is lost, as it is typed."""
    more = " --take-over" if take_over else ""
    return (
        f"withness restore --acknowledge{more} {at(home)} "
        "--actor Practitioner/ID --key FILE --second Practitioner/ID --second-key FILE"
    )


def way_on(store: Store, home: Path) -> WayOn | None:
    """Return what leads on where the log falls short of a published checkpoint and of nothing else, None elsewhere.

    A copy that is damaged by itself is never acknowledged. That another copy is the live one is told all the same.
    """
    publisher = store.publisher
    if publisher is None:
        return None
    with store.transaction() as tx:
        if tx.anchor_damage(prove=True) is None:
            return None
        damaged = bool(but_for_a_loss(tx))
    try:
        other = publisher.folder.other()
    except (OSError, ValueError):
        other = ""
    command = acknowledging(home, take_over=bool(other))
    if damaged and not other:
        return None
    if not other:
        said = "If somebody restored an older copy on purpose, two people acknowledge what is lost:"
        return WayOn(said, command)
    said = (
        f"Another copy of this data directory, {other}, publishes its checkpoints into {publisher.folder.path}: it has "
        "taken over, and this directory is no longer the live one. Go on with that one. If this one is to be the live "
        "one again, two people acknowledge what it does not have, and it takes over:"
    )
    return WayOn(said, command, other)
