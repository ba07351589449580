"""A store that was open when its process forked: the child opens it anew, and the parent goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_FORKS = """
import os, sys
from pathlib import Path
from tests.store.furnishing import AT, KEY, RECORD
from withness.audit.log import append
from withness.seal import Seal
from withness.store.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]), Seal(KEY))
store.set_up({"data_id": "x"})

def record():
    with store.transaction() as tx:
        append(tx, [RECORD], at=AT)

record()
for held in (False, True):
    if held:  # in the midst of a transaction of the parent's
        block = store.transaction()
        append(block.__enter__(), [RECORD], at=AT)
    child = os.fork()
    if child == 0:
        try:
            if held:
                import withness.store.sql as sql
                sql.LOCK_SECONDS = 0.2
                try:
                    record()
                except sql.CannotTell as error:
                    os._exit(0 if "busy" in error.message else 3)
                os._exit(4)
            record()
            store.close()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, held
    if held:
        block.__exit__(None, None, None)
    record()
with store.transaction() as tx:
    print(tx.count("audit_leaf"))
store.close()
"""


def test_parent_and_child_both_record(tmp_path: Path) -> None:
    """Planted: what the parent had open used in the child; a RuntimeError of the lock's was seen."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKS, str(tmp_path / "w.sqlite3")],
        cwd=Path(__file__).resolve().parents[2],
        env={"PYTHONPATH": "plugin:."},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr
