"""The schema of the first releases: SQLite only, and not stamped."""

from __future__ import annotations

from alembic import op

from withness.store.migrations.statements import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, their indexes and their triggers."""
    run(op.get_bind(), revision)
