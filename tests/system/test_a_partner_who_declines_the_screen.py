"""Rosa and Tom want a plan together; Tom, asked alone, would rather not answer what is asked about violence.

He may decline, and it is no confession. The couple's plan waits, and says one sentence that would be the same had he
never been asked; nothing hints at him. Rosa, who answered, can have a plan of her own that day.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft

ROSA, TOM = "Patient/rosa", "Patient/tom"
COUPLE = (ROSA, TOM)
HERE = "Encounter/e1"


def declined(site: Site) -> dict[str, str]:
    """Every question of the violence domain declined."""
    domain = site.policy.domain("violence")
    assert domain is not None
    return {question.id: "declined" for question in domain.questions}


def one_sentence(site: Site, told: dict[str, Any]) -> None:
    """The unit's answer holds a decision and one sentence, and no reason."""
    assert (told["decision"], told["sentence"]) == ("held", site.policy.unit_sentence)
    assert [told[name] for name in ("findings", "missing", "conditions", "protocol", "needs")] == [[]] * 5
    assert (told["person"], told["screen"], told["expires"]) == (None, None, None)


def test_the_couple_waits_and_rosas_own_plan_does_not(site: Site) -> None:
    """Planted: a declined answer taken for a no; caught."""
    site.morning()
    site.screen(ROSA, encounter=HERE)
    alone = site.screen(TOM, encounter=HERE, answers=declined(site))
    assert alone["decision"] == "held-incomplete"
    assert {one["domain"] for one in alone["findings"]} == {"violence"}
    assert alone["protocol"] == []

    answer = site.save(make_draft(*COUPLE))
    one_sentence(site, answer)
    assert (answer["saved"], answer["bundle"], answer["care_plans"]) == (False, None, [])
    one_sentence(site, site.desk.preview(make_draft(*COUPLE)))
    one_sentence(site, site.desk.decide(COUPLE, actor=CLINICIAN, encounter=HERE, kind="couple"))
    assert site.plans_in_chart() == 0

    assert site.save(make_draft(ROSA))["saved"] is True
    assert [one["subject"]["reference"] for one in site.care_plans()] == [ROSA]
    own = site.save(make_draft(TOM, encounter=HERE))
    assert (own["saved"], own["decision"]) == (False, "held-incomplete")
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("who", COUPLE)
def test_who_of_the_two_declined_cannot_be_told_from_the_answer(site: Site, who: str, tmp_path: Path) -> None:
    """Planted: the screen of the first member who holds in the unit's answer; caught.

    The console says the same sentence, and exits 3.
    """
    for one in COUPLE:
        site.screen(one, encounter=HERE, answers=declined(site) if one == who else {})
    answer = site.save(make_draft(*COUPLE))
    one_sentence(site, answer)
    assert not {"violence", "declined"} & set(json.dumps(answer).replace('"', " ").split())
    path = tmp_path / "couple.json"
    path.write_text(json.dumps(make_draft(*COUPLE)), encoding="utf-8")
    done = site.console("plan", "save", str(path))
    assert done.returncode == 3
    assert f"held: {site.policy.unit_sentence}" in done.stdout
    assert "violence" not in done.stdout + done.stderr
    site.catch_up()
    assert site.desk.health()["records"] > 0


def test_when_he_has_answered_the_couple_has_its_plan(site: Site) -> None:
    """A declined answer is no finding that outlives the next complete screen."""
    site.morning()
    site.screen(ROSA, encounter=HERE)
    site.screen(TOM, encounter=HERE, answers=declined(site))
    draft = make_draft(*COUPLE)
    assert site.save(draft)["saved"] is False
    site.pass_time(hours=1)
    assert site.screen(TOM, encounter=HERE)["decision"] == "released"
    answer = site.save(draft)  # the working copy of the same words
    assert (answer["decision"], answer["saved"], len(answer["care_plans"])) == ("released", True, 2)
    assert site.desk.health()["records"] > 0
