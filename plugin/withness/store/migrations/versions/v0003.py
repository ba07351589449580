"""Indexes by which a save finds what concerns it, however much was saved before."""

from __future__ import annotations

from alembic import op

from withness.store.migrations.statements import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the new indexes, on either engine."""
    run(op.get_bind(), revision)
