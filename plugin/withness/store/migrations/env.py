"""Runs the revisions on the connection at hand, in its transaction: all of them, or none."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
