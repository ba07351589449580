"""The two documents that carry the plan itself are saved and signed from a released plan only (I7).

Before that they are previews that say so, and nothing of them is kept. A plan that goes on hold after the signature
stops its letter on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.system.notes import ROSA, TOM, documents, make_note, released_plan, saved, texts
from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import Conflict, EhrUnavailable, InvalidInput

CARRYING = ("plan-for-client", "medical-necessity")
PREVIEW = "PREVIEW – not released"
ACUTE = {"suicide.now": "yes"}


def held(site: Site) -> str:
    """A working copy."""
    site.screen(answers={"eating.rapid-loss": None})
    return str(site.save()["plan"])


def closed(site: Site) -> str:
    """A plan that is over."""
    plan = released_plan(site)
    site.desk.close_plan(plan, how="completed", reason="Done.", actor=CLINICIAN)
    return plan


def on_hold(site: Site) -> str:
    """A plan that an acute screen has paused."""
    plan = released_plan(site)
    site.pass_time(minutes=5)
    site.screen(answers=ACUTE)
    assert site.plan_status() == "on-hold"
    return plan


def waiting(site: Site) -> str:
    """A plan that the EHR has not got yet."""
    site.remote()
    site.screen()
    with away(site):
        return str(site.save()["plan"])


def withheld(site: Site) -> str:
    """A plan that a newer screen withheld on its way."""
    plan = waiting(site)
    site.pass_time(minutes=5)
    site.screen(answers={"eating.rapid-loss": None})
    assert site.desk.sync(actor=CLINICIAN)["withheld"] == 1
    return plan


class away:
    """The EHR takes nothing while the block runs."""

    def __init__(self, site: Site) -> None:
        self.site, self.real = site, site.context.ehr.transact

    def __enter__(self) -> None:
        self.site.context.ehr.transact = self.refuse  # type: ignore[method-assign,assignment]

    def __exit__(self, *_: object) -> None:
        self.site.context.ehr.transact = self.real  # type: ignore[method-assign]

    def refuse(self, _: object) -> None:
        raise EhrUnavailable("The EHR did not answer.")


NOT_RELEASED: dict[str, Callable[[Site], str]] = {
    "held": held,
    "waiting": waiting,
    "withheld": withheld,
    "on hold": on_hold,
    "closed": closed,
}


@pytest.mark.parametrize("template", CARRYING)
@pytest.mark.parametrize("state", NOT_RELEASED)
def test_it_is_not_saved_while_the_plan_is_not_released(site: Site, template: str, state: str) -> None:
    """Exit 3, one sentence, nothing kept, and the attempt on record.

    Planted: a plan's mere existence taken for its release; a paused share; a closed one; each caught.
    """
    plan = NOT_RELEASED[state](site)
    note = make_note(template, plan=plan)
    answer = site.desk.save_note(note, actor=CLINICIAN)
    assert (answer["saved"], answer["state"], answer["note"]) == (False, "held", None)
    assert "not released" in answer["sentence"]
    assert "render" in answer["hint"]
    assert site.desk.notes(actor=CLINICIAN) == []
    assert documents(site) == []
    [record] = [one for one in site.records() if one["outcome"] == "held" and one["kind"] == "note.saved"]
    assert (record["reason"], record["details"]["plan"]) == ("plan-not-released", plan)
    assert PREVIEW in site.desk.render_note(note, format="text")
    assert PREVIEW in site.desk.render_note(note, format="html")
    site.desk.health()


def test_the_console_says_it_by_exit_3(site: Site, tmp_path: Path) -> None:
    """And shows the preview instead."""
    file = tmp_path / "letter.json"
    file.write_text(json.dumps(make_note("plan-for-client", plan=held(site))), encoding="utf-8")
    done = site.console("note", "save", str(file), "--actor", CLINICIAN)
    assert done.returncode == 3
    assert "is not released now, so the document is not saved" in done.stdout
    assert PREVIEW in site.console("note", "render", str(file)).stdout


@pytest.mark.parametrize("template", CARRYING)
def test_from_a_released_plan_it_is_in_the_chart_beside_the_plan(site: Site, template: str) -> None:
    """It points at the CarePlan and goals, and bears no preview mark. Planted: always a preview; caught."""
    plan = released_plan(site)
    done = site.desk.sign_note(saved(site, template, plan=plan), actor=CLINICIAN, shown="shown")
    assert done["delivery"] == {ROSA: "delivered"}
    [document] = documents(site)
    assert not any(PREVIEW in one for one in texts(document).values())
    related = [one["reference"] for one in document["context"]["related"]]
    [care_plan] = site.care_plans()
    assert related[0] == f"CarePlan/{care_plan['id']}"
    assert set(related[1:]) == {one["reference"] for one in care_plan["goal"]}


@pytest.mark.parametrize("plan", [None, "5f0a3c1e-0000-4000-8000-000000000009"])
def test_it_names_the_plan_that_it_carries(site: Site, plan: str | None) -> None:
    """Planted: a letter without a plan taken for one that carries nothing; caught."""
    released_plan(site)
    with pytest.raises(InvalidInput) as refused:
        site.desk.save_note(make_note("plan-for-client", plan=plan), actor=CLINICIAN)
    assert refused.value.field == "plan"


def test_another_persons_plan_is_no_plan(site: Site) -> None:
    """Planted: the members not compared; caught."""
    site.screen(TOM)
    plan = site.save(make_draft(TOM))["plan"]
    with pytest.raises(InvalidInput) as refused:
        site.desk.save_note(make_note("plan-for-client", plan=plan), actor=CLINICIAN)
    assert refused.value.field == "plan"


def test_a_plan_that_is_paused_before_the_signature_holds_it(site: Site) -> None:
    """Looked at again under the lock that the signature is written under. Planted: only the save asks; caught."""
    id = saved(site, "plan-for-client", plan=released_plan(site))
    site.pass_time(minutes=5)
    site.screen(answers=ACUTE)
    done = site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert (done["signed"], done["state"]) == (False, "held")
    assert site.console("note", "sign", id, "--shown", "shown", "--actor", CLINICIAN).returncode == 3
    assert site.desk.note(id)["state"] == "draft"
    assert documents(site) == []


def test_a_plan_that_is_paused_between_signature_and_delivery_stops_it(site: Site) -> None:
    """Withheld for good, recorded, exit 3; amended and signed once the plan is released again, it arrives.

    Planted: the look before sending left out; caught.
    """
    site.remote()
    plan = released_plan(site)
    id = saved(site, "plan-for-client", plan=plan)
    with away(site):
        done = site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert (done["signed"], done["delivery"]) == (True, {ROSA: "sending"})
    site.pass_time(minutes=5)
    site.screen(answers=ACUTE)
    synced = site.desk.sync(actor=CLINICIAN)
    assert (synced["noted"], synced["withheld"], synced["waiting"]) == (0, 1, 0)
    assert "not released any more" in " ".join(synced["troubles"])
    assert documents(site) == []
    outcomes = [one["outcome"] for one in site.records() if one["kind"] == "note.saved"]
    assert outcomes[-1] == "withheld-plan-not-released"
    assert site.desk.notes()[0]["delivery"] == {ROSA: "withheld"}
    site.desk.health()


def test_one_that_may_have_arrived_is_never_called_withheld(site: Site) -> None:
    """Its fate is looked up first. Planted: withheld before the look-up; caught."""
    site.remote()
    id = saved(site, "plan-for-client", plan=released_plan(site))
    real = site.context.ehr.transact

    def taken_and_silent(bundle: Any) -> Any:
        real(bundle)
        raise EhrUnavailable("The EHR did not answer.")

    site.context.ehr.transact = taken_and_silent  # type: ignore[method-assign]
    site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    site.context.ehr.transact = real  # type: ignore[method-assign]
    site.pass_time(minutes=5)
    site.screen(answers=ACUTE)
    synced = site.desk.sync(actor=CLINICIAN)
    assert (synced["noted"], synced["withheld"]) == (1, 0)
    assert len(documents(site)) == 1


COUPLE = (ROSA, TOM)
REASONS: dict[str, Any] = {
    "unscreened": None,
    "incomplete": {"eating.rapid-loss": None},
    "elevated": {"violence.controlled": "yes"},
    "acute": {"violence.afraid": "yes"},
}


def test_of_a_couple_the_letter_says_nothing_about_why(tmp_path: Path) -> None:
    """I8: the same answer, console and record, whatever keeps the couple's plan back.

    Planted: the decision's sentence in the answer; "acute" against "unscreened" caught it.
    """
    seen = []
    for number, answers in enumerate(REASONS.values()):
        with Site(tmp_path / f"home{number}", tmp_path / f"{number}.key") as site:
            site.screen(ROSA, encounter="Encounter/e1")
            if answers is not None:
                site.screen(TOM, encounter="Encounter/e1", answers=answers)
            plan = site.save(make_draft(*COUPLE))["plan"]
            note = make_note("plan-for-client", plan=plan)
            answer = site.desk.save_note(note, actor=CLINICIAN)
            console = site.console("note", "save", "-", "--actor", CLINICIAN, stdin=json.dumps(note))
            record = site.records()[-1]
            said = (record["outcome"], record["reason"], sorted(record["details"]), record["patient"])
            seen.append((answer, console.stdout, console.stderr, console.returncode, said))
    assert all(one == seen[0] for one in seen)
    assert seen[0][3] == 3


def test_the_others_hold_stops_nobodys_own_letter(site: Site) -> None:
    """Only the charts concerned count: Tom's share is paused, and Rosa's letter is not a word about it.

    Planted: the whole plan asked for one member's letter; caught.
    """
    for who in COUPLE:
        site.screen(who, encounter="Encounter/e1")
    plan = site.save(make_draft(*COUPLE))["plan"]
    site.pass_time(minutes=5)
    site.screen(TOM, encounter="Encounter/e1", answers=ACUTE)
    assert site.plan_status(TOM) == "on-hold"
    done = site.desk.sign_note(saved(site, "plan-for-client", plan=plan), actor=CLINICIAN, shown="shown")
    assert done["delivery"] == {ROSA: "delivered"}
    letter = make_note("plan-for-client", plan=plan, members=[TOM], names={TOM: "Tom"})
    assert site.desk.save_note(letter, actor=CLINICIAN)["saved"] is False


@pytest.mark.parametrize("template", CARRYING)
def test_a_signed_document_is_a_preview_again_while_its_plan_is_on_hold(site: Site, template: str) -> None:
    """Whoever prints it now must see that. Planted: the signed page shown whatever became of the plan; caught."""
    plan = released_plan(site)
    id = saved(site, template, plan=plan)
    site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert PREVIEW not in site.desk.render_note(id, format="text")
    site.pass_time(minutes=5)
    site.screen(answers=ACUTE)
    for form in ("md", "html", "text"):
        assert PREVIEW in site.desk.render_note(id, format=form)
    assert site.desk.note(id)["state"] == "signed"


# -- the version of the plan that it carries


def letter(site: Site, plan: str, template: str = "plan-for-client") -> dict[str, Any]:
    """The template's example with what is filled in from this plan, as `start` gives it."""
    begun = site.desk.start_note(template, [ROSA], actor=CLINICIAN, plan=plan)["file"]
    note = make_note(template, plan=plan, prefilled=begun["prefilled"])
    taken = {id: begun["fields"][id] for id in begun["prefilled"]}
    taken["goals"] = [{**note["fields"]["goals"][0], **goal} for goal in taken["goals"]]
    return {**note, "fields": {**note["fields"], **taken}}


def amend_plan(site: Site, plan: str) -> None:
    """Save a second version of a plan."""
    assert site.save(make_draft(supersedes={"plan": plan, "version": "1"}))["saved"] is True


@pytest.mark.parametrize("template", CARRYING)
def test_a_version_that_was_amended_since_is_not_what_stands(site: Site, template: str) -> None:
    """Neither saved nor signed; begun anew it is both. Planted: the plan's id alone compared; caught."""
    plan = released_plan(site)
    old = letter(site, plan, template)
    id = site.desk.save_note(old, actor=CLINICIAN)["note"]
    amend_plan(site, plan)
    with pytest.raises(Conflict, match="version 1 of the plan; version 2 stands now") as refused:
        site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert refused.value.field.startswith("fields.")
    with pytest.raises(Conflict):
        site.desk.save_note({**old, "request_id": str(uuid4())}, actor=CLINICIAN, note=id)
    assert documents(site) == []
    site.desk.save_note(letter(site, plan, template), actor=CLINICIAN, note=id)
    assert site.desk.sign_note(id, actor=CLINICIAN, shown="shown")["delivery"] == {ROSA: "delivered"}


def test_a_plan_that_is_amended_between_signature_and_delivery_stops_it(site: Site) -> None:
    """A letter that nobody had yet, of a plan that is another by now. Planted: only its release looked at; caught."""
    site.remote()
    plan = released_plan(site)
    id = site.desk.save_note(letter(site, plan), actor=CLINICIAN)["note"]
    with away(site):
        assert site.desk.sign_note(id, actor=CLINICIAN, shown="shown")["delivery"] == {ROSA: "sending"}
    amend_plan(site, plan)
    synced = site.desk.sync(actor=CLINICIAN)
    assert (synced["noted"], synced["withheld"], documents(site)) == (0, 1, [])


def test_no_words_of_another_plan_go_into_a_letter(site: Site) -> None:
    """Planted: the origin's plan not compared with the note's; caught."""
    plan = released_plan(site)
    file = letter(site, plan)
    file["prefilled"]["goals"]["from"] = "plan 5f0a3c1e-0000-4000-8000-000000000009, version 1"
    with pytest.raises(InvalidInput) as refused:
        site.desk.save_note(file, actor=CLINICIAN)
    assert refused.value.field == "prefilled.goals.from"
