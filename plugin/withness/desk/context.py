"""What every use case works with: settings, store, EHR, policy, templates, clock and ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from withness.audit import log
from withness.audit.record import Kind, Leaf, Record
from withness.core.catalogue import Catalogue
from withness.core.risk import RiskPolicy
from withness.core.template import PlanTemplate
from withness.ehr.port import Ehr
from withness.errors import CannotTell, PolicyRefused
from withness.settings import Settings
from withness.store.sql import CommitUnknown, Store
from withness.store.transaction import Transaction

T = TypeVar("T")


@dataclass(frozen=True)
class Actor:
    """Who acts: an assertion (`ref`), recorded with the operating system's user."""

    ref: str
    os_user: str


@dataclass(frozen=True)
class Context:
    """The means of the desk. `now` gives an aware time, `new_id` a fresh random uuid."""

    settings: Settings
    store: Store
    ehr: Ehr
    policy: RiskPolicy
    policy_bytes: bytes
    templates: Mapping[str, PlanTemplate]
    catalogue: Catalogue
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def commit(self, work: Callable[[Transaction], T], landed: Callable[[Transaction], bool]) -> T:
        """Run `work` in one transaction and return its answer once that is durable.

        A failed COMMIT is unknown until `landed` has looked the work up on a new connection (contracts I5).
        Raises CannotTell when the look-up fails too, or shows that nothing was saved.
        """
        try:
            with self.store.transaction() as tx:
                answer = work(tx)
        except CommitUnknown:
            with self.store.transaction() as tx:
                if landed(tx):
                    return answer
            raise CannotTell("The database refused the record; nothing was saved.", hint="Try again.") from None
        return answer

    def record(self, tx: Transaction, actor: Actor, at: datetime, *records: Record) -> tuple[Leaf, ...]:
        """Append audit records, the policy in force before them when it is not the last one recorded."""
        first = []
        if tx.last_policy() != self.policy.digest:
            self._refuse_second_text(tx)
            tx.put_policy(self.policy.digest, self.policy.version, self.policy_bytes)
            first.append(
                Record(
                    kind=Kind.POLICY_CHANGED,
                    actor=actor.ref,
                    os_user=actor.os_user,
                    policy=self.policy.digest,
                    outcome="in-force",
                    details={
                        "version": self.policy.version,
                        "owner": self.policy.owner,
                        "demo": self.policy.demo,
                        "directory": tx.facts(),
                    },
                )
            )
        return log.append(tx, [*first, *records], at=at)[len(first) :]

    def _refuse_second_text(self, tx: Transaction) -> None:
        """One version of a policy is one text: an edited one without a new version decides nothing."""
        for digest, version in tx.policies().items():
            if version == self.policy.version and digest != self.policy.digest:
                raise PolicyRefused(
                    "The policy was edited under a version that this trail knows with another text.", field="policy"
                )
