"""The plans' rows inside one transaction, and the outbox of what is to be sent of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import select

from withness.store import schema
from withness.store.prepared import Prepared, given
from withness.store.rows import Delivery, OutboxRow, PlanRow, PlanState, Sending
from withness.store.sealed import Sealed, readable


class PlanRows(Sealed):
    """Plans, and what is sent of them: one row each, replaced as it moves."""

    # -- plans

    def put_plan(self, row: PlanRow) -> None:
        """Insert a plan or replace its state."""
        plain = (row.id, row.request_id, row.state.value, row.decision_id, row.updated_at)
        values = {**vars(row), "state": row.state.value, "content": self._close(row.content, "plan", *plain)}
        self._upsert(schema.plan, values, "id")

    def plan_of(self, request_id: str) -> PlanRow | None:
        """Return the plan that a request id made. Raises SealBroken when it does not open."""
        row = _PLAN_OF.first(self._connection, {"request": request_id})
        return self._plan(row) if row else None

    def plan(self, id: str) -> PlanRow | None:
        """Return one plan. Raises SealBroken when it does not open."""
        row = _PLAN.first(self._connection, {"plan": id})
        return self._plan(row) if row else None

    def plan_ids(self) -> tuple[str, ...]:
        """Return every plan's id, newest first, without opening any."""
        query = select(schema.plan.c.id).order_by(schema.plan.c.updated_at.desc(), schema.plan.c.id)
        return tuple(self._connection.execute(query).scalars())

    def _plan(self, row: Sequence[Any]) -> PlanRow:
        id, request_id, state, decision_id, updated_at, sealed = row
        content = self._open(sealed, "plan", id, request_id, state, decision_id, updated_at)
        return PlanRow(id, request_id, PlanState(state), decision_id, updated_at, content)

    def plan_states(self) -> dict[str, str]:
        """Return the state of every plan by id, without opening any."""
        return {row.id: row.state for row in self._connection.execute(select(schema.plan.c.id, schema.plan.c.state))}

    # -- outbox

    def put_outbox(self, row: OutboxRow) -> None:
        """Insert an outbox row or replace its state."""
        values = {**vars(row), "state": row.state.value, "kind": row.kind.value}
        values["content"] = self._close(row.content, "outbox", *(values[name] for name in _OUTBOX))
        self._upsert(schema.outbox, values, "decision_id")

    def outbox(self, decision_id: str) -> OutboxRow | None:
        """Return one outbox row. Raises SealBroken when it does not open: its columns are bound to it."""
        row = _OUTBOX_ROW.first(self._connection, {"decision": decision_id})
        if row is None:
            return None
        *values, sealed = row
        plain = dict(zip(_OUTBOX, values, strict=True))
        content = self._open(sealed, "outbox", *values)
        return OutboxRow(
            **{**plain, "kind": Sending(plain["kind"]), "state": Delivery(plain["state"])}, content=content
        )

    def directives(self, person: str) -> tuple[OutboxRow, ...]:
        """Return what was queued of this person's directive protocols; a row that does not open is the verifier's."""
        outbox = schema.outbox.c
        query = select(outbox.decision_id).where(outbox.kind == Sending.DIRECTIVE.value, outbox.plan_id == person)
        return readable(self.outbox, self._connection.execute(query).scalars().all())[0]

    def outbox_ids(self, *states: Delivery, plan: str | None = None, due: str | None = None) -> tuple[str, ...]:
        """Return the ids of the rows in one of `states`, oldest first, without opening any.

        `due` leaves out what is planned for later than that instant.
        """
        query = _outbox_ids(tuple(state.value for state in states), of_plan=plan is not None, due=due is not None)
        return tuple(query.scalars(self._connection, {"plan": plan, "due": due}))

    def outbox_kinds(self) -> dict[str, str]:
        """Return what every outbox row sends, by its id, without opening any."""
        columns = (schema.outbox.c.decision_id, schema.outbox.c.kind)
        return {row.decision_id: row.kind for row in self._connection.execute(select(*columns))}

    def outbox_states(self) -> dict[str, str]:
        """Return the state of every outbox row by decision id, without opening any."""
        columns = (schema.outbox.c.decision_id, schema.outbox.c.state)
        return {row.decision_id: row.state for row in self._connection.execute(select(*columns))}

    def outbox_ehrs(self) -> dict[str, str]:
        """Return the EHR that every outbox row is for by decision id, without opening any."""
        columns = (schema.outbox.c.decision_id, schema.outbox.c.ehr)
        return {row.decision_id: row.ehr for row in self._connection.execute(select(*columns))}


_PLAN: Final = Prepared(select(schema.plan).where(schema.plan.c.id == given("plan")))
_PLAN_OF: Final = Prepared(select(schema.plan).where(schema.plan.c.request_id == given("request")))
_OUTBOX_ROW: Final = Prepared(select(schema.outbox).where(schema.outbox.c.decision_id == given("decision")))
_OUTBOX: Final = ("decision_id", "kind", "plan_id", "ehr", "state", "attempts", "not_before", "approved_at")


@cache
def _outbox_ids(states: tuple[str, ...], *, of_plan: bool, due: bool) -> Prepared:
    outbox = schema.outbox.c
    query = select(outbox.decision_id).where(outbox.state.in_(states)).order_by(outbox.approved_at, outbox.decision_id)
    if of_plan:
        query = query.where(outbox.plan_id == given("plan"))
    if due:
        planned = (outbox.kind == Sending.CHANGE.value) & (outbox.not_before > given("due"))
        query = query.where(~planned)
    return Prepared(query)
