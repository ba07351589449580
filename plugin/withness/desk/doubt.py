"""What is said where nobody can tell whether the log is the one that was published, or who publishes it."""

from __future__ import annotations

from typing import Final

from withness.audit import log
from withness.audit.publishing import Publisher
from withness.desk.telling import FOR_IT, SAVED_AS_EVER
from withness.errors import CannotTell
from withness.store.transaction import Transaction

_COPY: Final = "Another copy of this data directory publishes its checkpoints, or it was moved"
_TAKE_OVER: Final = "If this is the live one now, run: withness audit checkpoint --take-over"


def refuse_in_doubt(tx: Transaction) -> None:
    """Raise CannotTell where nothing is known to be wrong, and nobody can tell whether the log is the published one."""
    doubt = only_doubt(tx)
    if doubt is not None:
        raise cannot_tell(doubt, f"{SAVED_AS_EVER} {FOR_IT} ")


def only_doubt(tx: Transaction) -> log.Doubt | None:
    """Return why nobody can tell whether the log is the published one, None where they can or something is wrong."""
    doubt = tx.doubt()
    return doubt if doubt is not None and not log.hurt(tx) else None


def in_doubt(tx: Transaction) -> str:
    """Return in one sentence that the log, or what it gains, cannot be held against what is published, "" else."""
    doubt = tx.doubt()
    return sentence_of(doubt) if doubt is not None else elsewhere(tx)


def elsewhere(tx: Transaction) -> str:
    """Return in one sentence that what is recorded here is published by nobody, "" where it is."""
    said = f"{_COPY}: what is recorded here since then is published nowhere, and nobody would see that it went."
    return f"{said} {_TAKE_OVER}" if tx.published_elsewhere() else ""


def sentence_of(doubt: log.Doubt) -> str:
    """Return a doubt in one sentence."""
    return f"{doubt.what}, so nobody can tell whether the log is the one that was published."


def cannot_tell(doubt: log.Doubt, before: str = "") -> CannotTell:
    """Return a doubt as an error; `before` stands before what to do."""
    return CannotTell(sentence_of(doubt), field=doubt.field, hint=f"{before}{doubt.hint}")


def require_own(publisher: Publisher) -> None:
    """Raise CannotTell in a copy, or where nobody can tell: its log may go on in another way than the live one's.

    Whatever it signs would be held against the live log as a second story.
    """
    try:
        own = publisher.folder.owned()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        said = f"Whose folder of checkpoints it is cannot be read, so nothing is signed: {why}."
        raise CannotTell(said, field="WITHNESS_CHECKPOINT_FOLDER") from None
    if not own:
        said = f"{_COPY}: nothing is signed here, where the log may go on in another way than there."
        raise CannotTell(said, field="WITHNESS_HOME", hint=f"Ask the live one. {_TAKE_OVER}")
