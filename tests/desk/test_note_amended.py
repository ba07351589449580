"""The page of an amendment says that it is one, and what was filled in comes from something that a reader knows.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import re
from typing import Any

from tests.system.notes import ROSA, TOM, documents, make_note, released_plan, saved, signed, texts
from tests.system.site import CLINICIAN, Site
from tests.system.test_a_safety_note_that_stays_inside import plain, sign, told

REASON = "zebra: she asked for another word"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def amend(site: Site, id: str, **changes: Any) -> None:
    """Save the draft of an amendment, some time later."""
    site.pass_time(minutes=10)
    site.desk.amend_note(id, make_note(**changes), reason=REASON, actor=CLINICIAN)


def forms(site: Site, id: str, **asked: Any) -> list[str]:
    """Its page in each form that is read."""
    return [site.desk.render_note(id, format=kind, **asked) for kind in ("md", "html", "text")]


def flat(text: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]*>|\*\*", " ", text).replace(" :", ":").split())


def test_it_says_version_and_day_and_that_the_earlier_is_kept(site: Site) -> None:
    """Before it is signed and after, in the chart, too; the first page is as it was. The reason stays inside.

    Planted: a word more than that on the page; the first page marked as well, in another layout; each caught.
    """
    id = signed(site)["note"]
    before = forms(site, id)
    assert not any("Amended" in one for one in before)
    amend(site, id)
    said = f"Amended: on {site.at.date().isoformat()}; this is version 2. What was signed before is kept."
    drafts = forms(site, id)
    site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    after = forms(site, id)
    assert all(said in flat(one) for one in (*drafts, *after))
    first, second = documents(site)
    assert all(said in flat(one) for one in texts(second).values())
    assert not any("Amended" in one for one in texts(first).values())
    assert forms(site, id, version=1) == before
    assert "Amended" not in site.desk.render_note(id, version=1, layout="soap")
    assert "Amended" in site.desk.render_note(id, version=2, layout="soap")
    assert "zebra" not in "".join((*drafts, *after, *texts(second).values()))
    assert REASON in site.console("note", "show", id).stdout
    site.desk.health()


def test_it_stands_among_the_facts_below_the_title(site: Site) -> None:
    """Of a preview below that. Planted: one paragraph too far down, into the body; caught."""
    id = signed(site)["note"]
    amend(site, id)
    facts = site.desk.render_note(id, format="md").split("\n\n")[1]
    assert facts.split("\n")[-1].startswith("- **Amended:** on ")
    plan = released_plan(site)
    letter = saved(site, "plan-for-client", plan=plan, prefilled=None)
    site.desk.sign_note(letter, actor=CLINICIAN, shown="shown")
    again = make_note("plan-for-client", plan=plan, prefilled=None)
    site.desk.amend_note(letter, again, reason=REASON, actor=CLINICIAN)
    site.desk.close_plan(plan, how="completed", reason="Done.", actor=CLINICIAN)
    _, preview, facts, *_ = site.desk.render_note(letter, format="md").split("\n\n")
    assert preview.startswith("**PREVIEW")
    assert "- **Amended:** on " in facts


def test_a_draft_that_was_saved_again_amends_nothing(site: Site) -> None:
    """Planted: every second version called an amendment; caught."""
    id = saved(site)
    site.desk.save_note(make_note(), actor=CLINICIAN, note=id)
    assert "Amended" not in site.desk.render_note(id)


def test_a_version_that_stays_inside_is_not_pointed_at(site: Site) -> None:
    """I8: in the chart nothing stood before it. Planted: each signed version counted; caught."""
    id = site.desk.save_note(told(site, "safety"), actor=CLINICIAN)["note"]
    sign(site, id)
    site.pass_time(minutes=10)
    site.desk.amend_note(id, plain(site, "safety"), reason="He is safe now.", actor=CLINICIAN)
    sign(site, id)
    [document] = documents(site, TOM)
    assert not any("Amended" in one for one in texts(document).values())
    site.pass_time(minutes=10)
    site.desk.amend_note(id, plain(site, "safety"), reason="A number.", actor=CLINICIAN)
    sign(site, id)
    assert "this is version 3" in site.desk.render_note(id)


def test_no_id_stands_where_a_reader_looks_for_an_origin(site: Site) -> None:
    """The file keeps it. Planted: the id of the plan in the letter, as before; caught."""
    plan = released_plan(site)
    file = site.desk.start_note("plan-for-client", [ROSA], actor=CLINICIAN, plan=plan)["file"]
    assert plan in file["prefilled"]["goals"]["from"]
    for page in (site.desk.render_note(file, format=kind) for kind in ("md", "html", "text")):
        legend = page[page.index("Filled in beforehand") :]
        assert "taken from the plan, version 1" in flat(legend)
        assert not _UUID.search(legend)
