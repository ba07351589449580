"""Beginning a note: what may be filled in, from where, and what never is."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fhir.form_makers import CHECK_IN, chose, response, wrote
from tests.system.notes import ROSA, TOM
from tests.system.site import CLINICIAN, CONCERN, WORDS, Site, make_draft, make_goal

from withness.errors import InvalidInput


def begin(site: Site, template: str, *members: str, **more: Any) -> dict[str, Any]:
    """Begin a note of these people (default: Rosa)."""
    return site.desk.start_note(template, members or (ROSA,), actor=CLINICIAN, **more)


def test_a_letter_begins_with_the_plan_in_the_clients_words(site: Site) -> None:
    """Words byte for byte; measure, target and limit in sentences; each marked. Planted: the words trimmed; caught."""
    site.screen()
    plan = site.save()["plan"]
    begun = begin(site, "plan-for-client", plan=plan)
    fields, origin = begun["file"]["fields"], f"plan {plan}, version 1"
    assert fields["concern"] == CONCERN
    [goal] = fields["goals"]
    assert goal["words"] == WORDS
    assert goal["target"] == "at least 3 of 4 sessions"
    assert goal["limit"].startswith("within 4 sessions (by ")
    assert goal["responsible"] == "The client"
    assert fields["frame"] == "Individual, 50 minutes, every week, 2026-11-21 to 2027-02-19"
    assert {name: begun["file"]["prefilled"][name]["from"] for name in ("concern", "goals", "frame")} == dict.fromkeys(
        ("concern", "goals", "frame"), origin
    )


def test_a_statement_begins_with_its_header(site: Site) -> None:
    """Each field by its own id, in its own form. Planted: the whole frame in each of them; caught."""
    site.screen()
    goals = [make_goal(payer_words="Client will report feeling understood.")]
    plan = site.save(make_draft(goals=goals))["plan"]
    fields = begin(site, "medical-necessity", plan=plan)["file"]["fields"]
    header = {name: fields[name] for name in ("plan_date", "service_type", "minutes", "frequency", "review_on")}
    assert header == {
        "plan_date": "2026-11-21",
        "service_type": "individual",
        "minutes": 50,
        "frequency": "every week",
        "review_on": "2027-02-19",
    }
    assert fields["goals"][0]["payer_words"] == "Client will report feeling understood."
    assert "progress" not in fields["goals"][0]


def test_an_amended_plan_is_named_with_its_version(site: Site) -> None:
    """Planted: always version 1; caught."""
    site.screen()
    plan = site.save()["plan"]
    amended = make_draft(supersedes={"plan": plan, "version": "1"})
    assert site.save(amended)["saved"] is True
    begun = begin(site, "session", plan=plan)["file"]
    assert begun["prefilled"]["goals_touched"]["from"] == f"plan {plan}, version 2"


def test_a_goal_that_the_client_declined_is_not_filled_in(site: Site) -> None:
    """Planted: every goal of the plan; caught."""
    site.screen()
    declined = make_goal(words="Not mine", acceptance=[{"who": ROSA, "status": "disagree", "reason": "No."}])
    plan = site.save(make_draft(goals=[make_goal(), declined]))["plan"]
    [goal] = begin(site, "session", plan=plan)["file"]["fields"]["goals_touched"]
    assert goal["words"] == WORDS


def test_goals_of_a_held_plan_are_not_carried_into_the_chart_by_a_note(site: Site) -> None:
    """A session note goes into the chart; a letter without its plan does not. Planted: filled in as well; caught."""
    site.screen(answers={"eating.rapid-loss": None})
    plan = site.save()["plan"]
    begun = begin(site, "session", plan=plan)
    assert begun["file"]["fields"]["goals_touched"] == []
    assert begun["left"]["goals_touched"] == "The plan is not released."
    assert begin(site, "plan-for-client", plan=plan)["file"]["fields"]["goals"]


class TestOfACouple:
    def plan(self, site: Site) -> str:
        for who in (ROSA, TOM):
            site.screen(who, encounter="Encounter/e1")
        both = [{"who": one, "status": "agree"} for one in (ROSA, TOM)]
        draft = make_draft(ROSA, TOM)
        draft["concern"] = {
            "words": "zebra-together",
            "voices": [{"who": ROSA, "words": "zebra-rosa"}, {"who": TOM, "words": "zebra-tom"}],
            "problems": ["communication-difficulties"],
        }
        draft["goals"] = [
            make_goal(ROSA, words="zebra-rosa"),
            make_goal(TOM, words="zebra-tom"),
            make_goal(
                template="monologue", words="Hear each other", by=None, within={"sessions": 6}, target={"count": 2}
            )
            | {"responsible": "partners", "acceptance": both},
        ]
        answer = site.save(draft)
        assert answer["saved"]
        return str(answer["plan"])

    def test_each_goal_stands_under_its_own_member(self, site: Site) -> None:
        """Words that they share stand once for each. Planted: a goal without `who`; the other's goal; both caught."""
        plan = self.plan(site)
        begun = begin(site, "couple-family-session", ROSA, TOM, plan=plan)
        goals = begun["file"]["fields"]["goals_touched"]
        assert [(one["who"], one["words"]) for one in goals] == [
            (ROSA, "zebra-rosa"),
            (ROSA, "Hear each other"),
            (TOM, "zebra-tom"),
            (TOM, "Hear each other"),
        ]

    def test_one_members_letter_holds_nothing_of_the_other(self, site: Site) -> None:
        """Planted: the couple's shared words for the member's own; caught."""
        begun = begin(site, "plan-for-client", ROSA, plan=self.plan(site))
        text = str(begun)
        assert "zebra-rosa" in text
        assert "zebra-tom" not in text
        assert "zebra-together" not in text
        assert TOM not in text

    def test_somebody_elses_plan_is_no_plan(self, site: Site) -> None:
        """Planted: the members not compared; caught."""
        plan = self.plan(site)
        with pytest.raises(InvalidInput) as refused:
            begin(site, "session", "Patient/ana", plan=plan)
        assert refused.value.field == "plan"


class TestTheLastCheckIn:
    def answers(self, id: str, authored: str, **changes: Any) -> dict[str, Any]:
        """A check-in of Rosa's in the chart."""
        said = (chose(CHECK_IN, "understood", "partly"), wrote("words", "Der Tisch war nass."))
        return response(CHECK_IN, *said, id=id, authored=authored, **changes)

    def test_the_newest_that_can_be_relied_on_is_told_in_words(self, site: Site) -> None:
        """Never a score. Planted: the first found; one that is not finished; both caught."""
        site.write_to_chart(
            self.answers("c1", "2026-11-07T10:00:00Z"),
            self.answers("c2", "2026-11-14T10:00:00Z"),
            self.answers("c3", "2026-11-20T10:00:00Z", status="in-progress"),
            self.answers("c4", "2026-11-21T10:00:00Z", subject={"reference": TOM}),
            self.answers("c5", "2026-11-21T11:00:00Z", questionnaire="https://withness.example/fhir/Questionnaire/x|1"),
        )
        begun = begin(site, "session")["file"]
        assert begun["prefilled"]["last_check_in"]["from"] == "the chart, check-in of 2026-11-14"
        text = begun["fields"]["last_check_in"]
        items = {one.link: one.text for one, _ in CHECK_IN.walk()}
        assert text == f"{items['understood']} In part\n{items['words']} Der Tisch war nass."

    def test_where_there_is_none_it_says_so(self, site: Site) -> None:
        begun = begin(site, "session")
        assert begun["left"]["last_check_in"] == "None was found."
        assert "last_check_in" not in begun["file"]["prefilled"]


class TestWhatTheTrailKnows:
    @pytest.mark.parametrize("answers", [{"violence.afraid": "yes"}, {"suicide.intent-or-plan": "yes"}, {}])
    def test_what_the_gate_decided_is_in_no_note_about_safety(self, site: Site, answers: dict[str, str]) -> None:
        """I8: left out for violence alone it would tell of violence; so it never stands there. Whatever was found, the
        note begins the same. Nothing is recorded.

        Planted: not left out at all; caught.
        """
        site.screen(answers=answers)
        before = site.records()
        begun = begin(site, "directive-protocol")
        assert begun["file"]["fields"]["standing_decision"] == ""
        assert "standing_decision" not in begun["file"]["prefilled"]
        assert begun["left"]["standing_decision"] == (
            "What the gate decided stays inside Withness: it is not filled in here."
        )
        assert site.records() == before

    def test_a_screen_is_named_by_its_day_and_id_never_by_an_answer(self, site: Site) -> None:
        """I2. Planted: the answers beside it; caught."""
        told = site.screen(answers={"violence.afraid": "yes"})
        text = begin(site, "session")["file"]["fields"]["risk_screen"]
        assert told["screen"] in text
        assert not any(word in text for word in ("afraid", "yes", "violence", "held"))

    def test_before_the_first_screen_there_is_none(self, site: Site) -> None:
        assert begin(site, "session")["left"]["risk_screen"] == "None was found."


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ([{"use": "official", "given": ["Rosa", "María"], "family": "Vidal"}], "Rosa María Vidal"),
        ([{"use": "official", "text": "R. Vidal"}, {"use": "usual", "text": "Rosa"}], "Rosa"),
        ([{"use": "old", "text": "Was"}, {"text": "Is"}], "Is"),
        ([{"use": "old", "text": "Was"}], None),
        ([], None),
        ("Rosa", None),
    ],
)
def test_a_person_is_called_what_they_go_by(site: Site, name: Any, shown: str | None) -> None:
    """A name that somebody has left behind is none. Planted: the first name in the list; caught."""
    site.write_to_chart({"resourceType": "Patient", "id": "rosa", "name": name})
    begun = begin(site, "plan-for-client")
    if shown is None:
        assert begun["left"]["name"] == "None was found."
        assert begun["file"]["names"] == {}
    else:
        assert begun["file"]["fields"]["name"] == shown
        assert begun["file"]["names"] == {ROSA: shown}
        assert begun["file"]["prefilled"]["name"]["from"] == "the chart, Patient.name"


@pytest.mark.parametrize("template", ["session", "plan-for-client", "medical-necessity", "couple-family-session"])
def test_what_it_begins_with_can_be_saved_as_it_is(site: Site, template: str) -> None:
    """Planted: an empty answer to choose from in the file; caught."""
    site.screen()
    site.screen(TOM, encounter="Encounter/e1")
    members = (ROSA, TOM) if template.startswith("couple") else (ROSA,)
    plan = site.save(make_draft(*members))["plan"]
    file = begin(site, template, *members, plan=plan, encounter="Encounter/e1")["file"]
    assert site.desk.save_note(file, actor=CLINICIAN)["saved"] is True


def test_an_unknown_template_or_nobody_is_refused(site: Site) -> None:
    """Planted: a person of any kind taken; caught."""
    for template, who, field in (("sonnet", ROSA, "template"), ("session", CLINICIAN, "members")):
        with pytest.raises(InvalidInput) as refused:
            begin(site, template, who)
        assert refused.value.field == field
