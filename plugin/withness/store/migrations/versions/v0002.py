"""The tree's full tiles, how far audit repositories were told, and the rows that PostgreSQL locks people by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from alembic import op
from sqlalchemy import Connection

from withness.audit.merkle import HASH_BYTES
from withness.audit.tiles import WIDTH, Tile, make_tile
from withness.store.migrations.statements import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the new tables, and the tiles of the records that are there."""
    connection = op.get_bind()
    run(connection, revision)
    for tile in tuple(_tiles(connection)):
        connection.exec_driver_sql(
            "INSERT INTO audit_tile (segment, level, number, root, hashes) VALUES (?, ?, ?, ?, ?)",
            (tile.segment, tile.level, tile.number, tile.root, tile.hashes),
        )


def _tiles(connection: Connection) -> Iterator[Tile]:
    """Yield the full tiles in the order in which they filled; where a record is missing a segment has no more."""
    asked = "SELECT segment, seq, leaf_hash FROM audit_leaf ORDER BY segment, seq"
    first = dict(tuple(row) for row in connection.exec_driver_sql("SELECT segment, first_seq FROM audit_head"))
    for segment, rows in groupby(connection.exec_driver_sql(asked), key=lambda row: row[0]):
        levels: list[list[bytes]] = [[]]
        for place, (_, seq, leaf) in enumerate(rows):
            if seq != first.get(segment, -1) + place or type(leaf) is not bytes or len(leaf) != HASH_BYTES:
                break
            levels[0].append(leaf)
            yield from _filled(segment, levels)


def _filled(segment: int, levels: list[list[bytes]]) -> Iterator[Tile]:
    """Yield the tiles that the newest hash has filled; a full one's root goes to the level above."""
    level = 0
    while levels[level] and len(levels[level]) % WIDTH == 0:
        number = len(levels[level]) // WIDTH - 1
        made = make_tile(segment, level, number, b"".join(levels[level][-WIDTH:]))
        yield made
        level += 1
        if level == len(levels):
            levels.append([])
        levels[level].append(made.root)
