"""What every use case works with: settings, store, EHR, policy, templates, clock and ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from withness.audit import log
from withness.audit.record import Kind, Leaf, Record
from withness.core.acts import ActKind
from withness.core.catalogue import Catalogue
from withness.core.jurisdiction import Jurisdiction
from withness.core.risk import RiskPolicy
from withness.core.template import PlanTemplate
from withness.ehr.port import Ehr
from withness.errors import CannotTell, InvalidContent, PolicyRefused
from withness.packs.policy import SETTING, shipped_digest
from withness.settings import Settings
from withness.store.sql import CommitUnknown, Store, TryAgain
from withness.store.transaction import Transaction

if TYPE_CHECKING:
    from withness.core.claims import Claims
    from withness.core.language import LanguageRules
    from withness.core.note import NoteTemplate

T = TypeVar("T")

_TRIES: Final = 3
"""How often work is run that another transaction was in the way of."""

IN_FORCE: Final = "in-force"
"""Outcome of a record that a shipped policy came into force by itself."""

SAMPLE: Final = "sample"
"""The fact of a data directory that its people are made up; the trail's first record names it with the others."""

SITE_SIGNED: Final = ActKind.POLICY_SIGNED.value
"""Outcome of a record that a site's own policy was signed, and so came into force."""

SHIPPED_SIGNED: Final = "shipped-signed"
"""Outcome of a record that the return to the shipped policy was signed."""

HOW_TO_SIGN: Final = (
    "Somebody enrolled as policy-owner signs it: withness policy sign FILE --actor Practitioner/ID --key KEYFILE"
)


@dataclass(frozen=True)
class Actor:
    """Who acts: an assertion (`ref`), recorded with the operating system's user."""

    ref: str
    os_user: str


@dataclass(frozen=True)
class Context:
    """The means of the desk. `now` gives an aware time, `new_id` a fresh UUID.

    `repository` is the audit repository that is told of every record, None for none.
    """

    settings: Settings
    store: Store
    ehr: Ehr
    policy: RiskPolicy
    policy_bytes: bytes
    templates: Mapping[str, PlanTemplate]
    catalogue: Catalogue
    jurisdictions: Mapping[str, Jurisdiction]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    repository: Ehr | None = None

    # What only notes need is read when a note is first worked on: the gate never waits for it.

    @property
    def note_templates(self) -> Mapping[str, NoteTemplate]:
        """The note templates that can be used, a site's own included."""
        return self._noted[0]

    @property
    def note_faults(self) -> tuple[str, ...]:
        """What is wrong with those of the site's note templates that cannot be used."""
        return tuple(one.message for one in self._noted[1])

    @cached_property
    def _noted(self) -> tuple[Mapping[str, NoteTemplate], tuple[InvalidContent, ...]]:
        from withness.packs.note_templates import usable_note_templates

        return usable_note_templates(self.settings.packs)

    @cached_property
    def claims(self) -> Claims:
        """What documents for clients and payers must not say, and the honest statements. Raises InvalidContent."""
        from withness.packs.claims import load_claims

        return load_claims(self.settings.packs)

    @cached_property
    def language(self) -> LanguageRules:
        """What the language lint looks for. Raises InvalidContent."""
        from withness.packs.language import load_language

        return load_language(self.settings.packs)

    def commit(
        self, work: Callable[[Transaction], T], landed: Callable[[Transaction], bool], *, people: Iterable[str] = ()
    ) -> T:
        """Run `work` in one transaction and return its answer once that is durable.

        With `people` it may run beside others' work (see `Store.transaction`); whoever was in its way, it is run
        again, and then alone. A failed COMMIT is unknown until `landed` has looked the work up on a new connection
        (contracts I5). Raises CannotTell when the look-up fails too, or shows that nothing was saved.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._commit_once(work, landed, people)
            except TryAgain:
                people = ()
        return self._commit_once(work, landed, ())

    def _commit_once(
        self, work: Callable[[Transaction], T], landed: Callable[[Transaction], bool], people: Iterable[str]
    ) -> T:
        try:
            with self.store.transaction(people) as tx:
                answer = work(tx)
        except CommitUnknown:
            if self._look_up(landed):
                return answer
            raise CannotTell("The database refused the record; nothing was saved.", hint="Try again.") from None
        return answer

    def _look_up(self, landed: Callable[[Transaction], bool]) -> bool:
        """Whether a commit of unknown fate is durable. Raises CannotTell where that cannot be told."""
        try:
            with self.store.transaction() as tx:
                return landed(tx)
        except CannotTell:
            raise CannotTell(
                "The database could not confirm whether this was saved.",
                hint="Ask again when it answers: a request that was saved is told so, and none is saved twice.",
            ) from None

    def record(self, tx: Transaction, actor: Actor, at: datetime, *records: Record) -> tuple[Leaf, ...]:
        """Append audit records, the policy in force before them when it is not the last one recorded.

        Raises PolicyRefused when this desk's policy may not come into force: see `refuse_silent_change`.
        """
        tx.hold_end()
        if (
            tx.beside is not None
        ):  # others have recorded since `at` was taken: records stand in the order of their times
            at = max(at, self.now())
        first = []
        if tx.last_policy() != self.policy.digest:
            refuse_second_text(tx, self.policy)
            refuse_silent_change(tx, self.policy)
            tx.put_policy(self.policy.digest, self.policy.version, self.policy_bytes)
            first.append(
                Record(
                    kind=Kind.POLICY_CHANGED,
                    actor=actor.ref,
                    os_user=actor.os_user,
                    policy=self.policy.digest,
                    outcome=IN_FORCE,
                    details=policy_details(tx, self.policy),
                )
            )
        return log.append(tx, [*first, *records], at=at)[len(first) :]


def policy_details(tx: Transaction, policy: RiskPolicy) -> dict[str, Any]:
    """Return what a record of a policy that comes into force says about it."""
    return {"version": policy.version, "owner": policy.owner, "demo": policy.demo, "directory": tx.facts()}


def refuse_second_text(tx: Transaction, policy: RiskPolicy) -> None:
    """Raise PolicyRefused when the trail knows the policy's version with another text: one version is one text."""
    for digest, version in tx.policies().items():
        if version == policy.version and digest != policy.digest:
            raise PolicyRefused(
                f"The policy's text is not the one that this trail knows as version {version}.",
                field="version",
                hint="An edited policy needs a new version.",
            )


def refuse_silent_change(tx: Transaction, policy: RiskPolicy) -> None:
    """Raise PolicyRefused when `policy` would come into force unsigned, and may not.

    Only a shipped policy may, and never in the place of a site's own that was signed.
    """
    last = tx.policy_in_force()
    if last is not None and last.policy_hash == policy.digest:
        return
    version = tx.policies().get((last.policy_hash if last else None) or "", "unknown")
    if last is not None and last.outcome == SITE_SIGNED:
        raise PolicyRefused(
            f"The policy in force is version {version}, which its owner signed: version {policy.version} does not "
            "take its place without a new signature.",
            field=SETTING,
            hint=f"Set {SETTING} to the file of version {version}, or sign the change: withness policy sign FILE "
            "(--shipped for the shipped policy).",
        )
    if policy.digest != shipped_digest():
        raise PolicyRefused(
            f"Version {policy.version} of the policy is not in force: the audit trail says that {version} is.",
            field=SETTING,
            hint=HOW_TO_SIGN,
        )
