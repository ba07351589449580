"""Ana has lost weight fast, and nobody has measured her pulse: a therapist refers, and never clears.

An honest "not measured" is an answer while no warning sign is present. With one it is acute, since nobody can know
(clinical facts 2.5: vital outside the table, or not measured and a warning sign, is a same-day medical evaluation).
What ends the hold is a medical clinician's finding: her therapist may write it down, not make it.
"""

from __future__ import annotations

import pytest

from tests.makers import make_evidence
from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import InvalidInput, Refused

ANA = "Patient/ana"
DOCTOR = "Practitioner/m1"
UNMEASURED = {"eating.vitals-outside": "not-measured"}
WARNED = {**UNMEASURED, "eating.rapid-loss": "yes"}
NOT_MEDICAL = r"A medical clinician's finding is needed here|must be enrolled here as medical"
MEDICAL = ("medical-clearance", "specialist-plan", "monitoring-interval")


def test_not_measured_is_an_answer_until_a_warning_sign_is_there(site: Site) -> None:
    """Planted: "not-measured" read without the warning signs; caught. A sign left open leaves it open."""
    site.morning()
    assert site.screen(ANA, answers=UNMEASURED)["decision"] == "released"
    assert site.save(make_draft(ANA))["saved"] is True
    site.pass_time(minutes=1)
    told = site.screen(ANA, answers={**UNMEASURED, "eating.purging-or-driven": "unsure"})
    assert (told["decision"], told["protocol"]) == ("held-incomplete", [])
    for sign in ("eating.rapid-loss", "eating.purging-or-driven"):
        site.pass_time(minutes=1)
        told = site.screen(ANA, answers={**UNMEASURED, sign: "yes"})
        assert told["decision"] == "held-for-directive-protocol", sign
        found = {one["item"]: one["acuity"] for one in told["findings"]}
        assert found["vitals-outside"] == "acute", sign
    assert site.plan_status(ANA) == "on-hold"
    assert site.desk.health()["records"] > 0


def clear_her(site: Site, need: str, clinician: str) -> None:
    """Write a medical need down, naming the clinician who made the finding; Pat signs."""
    site.evidence(need, ANA, clinician=clinician)


def test_a_therapist_refers_and_never_clears(site: Site) -> None:
    """Planted: the medical check left out; caught in each need. With a physician's findings she is released."""
    site.morning()
    site.enrol()
    told = site.screen(ANA, answers=WARNED)
    assert told["decision"] == "held-for-directive-protocol"
    assert told["protocol"][0]["step"] == "medical-evaluation"
    assert site.desk.protocol(ANA, actor=CLINICIAN)["missing_needs"] == {"eating": list(MEDICAL)}
    site.pass_time(minutes=30)
    for need in MEDICAL:
        for name in (CLINICIAN, "Pat Roe", "pat roe"):
            with pytest.raises(Refused, match=NOT_MEDICAL):
                clear_her(site, need, name)
            assert site.records(1)[0]["reason"] == "not-medical"
    with pytest.raises(InvalidInput, match="credential must be one of"):
        site.evidence("medical-clearance", ANA, credential="therapist")
    with pytest.raises(InvalidInput, match="result must be one of"):
        site.evidence("medical-clearance", ANA, result="not-cleared")
    assert site.desk.protocol(ANA, actor=CLINICIAN)["missing_needs"] == {"eating": list(MEDICAL)}

    for need in MEDICAL:
        clear_her(site, need, "Dr. Lena Ortiz, MD")
    site.pass_time(hours=4)
    assert site.screen(ANA)["decision"] == "held-for-directive-protocol"
    assert site.release("eating", ANA)["decision"] == "released"
    assert site.save(make_draft(ANA))["saved"] is True
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("name", ["Pat  Roe", "Pat Roe, LMFT", "Dr. Pat Roe", "ROE, Pat"])
def test_her_own_name_written_otherwise_is_still_her_own(site: Site, name: str) -> None:
    """A title, a comma or a second blank makes nobody a physician."""
    site.morning()
    site.enrol()
    site.screen(ANA, answers=WARNED)
    with pytest.raises(Refused, match=NOT_MEDICAL):
        clear_her(site, "medical-clearance", name)
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("name", ["Practitioner/s1", "Sam Fox"])
def test_nor_does_another_therapist_of_the_house_clear(site: Site, name: str) -> None:
    """Sam is enrolled here, and not as a medical clinician: what is known of him counts, whoever writes it down."""
    site.morning()
    site.enrol()
    site.screen(ANA, answers=WARNED)
    with pytest.raises(Refused, match=NOT_MEDICAL):
        clear_her(site, "medical-clearance", name)
    assert site.desk.health()["records"] > 0


def test_a_physician_who_is_enrolled_signs_her_own_finding(site: Site) -> None:
    """Enrolled as a medical clinician, she names herself. Planted: nobody may name themselves; caught."""
    site.morning()
    site.enrol()
    doctor = site.join(DOCTOR, "Lena Ortiz", "MD-1", "clinician", medical=True)
    site.screen(ANA, answers=WARNED)
    site.pass_time(minutes=30)
    for need in MEDICAL:
        fields = make_evidence(site.policy, need, site.at, clinician=DOCTOR)
        site.desk.evidence(ANA, need, fields, signer=doctor)
    site.pass_time(hours=2)
    site.screen(ANA, answers={"eating.vitals-outside": "no"})
    assert site.release("eating", ANA)["decision"] == "released"
    assert site.desk.health()["records"] > 0
