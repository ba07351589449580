"""The embedded local chart: what it keeps, what it refuses and what nobody can read off its files."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from withness.ehr.local import LocalChart
from withness.errors import CannotTell, Conflict, EhrRefused, SealBroken
from withness.seal import Seal

KEY = bytes(range(32))
NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
WORDS = (
    "I want somebody to get it",
    "أريد أن يفهمني أحد \u200f(حقًا)",
    "ฉันอยากให้ใครสักคนเข้าใจ",
    "e\u0301 is not \u00e9; \u212b is not \u00c5",  # two spellings that normalisation would make one
    "👩‍👩‍👧 \U0001f3f4\u200d\u2620\ufe0f",
    'say "no" \\ \u2028 </script> \t\r\n ${x} %s',
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "chart.sqlite3"


@pytest.fixture
def chart(path: Path) -> LocalChart:
    return LocalChart(path, Seal(KEY), lambda: NOON, wait=5)


def goal(words: str = "heard", id: str = "g1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Goal", "id": id, "description": {"text": words}, **more}


def put(resource: dict[str, Any], if_match: str | None = None) -> dict[str, Any]:
    request = {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    return {"resource": resource, "request": request if if_match is None else {**request, "ifMatch": if_match}}


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def files(path: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in path.parent.iterdir()}


def run(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start another process that knows this one's modules and a helper `chart_at`."""
    head = (
        "import os, sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from withness.ehr.local import LocalChart; from withness.seal import Seal\n"
        "def chart_at(path, seal=Seal):\n"
        "    return LocalChart(Path(path), seal(bytes(range(32))), lambda: datetime.now(UTC), wait=60)\n"
        "def put(id, words):\n"
        "    goal = {'resourceType': 'Goal', 'id': id, 'description': {'text': words}}\n"
        "    return {'resource': goal, 'request': {'method': 'PUT', 'url': 'Goal/' + id}}\n"
        "def bundle(*entries): return {'resourceType': 'Bundle', 'type': 'transaction', 'entry': list(entries)}\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", head + script, *map(str, arguments)]
    return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> int:
    _, errors = process.communicate(timeout=120)
    assert errors == ""
    return process.returncode


@pytest.mark.parametrize("words", WORDS)
def test_the_words_come_back_byte_for_byte(chart: LocalChart, words: str) -> None:
    """Catches: words normalised, escaped twice or re-encoded on their way through the chart."""
    chart.transact(bundle(put(goal(words))))
    stored = chart.read("Goal/g1")
    assert stored is not None
    assert stored.resource["description"]["text"].encode() == words.encode()


def test_no_file_of_the_chart_holds_plain_words(chart: LocalChart, path: Path) -> None:
    """Catches: a body written unsealed, into the table or into the write-ahead log (contracts I6)."""
    chart.transact(bundle(put(goal("first words"))))
    with closing(sqlite3.connect(path)) as reader:  # an open reader keeps the -wal file from being folded in
        reader.execute("BEGIN").execute("SELECT * FROM resource").fetchall()
        chart.transact(bundle(*(put(goal(words, f"w{index}")) for index, words in enumerate(WORDS))))
        found = files(path)
    assert {"chart.sqlite3", "chart.sqlite3-wal"} <= set(found)
    assert len(found["chart.sqlite3-wal"]) > 1000
    for name, content in found.items():
        assert b"resourceType" not in content, name
        for words in ("first words", *WORDS):
            assert words.encode() not in content, name
            assert json.dumps(words).strip('"').encode() not in content, name


def test_every_file_is_for_its_owner_alone(chart: LocalChart, path: Path) -> None:
    """Catches: the file made by SQLite itself, so with the umask's mode, and -wal and -shm after it."""
    before = os.umask(0)
    try:
        chart.transact(bundle(put(goal())))
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("BEGIN").execute("SELECT * FROM resource").fetchall()
            chart.transact(bundle(put(goal("other"))))
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert {"chart.sqlite3", "chart.sqlite3-wal", "chart.sqlite3-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_body_opens_only_in_its_own_row(chart: LocalChart, path: Path) -> None:
    """Catches: bodies not bound to Type/id/version, so that one resource could be passed off as another."""
    chart.transact(bundle(put(goal())))
    with closing(sqlite3.connect(path)) as intruder, intruder:
        intruder.execute("INSERT INTO resource SELECT type, 'g2', version, written_at, body FROM resource")
    with pytest.raises(SealBroken):
        chart.read("Goal/g2")
    assert chart.read("Goal/g1") is not None


def test_another_key_reads_nothing(chart: LocalChart, path: Path) -> None:
    """Catches: a sealed body that cannot be opened being taken for a resource that is not there."""
    chart.transact(bundle(put(goal())))
    with pytest.raises(SealBroken):
        LocalChart(path, Seal(bytes(32)), lambda: NOON).read("Goal/g1")


def test_asking_makes_no_file(chart: LocalChart, path: Path) -> None:
    """Catches: a chart created by a read, which would hide that the file has gone missing."""
    assert chart.read("Goal/g1") is None
    assert chart.history("Goal/g1") == []
    assert chart.search("Goal") == []
    assert not path.parent.exists()


def test_meta_says_version_and_time_and_nothing_else_changes(chart: LocalChart) -> None:
    """Catches: profiles lost from meta, a client's own versionId believed, or the caller's Bundle changed."""
    east = timezone(timedelta(hours=5, minutes=30))
    there = LocalChart(chart._path, Seal(KEY), lambda: NOON.astimezone(east))
    given = goal(meta={"profile": ["p"], "versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z"})
    before = json.dumps(given)
    assert [one.version for one in there.transact(bundle(put(given)))] == ["1"]
    assert json.dumps(given) == before
    stored = there.read("Goal/g1")
    assert stored is not None
    assert stored.version == "1"
    meta = {"profile": ["p"], "versionId": "1", "lastUpdated": "2026-11-21T12:00:00.123Z"}
    assert stored.resource == {**goal(), "meta": meta}


def test_the_same_content_again_makes_no_new_version(chart: LocalChart) -> None:
    """Catches: a retry that counts as a change, and a change (true for 1, another order) that counts as a retry."""
    chart.transact(bundle(put(goal("a", achieved=1, steps=["x", "y"]))))
    stored = chart.read("Goal/g1")
    assert stored is not None
    turned = dict(reversed(list(stored.resource.items())))
    for again in (goal("a", achieved=1, steps=["x", "y"]), dict(stored.resource), turned):
        assert chart.transact(bundle(put(again)))[0].version == "1"
    assert chart.transact(bundle(put(goal("a", achieved=True, steps=["x", "y"]))))[0].version == "2"
    assert chart.transact(bundle(put(goal("a", achieved=True, steps=["y", "x"]))))[0].version == "3"
    assert [one.version for one in chart.history("Goal/g1")] == ["3", "2", "1"]


@pytest.mark.parametrize("named", ["1", "3", "0", ""])
def test_if_match_with_another_version_is_a_conflict(chart: LocalChart, named: str) -> None:
    """Catches: ifMatch ignored, or compared with anything but the newest version."""
    chart.transact(bundle(put(goal("one"))))
    chart.transact(bundle(put(goal("two"))))
    with pytest.raises(Conflict):
        chart.transact(bundle(put(goal("three"), f'W/"{named}"')))
    assert len(chart.history("Goal/g1")) == 2
    assert chart.transact(bundle(put(goal("three"), 'W/"2"')))[0].version == "3"


@pytest.mark.parametrize("named", ["0", "1", "None"])
def test_if_match_on_what_is_not_there_is_a_conflict(chart: LocalChart, named: str) -> None:
    """Catches: an update of a vanished resource quietly becoming its creation."""
    with pytest.raises(Conflict):
        chart.transact(bundle(put(goal(), f'W/"{named}"')))
    assert chart.read("Goal/g1") is None


def test_a_conflict_at_the_end_undoes_the_beginning(chart: LocalChart) -> None:
    """Catches: entries committed one by one (contracts I1: the plan and its goals are one write)."""
    chart.transact(bundle(put(goal("kept"))))
    with pytest.raises(Conflict):
        chart.transact(bundle(put(goal("new", "g2")), put(goal("changed"), 'W/"9"')))
    assert chart.read("Goal/g2") is None
    assert len(chart.history("Goal/g1")) == 1


@pytest.mark.parametrize("fresh", [True, False])
def test_a_process_that_dies_between_two_entries_wrote_nothing(chart: LocalChart, path: Path, fresh: bool) -> None:
    """Catches: autocommit per entry; a chart that its first write's death leaves unusable."""
    if not fresh:
        chart.transact(bundle(put(goal("before"))))
    script = (
        "class Dying(Seal):\n"
        "    def close(self, plain, **place):\n"
        "        if b'last' in plain: os._exit(9)\n"
        "        return super().close(plain, **place)\n"
        "chart_at(sys.argv[1], Dying).transact(bundle(put('g1', 'after'), put('g2', 'last')))\n"
    )
    assert ended(run(script, path)) == 9
    assert chart.read("Goal/g2") is None
    assert len(chart.history("Goal/g1")) == (0 if fresh else 1)
    assert [one.version for one in chart.transact(bundle(put(goal("after")), put(goal("last", "g2"))))][1] == "1"


def test_an_answered_write_outlives_the_process(chart: LocalChart, path: Path) -> None:
    """Catches: an answer given before the commit."""
    assert ended(run("chart_at(sys.argv[1]).transact(bundle(put('g1', 'w'))); os._exit(9)", path)) == 9
    assert chart.read("Goal/g1") is not None


def test_two_processes_that_write_at_once_lose_nothing(chart: LocalChart, path: Path) -> None:
    """Catches: the newest version read before the write lock is held (two version 7), or a lock not waited for."""
    script = (
        "for n in range(50):\n"
        "    who = sys.argv[2]\n"
        "    chart_at(sys.argv[1]).transact(bundle(put(f'{who}-{n}', who), put('shared', f'{who} {n}')))\n"
    )
    both = [run(script, path, who) for who in ("left", "right")]
    assert [ended(one) for one in both] == [0, 0]
    history = chart.history("Goal/shared")
    assert [int(one.version) for one in history] == list(range(100, 0, -1))
    said = {one.resource["description"]["text"] for one in history}
    assert said == {f"{who} {n}" for who in ("left", "right") for n in range(50)}
    assert len(chart.search("Goal")) == 101


def test_a_commit_is_on_the_disk_before_the_answer(chart: LocalChart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: synchronous=NORMAL, which loses answered writes at a power cut (seen in 7 of 12 rounds)."""
    seen: list[tuple[Any, ...]] = []

    class Watched(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "COMMIT":
                for name in ("journal_mode", "synchronous"):
                    seen.append(super().execute(f"PRAGMA {name}").fetchone())
            return super().execute(statement, *values)

    monkeypatch.setattr("withness.ehr.local.sqlite3.connect", lambda *a, **k: _connect(*a, **k, factory=Watched))
    chart.transact(bundle(put(goal())))
    assert seen == [("wal",), (2,)]


_connect = sqlite3.connect


def test_a_failing_commit_is_never_called_written(chart: LocalChart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a COMMIT's error swallowed, or passed on as a traceback (contracts I5, exit 7)."""

    class Full(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(statement, *values)

    with monkeypatch.context() as patch:
        patch.setattr("withness.ehr.local.sqlite3.connect", lambda *a, **k: _connect(*a, **k, factory=Full))
        with pytest.raises(CannotTell):
            chart.transact(bundle(put(goal())))
    assert chart.read("Goal/g1") is None


@pytest.mark.parametrize("use", ["read", "search", "transact"])
def test_a_busy_chart_is_said_in_one_sentence(chart: LocalChart, path: Path, use: str) -> None:
    """Catches: a use of the file beside the lock (a closing reader checkpoints), or endless waiting."""
    chart.transact(bundle(put(goal())))
    hasty = LocalChart(path, Seal(KEY), lambda: NOON, wait=0.1)
    asked: dict[str, Any] = {"read": "Goal/g1", "search": "Goal", "transact": bundle(put(goal("x")))}
    with FileLock(f"{path}.lock"), pytest.raises(CannotTell) as caught:
        getattr(hasty, use)(asked[use])
    assert caught.value.message.count(".") == 1
    assert caught.value.exit_code == 7


def test_a_broken_file_is_not_an_empty_chart(chart: LocalChart, path: Path) -> None:
    """Catches: an unreadable chart answered as "not there", after which everything would be written again."""
    path.parent.mkdir()
    path.write_bytes(b"not a database at all " * 100)
    for use in (lambda: chart.read("Goal/g1"), lambda: chart.transact(bundle(put(goal())))):
        with pytest.raises(CannotTell):
            use()
    assert path.read_bytes().startswith(b"not a database")


def test_a_folder_in_the_files_place_is_not_an_empty_chart(chart: LocalChart, path: Path) -> None:
    """Catches: any OSError taken for a missing file."""
    path.mkdir(parents=True)
    with pytest.raises(CannotTell):
        chart.read("Goal/g1")


def test_a_place_where_no_file_can_be_made_is_said(path: Path) -> None:
    """Catches: an OSError as a traceback."""
    path.parent.write_text("a file where the folder should be")
    chart = LocalChart(path, Seal(KEY), lambda: NOON)
    for use in (lambda: chart.read("Goal/g1"), lambda: chart.transact(bundle(put(goal())))):
        with pytest.raises(CannotTell):
            use()


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 2", "PRAGMA application_id = 1"])
def test_another_programs_or_a_later_file_is_left_alone(chart: LocalChart, path: Path, statement: str) -> None:
    """Catches: writing into a file of another schema."""
    chart.transact(bundle(put(goal())))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)
    for use in (lambda: chart.read("Goal/g1"), lambda: chart.transact(bundle(put(goal("x"))))):
        with pytest.raises(CannotTell):
            use()


def test_a_foreign_database_is_left_alone(chart: LocalChart, path: Path) -> None:
    """Catches: our table made inside somebody else's SQLite file."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(CannotTell):
        chart.transact(bundle(put(goal())))


@pytest.mark.parametrize("statement", ["UPDATE resource SET version = 9", "DELETE FROM resource"])
def test_the_table_only_grows(chart: LocalChart, path: Path, statement: str) -> None:
    """Catches: the triggers missing."""
    chart.transact(bundle(put(goal())))
    with closing(sqlite3.connect(path)) as intruder, pytest.raises(sqlite3.IntegrityError):
        intruder.execute(statement)


def test_a_post_gets_an_id_and_references_follow_it(chart: LocalChart) -> None:
    """Catches: a client's id taken for a POST; references by urn:uuid left dangling; others touched."""
    name = "urn:uuid:0b1fdf6e-2f2c-4b6c-9d55-0a6f6f7d1a11"
    posted = {"fullUrl": name, "resource": goal(id="mine"), "request": {"method": "POST", "url": "Goal"}}
    links = [{"reference": name}, {"reference": "Patient/not-here"}, {"reference": "urn:uuid:unknown"}]
    plan = {"resourceType": "CarePlan", "id": "p1", "goal": links, "note": [{"text": name}]}
    written = chart.transact(bundle(put(plan), posted))
    assert written[0].reference == "CarePlan/p1"
    assert written[1].reference not in ("Goal/mine", "Goal/")
    stored, made = chart.read("CarePlan/p1"), chart.read(written[1].reference)
    assert stored is not None
    assert made is not None
    assert f"Goal/{made.resource['id']}" == written[1].reference
    assert [one["reference"] for one in stored.resource["goal"]] == [
        written[1].reference,
        "Patient/not-here",
        "urn:uuid:unknown",
    ]
    assert stored.resource["note"] == [{"text": name}]


def test_each_post_gets_an_id_of_its_own(chart: LocalChart) -> None:
    """Catches: an id given twice, so that the second POST is an edit of the first."""
    post = {"resource": goal(), "request": {"method": "POST", "url": "Goal"}}
    written = [*chart.transact(bundle(post, post)), *chart.transact(bundle(post))]
    assert len({one.reference for one in written}) == 3
    assert {one.version for one in written} == {"1"}


def test_search_gives_the_newest_versions_of_one_type(chart: LocalChart) -> None:
    """Catches: old versions or other types among the found."""
    flag = {"resourceType": "Flag", "id": "g1"}
    chart.transact(bundle(put(goal("old", "b")), put(goal("only", "a")), put(flag)))
    chart.transact(bundle(put(goal("new", "b"))))
    found = chart.search("Goal")
    assert [(one.resource["id"], one.resource["description"]["text"]) for one in found] == [("a", "only"), ("b", "new")]


SECRET = "the-clients-secret"


def entry(**changes: Any) -> dict[str, Any]:
    made = put(goal(SECRET))
    return {**made, "request": {**made["request"], **changes}}


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        {},
        [],
        {"resourceType": "Bundle", "type": "batch", "entry": []},
        {"resourceType": "Bundle", "type": "transaction", "entry": {}},
        bundle(None),  # type: ignore[arg-type]
        bundle({}),
        bundle({"resource": goal(SECRET)}),
        bundle({"request": {"method": "PUT", "url": "Goal/g1"}}),
        bundle(entry(method="DELETE")),
        bundle(entry(method="PATCH")),
        bundle(entry(method=["PUT"])),
        bundle(entry(url="Goal?identifier=x")),
        bundle(entry(url="Goal/g2")),
        bundle(entry(url="CarePlan/g1")),
        bundle(entry(url="Goal/g1/_history/1")),
        bundle(entry(url=None)),
        bundle(entry(ifNoneMatch="*")),
        bundle(entry(ifNoneExist="identifier=x")),
        bundle(entry(ifMatch="1")),
        bundle(entry(ifMatch=None)),
        bundle(entry(method="POST", url="Goal", ifMatch='W/"1"')),
        bundle(entry(), entry()),
        bundle({**entry(), "fullUrl": 7}),
        bundle(put(goal(SECRET, meta="x"))),
        bundle(put(goal(SECRET, x={1, 2}))),
        bundle(put(goal(SECRET, x=float("nan")))),
        bundle(put(goal(SECRET, "no spaces here"))),
    ],
)
def test_a_malformed_bundle_is_refused_in_one_sentence(chart: LocalChart, path: Path, malformed: Any) -> None:
    """Catches: a condition ignored instead of refused, a traceback, a sentence that repeats the words (I9)."""
    with pytest.raises(EhrRefused) as caught:
        chart.transact(malformed)
    assert caught.value.field or malformed in (None, {}, [])
    assert SECRET not in str(caught.value) + repr(caught.value.as_dict())
    assert not path.exists()


@pytest.mark.parametrize(
    "reference", ["", "Goal", "Goal/", "goal/1", "Goal/1/_history/2", "Goal/a b", "Goal/1\n", "../x"]
)
def test_a_reference_that_is_none_is_refused(chart: LocalChart, reference: str) -> None:
    """Catches: a mistyped reference answered as "not there"."""
    with pytest.raises(EhrRefused):
        chart.read(reference)


def test_an_empty_transaction_writes_nothing(chart: LocalChart) -> None:
    """Catches: a Bundle without entries failing."""
    assert chart.transact({"resourceType": "Bundle", "type": "transaction"}) == ()
    assert (chart.address, chart.loopback) == ("local", True)
