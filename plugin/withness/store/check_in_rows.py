"""The check-ins' rows inside one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, insert, select

from withness.store import schema
from withness.store.rows import CheckInRow
from withness.store.sealed import Sealed, readable


class CheckInRows(Sealed):
    """Check-ins: appended, and never changed."""

    def put_check_in(self, id: str, person: str, content: Mapping[str, Any]) -> None:
        """Append a check-in."""
        number = (self._connection.execute(select(func.max(schema.check_in.c.number))).scalar() or 0) + 1
        sealed = self._close(content, "check_in", id, person, number)
        values = {"number": number, "id": id, "person": person, "content": sealed}
        self._connection.execute(insert(schema.check_in), values)

    def check_in(self, id: str) -> CheckInRow | None:
        """Return one check-in. Raises SealBroken when it does not open."""
        row = self._connection.execute(select(schema.check_in).where(schema.check_in.c.id == id)).first()
        if row is None:
            return None
        content = self._open(row.content, "check_in", row.id, row.person, row.number)
        return CheckInRow(row.number, row.id, row.person, content)

    def check_ins(self, person: str) -> tuple[tuple[CheckInRow, ...], bool]:
        """Return a person's check-ins that open, in order of recording, and whether all of them do."""
        check_in = schema.check_in.c
        query = select(check_in.id).where(check_in.person == person).order_by(check_in.number)
        return readable(self.check_in, self._connection.execute(query).scalars().all())

    def check_in_ids(self) -> tuple[tuple[str, str], ...]:
        """Return id and person of every check-in, without opening any."""
        query = select(schema.check_in.c.id, schema.check_in.c.person).order_by(schema.check_in.c.number)
        return tuple((row.id, row.person) for row in self._connection.execute(query))
