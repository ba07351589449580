"""A draft is put away by its author: marked, left out of the list, on record, and nothing of it deleted.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.system.notes import ROSA, TOM, make_note, saved, signed
from tests.system.site import CLINICIAN, SUPERVISOR, Site
from tests.system.test_the_trail_shows_every_edit import behind_our_back

from withness.errors import Conflict, InvalidInput, Refused

WHY = "zebra: begun for the wrong session"


def discard(site: Site, id: str, reason: str = WHY, actor: str = CLINICIAN) -> dict[str, Any]:
    """Discard a draft."""
    return site.desk.discard_note(id, reason=reason, actor=actor)


def test_it_leaves_the_list_and_nothing_is_deleted(site: Site) -> None:
    """Planted: the row deleted; the list as before; caught."""
    id, other = saved(site), saved(site)
    versions = site.desk.note(id)["versions"]
    done = discard(site, id)
    assert (done["note"], done["state"], done["version"]) == (id, "discarded", 1)
    assert [one["note"] for one in site.desk.notes()] == [other]
    assert {one["note"]: one["state"] for one in site.desk.notes(discarded=True)} == {id: "discarded", other: "draft"}
    found = site.desk.note(id)
    assert found["versions"] == versions
    assert [(one["version"], one["actor"], one["reason"]) for one in found["discarded"]] == [(1, CLINICIAN, WHY)]
    assert "Session note" in site.desk.render_note(id)
    site.desk.health()


def test_a_record_goes_to_the_trail_without_the_reason(site: Site) -> None:
    """I9. Planted: the reason in the record; caught. Of a couple it names nobody (I8)."""
    id = saved(site)
    discard(site, id)
    record = site.records()[-1]
    assert (record["kind"], record["outcome"], record["actor"], record["patient"]) == (
        "note.saved",
        "discarded",
        CLINICIAN,
        ROSA,
    )
    assert record["details"].keys() == {"note", "version", "note_state", "kept", "discarded"}
    assert "zebra" not in json.dumps(site.records())
    couple = make_note("couple-family-session", names={ROSA: "Rosalind", TOM: "Tomasz"})
    discard(site, site.desk.save_note(couple, actor=CLINICIAN)["note"])
    assert site.records()[-1]["patient"] is None


def test_the_same_once_more_answers_again(site: Site) -> None:
    """Planted: a second record; another reason taken for the first; caught."""
    id = saved(site)
    first = discard(site, id)
    before = site.records()
    assert discard(site, id) == first
    with pytest.raises(Conflict):
        discard(site, id, "Another reason.")
    assert site.records() == before


@pytest.mark.parametrize("who", [SUPERVISOR, "Practitioner/other"])
def test_only_its_own_author_discards_it_and_a_try_is_on_record(site: Site, who: str) -> None:
    """Planted: any clinician may; caught."""
    id = saved(site)
    with pytest.raises(Refused, match="own author"):
        discard(site, id, actor=who)
    assert (site.records()[-1]["outcome"], site.records()[-1]["reason"]) == ("refused", "not-the-author")
    assert site.desk.note(id)["state"] == "draft"


def test_a_note_that_was_signed_never_is(site: Site) -> None:
    """Nor while an amendment lies beside it. Planted: the state alone looked at; caught."""
    id = signed(site)["note"]
    for _ in range(2):
        with pytest.raises(InvalidInput, match="can never be discarded") as refused:
            discard(site, id)
        assert "withness note amend" in refused.value.hint
        if site.desk.note(id)["state"] == "signed":
            site.desk.amend_note(id, make_note(), reason="Another word.", actor=CLINICIAN)
    assert site.desk.note(id)["state"] == "amending"


def test_it_has_a_reason_and_there_is_such_a_note(site: Site) -> None:
    """Planted: an empty reason; caught."""
    for id, reason, field in ((saved(site), " \n", "reason"), ("5f0a3c1e-0000-4000-8000-000000000009", WHY, "ID")):
        with pytest.raises(InvalidInput) as refused:
            discard(site, id, reason)
        assert refused.value.field == field


def test_it_cannot_be_signed_and_is_taken_up_again_by_saving_it(site: Site) -> None:
    """Planted: signed as it lay there, into a chart; caught."""
    id = saved(site)
    discard(site, id)
    with pytest.raises(InvalidInput, match="was discarded") as refused:
        site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert "withness note save FILE --id ID" in refused.value.hint
    again = site.desk.save_note(make_note(), actor=CLINICIAN, note=id)
    assert (again["note"], again["state"], again["version"]) == (id, "draft", 2)
    assert [one["note"] for one in site.desk.notes()] == [id]
    discard(site, id, "Not needed after all.")
    site.desk.save_note(make_note(), actor=CLINICIAN, note=id)
    assert site.desk.sign_note(id, actor=CLINICIAN, shown="shown")["signed"]
    assert [one["version"] for one in site.desk.note(id)["discarded"]] == [1, 2]
    site.desk.health()
    assert site.console("audit", "verify").returncode == 0


def test_discarded_while_somebody_signs_it_is_not_signed(site: Site) -> None:
    """Another window discards it while the pages are made. Planted: the versions under the lock not asked; caught."""
    id = saved(site)
    real = site.context.now

    def meanwhile() -> Any:
        object.__setattr__(site.context, "now", real)
        discard(site, id)
        return real()

    object.__setattr__(site.context, "now", meanwhile)
    with pytest.raises((Conflict, InvalidInput), match="was discarded"):
        site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert site.desk.note(id)["state"] == "discarded"
    assert site.chart("DocumentReference") == []
    site.desk.health()


def test_a_repeated_request_is_told_that_it_was_discarded(site: Site) -> None:
    """Planted: "It can be signed." said of it; caught."""
    note = make_note()
    id = site.desk.save_note(note, actor=CLINICIAN)["note"]
    discard(site, id)
    again = site.desk.save_note(note, actor=CLINICIAN)
    assert (again["state"], "discarded" in again["sentence"], "--id ID" in again["hint"]) == ("discarded", True, True)


@pytest.mark.parametrize("what", ["reason", "gone", "more", "state"])
def test_an_edit_of_it_is_found(site: Site, what: str) -> None:
    """By somebody with the key, too. Planted: the digest not compared; caught."""
    id, other = saved(site), saved(site)
    discard(site, id)
    with site.context.store.transaction() as tx:
        row, untouched = tx.note(id), tx.note(other)
        assert row is not None
        assert untouched is not None
        match what:
            case "reason":
                row.content["discarded"][0]["reason"] = "Something else."
            case "gone":
                row.content["discarded"].clear()
            case "more":
                untouched = type(row)(other, row.kind, row.state, row.updated_at, untouched.content)
                untouched.content["discarded"] = row.content["discarded"]
        tx.put_note(row)
        tx.put_note(untouched)
    if what == "state":
        with behind_our_back(site) as database:
            database.execute("UPDATE note SET state = 'draft' WHERE id = ?", (id,))
    assert site.console("audit", "verify").returncode == 4


def test_the_console_puts_it_away_and_takes_it_up(site: Site) -> None:
    """The same file, saved again, is a request of its own then. Planted: answered as the first one; caught."""
    note = json.dumps(make_note())
    code, first = site.console_json("note", "save", "-", stdin=note)
    code, first = site.console_json("note", "save", "-", "--id", first["note"], stdin=note)
    done = site.console("note", "discard", first["note"], "--reason", WHY, "--actor", CLINICIAN)
    assert (done.returncode, "Discarded." in done.stdout) == (0, True)
    assert first["note"] not in site.console("note", "show").stdout
    assert first["note"] in site.console("note", "show", "--all").stdout
    assert WHY in site.console("note", "show", first["note"]).stdout
    code, again = site.console_json("note", "save", "-", "--id", first["note"], stdin=note)
    assert (code, again["state"], again["version"]) == (0, "draft", 3)
    refused = site.console("note", "discard", first["note"], "--reason", " ", "--actor", CLINICIAN)
    assert (refused.returncode, refused.stderr.startswith("--reason must say why")) == (2, True)
