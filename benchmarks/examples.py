"""The package's named examples: what the desk really writes for a fixed story, with fixed times and ids.

`make generate` writes them under fhir_profiles/example/, and drift of them fails. What no code writes yet (audit
events) is made by hand in `examples_ahead`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from benchmarks import examples_ahead
from withness.cli import samples
from withness.core.form import Answered, Entry, Form, FormAnswers
from withness.core.note import Layout, Note
from withness.desk.front import Desk
from withness.fhir import codes
from withness.fhir.extraction import observations
from withness.fhir.form_answers import response_of
from withness.fhir.note_resources import Document, note_transaction
from withness.packs.forms import load_forms
from withness.packs.note_templates import load_note_templates
from withness.settings import Settings
from withness.signing import Signer, new_signer
from withness.wiring import build

Resource = dict[str, Any]

BEGUN: Final = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
_ROSA, _MIA = "Patient/rosa", "Patient/mia"
_DOMAIN: Final = "suicide"
_TRY_AGAIN: Final = ("feels-different", "agrees-to-continue")
NOTHING_ELSE: Final[samples.Answers] = {}
_SERVER: Final = ("versionId", "lastUpdated")


class Clinic:
    """A desk on an embedded chart whose clock and ids are the story's own; `story` keeps its ids apart."""

    def __init__(self, folder: Path, story: str, **settings: Any) -> None:
        self.at = BEGUN
        numbers = count()
        self.context = replace(
            build(Settings(home=folder / story, key_file=folder / f"{story}.key", **settings)),
            now=lambda: self.at,
            new_id=lambda: str(uuid5(NAMESPACE_URL, f"{codes.BASE}/example/{story}/{next(numbers)}")),
        )
        self.desk = Desk(self.context)

    def __enter__(self) -> Clinic:
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.close()

    def screen(self, person: str, answers: samples.Answers = NOTHING_ELSE) -> None:
        """Record a screen that clears but for `answers`."""
        made = samples.screen(self.context.policy, samples.people()[person], self.at, answers)
        self.desk.screen(made, actor=samples.CLINICIAN)

    def save(self, draft: Mapping[str, Any]) -> list[Resource]:
        """Save a plan and return what went into the charts."""
        answer = self.desk.save(draft, actor=samples.CLINICIAN)
        assert answer["saved"], answer["sentence"]
        return [entry["resource"] for entry in answer["bundle"]["entry"]]

    def read(self, reference: str) -> Resource:
        """Return what the chart holds now."""
        found = self.context.ehr.read(reference)
        assert found is not None, reference
        return _bare(found.resource)


def examples(us_core: str = "6.1.0") -> dict[str, Resource]:
    """Return each example by its file name without .json, for a version of US Core."""
    with tempfile.TemporaryDirectory(prefix="withness-examples-") as folder:
        made = {**_story(Path(folder), us_core), **_labelled(Path(folder), us_core)}
    made |= _check_in(us_core) | _note(us_core)
    made["questionnaireresponse-screen-that-corrects"] = _correction(made)
    return dict(sorted({**made, **examples_ahead.examples(made)}.items()))


def _bare(resource: Mapping[str, Any]) -> Resource:
    """Return a resource without what the chart says of it in meta, which stands where the builders put it."""
    meta = {name: value for name, value in resource["meta"].items() if name not in _SERVER}
    return {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta, **_but_meta(resource)}


def _but_meta(resource: Mapping[str, Any]) -> Resource:
    return {name: value for name, value in resource.items() if name != "meta"}


# --- the story -----------------------------------------------------------------------------------------------


def _story(folder: Path, us_core: str) -> dict[str, Resource]:
    """Rosa's plan of several goals, a couple's plan, and what follows when Rosa's next screen is acute."""
    made: dict[str, Resource] = {}
    with Clinic(folder, "story", us_core=us_core) as clinic:
        keys = _enrolled(clinic.desk)
        clinic.screen("rosa")
        rosa = clinic.save(_rosas_draft(clinic.at))
        made |= _named(rosa, "rosa")
        clinic.screen("mia")
        clinic.screen("jon")
        made |= _named([one for one in clinic.save(_couples_draft(clinic.at)) if _whose(one) == _MIA], "mia")
        clinic.at += timedelta(days=6)
        clinic.screen("rosa", samples.ACUTE)
        plan = f"CarePlan/{next(one['id'] for one in rosa if one['resourceType'] == 'CarePlan')}"
        made["careplan-rosa-on-hold"] = clinic.read(plan)
        directive = _directive(clinic)
        made |= directive
        _release(clinic, keys)
        for name in ("flag-rosa", "detectedissue-rosa", "careplan-directive-rosa"):
            one = directive[name]
            made[f"{name}-ended"] = clinic.read(f"{one['resourceType']}/{one['id']}")
    return made


def _labelled(folder: Path, us_core: str) -> dict[str, Resource]:
    """The copy of a screen where the EHR enforces security labels."""
    with Clinic(folder, "labelled", us_core=us_core, ehr_enforces_labels=True) as clinic:
        clinic.screen("ana")
        draft = {**samples.draft(samples.people()["ana"], clinic.at), "request_id": _request("labelled")}
        [copy] = [one for one in clinic.save(draft) if one["resourceType"] == "QuestionnaireResponse"]
    return {"questionnaireresponse-screen-ana-labelled": copy}


def _enrolled(desk: Desk) -> dict[str, Signer]:
    keys: dict[str, Signer] = {}
    for role, who, name, licence in samples.TEAM:
        key = new_signer(who)
        desk.enrol(who, name=name, licence=licence, roles=[role], key=key, by=keys.get("compliance"))
        keys[role] = key
    return keys


def _whose(resource: Mapping[str, Any]) -> str:
    who = resource.get("subject") or resource["agent"][0]["who"]
    return str(who["reference"])


def _named(resources: Sequence[Resource], who: str) -> dict[str, Resource]:
    """Name a plan's resources; a goal by what is measured first."""
    names = {
        "CarePlan": "careplan",
        "QuestionnaireResponse": "questionnaireresponse-screen",
        "Provenance": "provenance",
    }
    found = {}
    for one in resources:
        name = names.get(one["resourceType"])
        goal = f"goal-{one['target'][0]['measure']['coding'][0]['code']}" if name is None else ""
        found[f"{name or goal}-{who}"] = one
    return found


def _directive(clinic: Clinic) -> dict[str, Resource]:
    """Name what the opened protocol put into the chart; of its tasks the most urgent one."""
    with clinic.context.store.transaction() as tx:
        [row] = tx.directives(_ROSA)
    resources = [_bare(entry["resource"]) for entry in row.content["bundle"]["entry"]]
    names = {"CarePlan": "careplan-directive-rosa", "Task": "task-rosa"}
    found: dict[str, Resource] = {}
    for one in resources:
        found.setdefault(names.get(one["resourceType"], f"{one['resourceType'].lower()}-rosa"), one)
    return found


def _release(clinic: Clinic, keys: Mapping[str, Signer]) -> None:
    """Walk the way back: a fresh screen below acute, every need written down, two signatures."""
    clinic.at += timedelta(hours=2)
    clinic.screen("rosa", samples.QUIETER)
    rosa = samples.people()["rosa"]
    for need in clinic.desk.protocol(_ROSA, actor=samples.CLINICIAN)["missing_needs"][_DOMAIN]:
        clinic.desk.evidence(_ROSA, need, samples.evidence(rosa, need, clinic.at), signer=keys["clinician"])
    clinic.desk.release(_ROSA, _DOMAIN, reason=rosa["release"], signer=keys["clinician"], second=keys["supervisor"])


# --- drafts --------------------------------------------------------------------------------------------------


def _request(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{codes.BASE}/example/request/{name}"))


def _rosas_draft(at: datetime) -> dict[str, Any]:
    """One goal of each kind of target and limit, with each kind of answer."""
    rosa = samples.people()["rosa"]
    draft = samples.draft(rosa, at)
    first = draft["goals"][0]
    more = (
        (
            "own-list",
            "Write down what matters to me, before anything else",
            {"by_session": 3},
            {"exists": True},
            "agree",
        ),
        ("transition", "See two ways out that I have not thought of", {"weeks": 6}, {"count": 2}, "pending"),
        ("re-engage", "Try it once more, and see", {"sessions": 2}, {"all": list(_TRY_AGAIN)}, "agree"),
        ("story", "Tell it in a way that is not only my fault", {"sessions": 8}, {"count": 1}, "disagree"),
    )
    goals = [
        {
            **first,
            "template": template,
            "words": words,
            "within": within,
            "target": target,
            "acceptance": [_says(status)],
        }
        for template, words, within, target, status in more
    ]
    return {**draft, "request_id": _request("rosa"), "goals": [first, *goals]}


def _says(status: str) -> dict[str, str]:
    return {"who": _ROSA, "status": status, **({"reason": "Not yet."} if status == "disagree" else {})}


def _couples_draft(at: datetime) -> dict[str, Any]:
    """A goal that two people share."""
    pair = [samples.people()[name] for name in ("mia", "jon")]
    draft = samples.couple(pair, at)
    shared = {
        **draft["goals"][0],
        "template": "monologue",
        "words": "Say back what I heard, before I answer",
        "within": {"sessions": 6},
        "target": {"count": 2},
        "responsible": "partners",
        "acceptance": [{"who": one["member"], "status": "agree"} for one in pair],
    }
    del shared["by"]
    return {**draft, "request_id": _request("couple"), "goals": [shared]}


# --- forms ---------------------------------------------------------------------------------------------------


def _check_in(us_core: str) -> dict[str, Resource]:
    """A session check-in with a question skipped, and the Observations that it gives."""
    [form] = [one for one in load_forms() if one.id == "session-check-in"]
    id = _request("check-in")
    answers = _answers(form)
    response = response_of(form, answers, id=id, us_core=us_core)
    found = observations(form, answers, response_id=id, us_core=us_core)
    named = {f"observation-{one['code']['coding'][0]['code']}-rosa": one for one in found}
    return {"questionnaireresponse-check-in-rosa": response, **named}


def _note(us_core: str) -> dict[str, Resource]:
    """A signed session note of Rosa's chart, and its Provenance; a real one holds what its template renders."""
    at, words = BEGUN + timedelta(days=7, hours=1), "In her own words: \u201cYou let me finish.\u201d"
    note = Note(
        template="session",
        version="0.1.0",
        layout=Layout.DIALOGIC,
        members=(_ROSA,),
        author=samples.CLINICIAN,
        held_on=at.date(),
        fields={},
        encounter="Encounter/e1",
    )
    document = Document(
        id=_request("note"),
        version=1,
        template=load_note_templates()["session"],
        note=note,
        html=f'<!DOCTYPE html><html lang="en"><title>Session note</title><p>{words}</p></html>',
        text=f"{words}\n",
        made_at=at,
        signed_at=at,
        organization="Organization/demo",
        us_core=us_core,
        demo=True,
    )
    made, by = (entry["resource"] for entry in note_transaction(document)["entry"])
    return {"documentreference-session-rosa": made, "provenance-session-rosa": by}


def _answers(form: Form) -> FormAnswers:
    given = {
        "day": Answered((date(2026, 11, 28),)),
        "fit": Answered((7,)),
        "understood": Answered(("yes",)),
        "together": Answered(("both",)),
        "words": Answered(("You let me finish.",)),
    }
    return FormAnswers(
        form=form.id,
        version=form.version,
        status="completed",
        subject=_ROSA,
        authored=BEGUN + timedelta(days=7),
        author=None,
        source=_ROSA,
        encounter="Encounter/e1",
        entry=Entry(given, {}),
    )


def _correction(made: Mapping[str, Resource]) -> Resource:
    """A screen as a host hands it in, to correct a mistaken one."""
    policy_version = made["questionnaireresponse-screen-rosa"]["questionnaire"]
    cited = made["questionnaireresponse-screen-rosa"]["identifier"]
    copied = made["questionnaireresponse-screen-rosa"]
    kept = ("status", "subject", "encounter", "authored", "author", "item")
    return {
        "resourceType": "QuestionnaireResponse",
        "id": _request("correction"),
        "meta": {"profile": [codes.versioned(codes.RISK_SCREEN_RESPONSE)]},
        "extension": [{"url": codes.CORRECTS, "valueReference": {"identifier": cited}}],
        "questionnaire": policy_version,
        **{name: copied[name] for name in kept if name in copied},
    }
