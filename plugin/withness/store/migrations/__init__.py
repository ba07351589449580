"""The schema's revisions (Alembic): a data directory of an earlier release is brought up to this one when it is opened.

A revision is what it was: its tables are written down beside it (`versions/*.sql`), and never made from today's schema.
"""
