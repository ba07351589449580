"""Every way around the gate that its rules do not allow: refused in a sentence of its own, and on record with its code.

A refusal is exit 3: the hold stands, nothing of the attempt counts, and the compliance desk can read that it was made,
by whom and why it failed. Two rules never share a sentence, so nobody is sent to mend the wrong thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.makers import make_evidence, make_screen
from tests.system.site import CLINICIAN, COMPLIANCE, PLUGIN, SUPERVISOR, Site, make_draft
from withness.desk.acts import ON_RECORD
from withness.errors import InvalidInput, Refused
from withness.fhir import codes
from withness.signing import Signer, new_signer

ROSA = "Patient/rosa"
ACUTE = {"suicide.now": "yes"}
LEFT_OPEN = {"eating.rapid-loss": "not-asked"}
RATIONALE = "Her sister, who lives with her and was present, says that her weight has not changed at all."
NEW, LOU = "Practitioner/new", "Practitioner/s2"


# -- where each attempt begins


def nothing(site: Site) -> None:
    """Nobody is enrolled."""


def everybody(site: Site) -> None:
    """Kim, Pat and Sam are enrolled."""
    site.enrol()


def held(site: Site) -> None:
    """Rosa's screen is acute, and nothing has been written down."""
    site.enrol()
    site.screen(answers=ACUTE)
    site.pass_time(minutes=10)


def documented(site: Site) -> None:
    """Everything is written down, and nobody has asked her again."""
    held(site)
    site.all_evidence("suicide")
    site.pass_time(minutes=10)


def ready(site: Site) -> None:
    """Nothing but the two signatures is missing."""
    documented(site)
    site.screen()
    site.pass_time(minutes=10)


def elevated(site: Site) -> None:
    """Rosa's screen is elevated, everything is written down."""
    site.enrol()
    site.screen(answers={"suicide.ideation": "yes"})
    site.pass_time(minutes=10)
    site.all_evidence("suicide")


def left_open(site: Site) -> None:
    """One question of Rosa's screen was not asked."""
    site.enrol()
    site.screen(answers=LEFT_OPEN)
    site.pass_time(minutes=10)


# -- the attempts


def release(site: Site, **who: Signer | None) -> Any:
    """Release the suicide domain, by Pat and Sam where nobody else is named."""
    return site.desk.release(ROSA, "suicide", reason="x", **{"signer": site.pat, "second": site.sam, **who})


def override(site: Site, *items: str, **changes: Any) -> Any:
    """Cover these items, by Pat and Sam, with a good reason where no other is given."""
    good = {"reason_code": "client-cannot-answer-collateral-used", "rationale": RATIONALE}
    given = {**good, "signer": site.pat, "second": site.sam, **changes}
    return site.desk.override(ROSA, items, **given)


def assess(site: Site, level: str, **who: Signer | None) -> Any:
    """Assess the suicide domain."""
    return site.desk.assess(ROSA, "suicide", level=level, **{"signer": site.pat, "second": site.sam, **who})


def evidence(site: Site, need: str, signer: Signer, **fields: str) -> Any:
    """Write a need down."""
    return site.desk.evidence(ROSA, need, make_evidence(site.policy, need, site.at, **fields), signer=signer)


def enrol(site: Site, who: str = NEW, **changes: Any) -> Any:
    """Enrol somebody, vouched for by Kim where nobody else is named."""
    given: dict[str, Any] = {"name": "New Person", "licence": "L-900", "roles": ["clinician"], "key": new_signer(who)}
    return site.desk.enrol(who, **{**given, "by": site.keys.get(COMPLIANCE), **changes})


def lou(site: Site, **changes: Any) -> Signer:
    """Enrol Lou, another supervisor."""
    return site.join(LOU, "Lou Ray", "L-400", "supervisor", **changes)


def seconded_by_the_evidences_author(site: Site) -> Any:
    """Lou wrote down the safety plan, and signs second."""
    second = lou(site)
    evidence(site, "safety-plan", second)
    return release(site, second=second)


def seconded_by_the_screens_author(site: Site) -> Any:
    """Lou asked Rosa again, and signs second."""
    second = lou(site)
    site.pass_time(minutes=5)
    site.screen(author=LOU)
    return release(site, second=second)


def seconded_by_the_plans_author(site: Site) -> Any:
    """Lou wrote the plan that waits, and signs second."""
    second = lou(site)
    assert site.save(make_draft(author=LOU), actor=LOU)["saved"] is False
    return release(site, second=second)


def seconded_by_somebody_revoked(site: Site) -> Any:
    """Sam has left."""
    site.desk.revoke(SUPERVISOR, reason="left", by=site.keys[COMPLIANCE])
    return release(site)


def signed_by_somebody_revoked(site: Site) -> Any:
    """Pat has left."""
    site.desk.revoke(CLINICIAN, reason="left", by=site.keys[COMPLIANCE])
    return release(site)


def asked_before_the_hold(site: Site) -> Any:
    """A clear screen is filed late: it was made before the acute one."""
    begun = site.at
    site.enrol()
    site.pass_time(minutes=10)
    site.screen(answers=ACUTE)
    site.pass_time(minutes=10)
    site.all_evidence("suicide")
    site.screen(authored=begun)
    return release(site)


def asked_again(site: Site, **answers: str | None) -> Any:
    """The new screen has these answers."""
    site.screen(answers={link.replace("__", ".").replace("_", "-"): given for link, given in answers.items()})
    site.pass_time(minutes=1)
    return release(site)


def asked_again_by_a_trainee(site: Site) -> Any:
    """The new screen is a trainee's, and nobody has signed it."""
    site.join("Practitioner/t1", "Terry Moss", "T-1", "clinician", trainee_of=SUPERVISOR)
    site.screen(author="Practitioner/t1")
    site.pass_time(minutes=1)
    return release(site)


def drunk_and_assessed(site: Site) -> Any:
    """A physician's disposition is written down, and Rosa was drunk."""
    site.screen(answers={"medical.intoxicated": "yes"})
    evidence(site, "medical-disposition", site.pat, clinician="Dr. Lena Ortiz, MD")
    return site.desk.assess(ROSA, "medical", level="low", signer=site.pat)


def correct(site: Site, *, after: float = 1, screen: Mapping[str, Any] = {}, **who: Signer | None) -> Any:
    """Correct the acute screen so many hours later; `screen` changes the correcting one."""
    old = screen_id(site)
    site.pass_time(hours=after)
    cited = {"url": codes.CORRECTS, "valueReference": {"reference": f"QuestionnaireResponse/{old}"}}
    author = who.get("signer") or site.pat
    given = {"authored": site.at, "author": author.who, "extension": [cited], **screen}
    response = make_screen(site.policy, **given)
    return site.desk.correct(response, **{"signer": site.pat, "second": site.sam, **who})


def screen_id(site: Site) -> str:
    """The id of Rosa's latest screen."""
    return str(site.desk.protocol(ROSA, actor=CLINICIAN)["screens"][-1])


def trainees_screen(site: Site) -> Any:
    """Terry is Lou's trainee, and Sam signs for Lou."""
    lou(site)
    site.join("Practitioner/t1", "Terry Moss", "T-1", "clinician", trainee_of=LOU)
    site.screen(author="Practitioner/t1")
    return site.desk.cosign(screen_id(site), signer=site.sam)


@dataclass(frozen=True)
class Row:
    """One refusal: where it begins, the attempt, how its sentence starts, its code and its kind of record."""

    begins: Callable[[Site], Any]
    attempt: Callable[[Site], Any]
    says: str
    code: str
    kind: str


RELEASE, OVERRIDE, PEOPLE, ASSESS = "protocol.released", "override.refused", "actor.changed", "assessment.recorded"
SAME = "The same person cannot sign twice: two signers are two people."
NOBODY = "This needs a second signer: --second and their key."
NOT_SECOND = "The second signer must be a supervisor, or the consultant that the policy names."
OWN_WORK = "The second signer made the plan, the screen or the evidence that this is about: ask somebody else."
ONE_KEY = "Both signatures come from one key: two signers have two keys."

ROWS: dict[str, Row] = {
    # two people, two keys
    "release signed twice by one": Row(ready, lambda s: release(s, second=s.pat), SAME, "same-person", RELEASE),
    "override signed twice by one": Row(
        left_open, lambda s: override(s, *LEFT_OPEN, second=s.pat), SAME, "same-person", OVERRIDE
    ),
    "release signed by one": Row(ready, lambda s: release(s, second=None), NOBODY, "no-second-signer", RELEASE),
    "override signed by one": Row(
        left_open, lambda s: override(s, *LEFT_OPEN, second=None), NOBODY, "no-second-signer", OVERRIDE
    ),
    "one key under two names": Row(
        ready, lambda s: release(s, second=Signer(SUPERVISOR, s.pat.key)), ONE_KEY, "same-key", RELEASE
    ),
    "another's name over one's own key": Row(
        ready,
        lambda s: release(s, signer=Signer(SUPERVISOR, s.pat.key), second=None),
        "The key given is not the one that Practitioner/s1 enrolled with.",
        "foreign-key",
        RELEASE,
    ),
    "a second name over a fresh key": Row(
        ready,
        lambda s: release(s, second=new_signer(SUPERVISOR)),
        "The key given is not the one that Practitioner/s1 enrolled with.",
        "foreign-key",
        RELEASE,
    ),
    # who may sign
    "signed by nobody known": Row(
        ready,
        lambda s: release(s, signer=new_signer(NEW)),
        "Practitioner/new is not enrolled here, so cannot sign this.",
        "not-enrolled",
        RELEASE,
    ),
    "seconded by nobody known": Row(
        ready,
        lambda s: release(s, second=new_signer(NEW)),
        "Practitioner/new is not enrolled here, so cannot sign this.",
        "not-enrolled",
        RELEASE,
    ),
    "signed by somebody revoked": Row(
        ready, signed_by_somebody_revoked, "The enrolment of Practitioner/p1 was revoked.", "revoked", RELEASE
    ),
    "seconded by somebody revoked": Row(
        ready, seconded_by_somebody_revoked, "The enrolment of Practitioner/s1 was revoked.", "revoked", RELEASE
    ),
    "signed without a clinical role": Row(
        held,
        lambda s: evidence(s, "disposition", s.keys[COMPLIANCE]),
        "Practitioner/c1 is enrolled without a clinical role, so cannot sign this.",
        "role",
        "protocol.step",
    ),
    "seconded by compliance": Row(
        ready,
        lambda s: release(s, second=s.keys[COMPLIANCE]),
        "Somebody in compliance is never the second signer.",
        "compliance",
        RELEASE,
    ),
    "seconded by a colleague": Row(
        ready,
        lambda s: release(s, second=s.join(LOU, "Lou Ray", "L-400", "clinician")),
        NOT_SECOND,
        "not-second-signer",
        RELEASE,
    ),
    "seconded by a consultant whom the policy does not name": Row(
        ready,
        lambda s: release(s, second=s.join(LOU, "Lou Ray", "L-400", "consultant")),
        NOT_SECOND,
        "not-second-signer",
        RELEASE,
    ),
    "seconded by the author of the evidence": Row(
        ready, seconded_by_the_evidences_author, OWN_WORK, "own-work", RELEASE
    ),
    "seconded by the author of the screen": Row(ready, seconded_by_the_screens_author, OWN_WORK, "own-work", RELEASE),
    "seconded by the author of the plan": Row(ready, seconded_by_the_plans_author, OWN_WORK, "own-work", RELEASE),
    # the release
    "one need missing": Row(
        held,
        release,
        "Not written down yet: risk-assessment, safety-plan, means-counselling, supervisor-consult, disposition,",
        "need-missing",
        RELEASE,
    ),
    "nobody asked again": Row(
        documented,
        release,
        "There is no new screen made after the hold: ask again, and record it.",
        "no-new-screen",
        RELEASE,
    ),
    "asked before the hold": Row(
        nothing,
        asked_before_the_hold,
        "There is no new screen made after the hold: ask again, and record it.",
        "no-new-screen",
        RELEASE,
    ),
    "asked again, and something left open": Row(
        documented,
        lambda s: asked_again(s, suicide__recent_behaviour="unsure"),
        "The newest screen leaves something open in this domain.",
        "screen-incomplete",
        RELEASE,
    ),
    "asked again by a trainee, and not co-signed": Row(
        documented,
        asked_again_by_a_trainee,
        "The newest screen cannot be relied on: a trainee's screen waits for the co-signature.",
        "not-current",
        RELEASE,
    ),
    "nothing acute there": Row(
        ready,
        lambda s: s.desk.release(ROSA, "eating", reason="x", signer=s.pat, second=s.sam),
        "Nothing in this domain is acute, so there is nothing to release.",
        "nothing-acute",
        RELEASE,
    ),
    # the assessment
    "an assessment of what is acute": Row(
        documented,
        lambda s: assess(s, "high"),
        "This domain is acute: an assessment cannot end that, only a release with its needs and a new screen.",
        "acute",
        ASSESS,
    ),
    "an assessment of nothing": Row(
        everybody,
        lambda s: assess(s, "low"),
        "Nothing in this domain is elevated, so there is nothing to end.",
        "nothing-elevated",
        ASSESS,
    ),
    "an assessment before all is written down": Row(
        lambda s: (s.enrol(), s.screen(answers={"violence.controlled": "yes"})),
        lambda s: s.desk.assess(ROSA, "violence", level="low", signer=s.pat),
        "Not written down yet: danger-level, safety-plan-or-declined.",
        "need-missing",
        ASSESS,
    ),
    "a high one signed by one": Row(
        elevated, lambda s: assess(s, "high", second=None), NOBODY, "no-second-signer", ASSESS
    ),
    "a low one of what was written down as high": Row(
        elevated,
        lambda s: (evidence(s, "risk-assessment", s.pat, level="high"), assess(s, "low")),
        "What was written down says a higher level than this assessment: it is that level which counts.",
        "level",
        ASSESS,
    ),
    "an assessment of somebody who is drunk": Row(
        everybody,
        drunk_and_assessed,
        "What is elevated here ends with a new screen only, never with an assessment.",
        "new-screen",
        ASSESS,
    ),
    "a consultation with oneself": Row(
        held,
        lambda s: evidence(s, "supervisor-consult", s.pat, **{"with": "Roe, Pat"}),
        "A consultation is with somebody else: name whom you spoke with.",
        "own-consultation",
        "protocol.step",
    ),
    "a medical finding of her own": Row(
        held,
        lambda s: evidence(s, "medical-clearance", s.pat, clinician="Pat Roe"),
        "A medical clinician's finding is needed here",
        "not-medical",
        "protocol.step",
    ),
    # the override
    "an override of no item": Row(
        left_open,
        override,
        "An override names each item that it covers; this one names none.",
        "no-item",
        OVERRIDE,
    ),
    "an override of a finding": Row(
        elevated,
        lambda s: override(s, "suicide.ideation"),
        "suicide.ideation was answered: an override covers only what was left open",
        "not-silent",
        OVERRIDE,
    ),
    "an override of no such item": Row(
        left_open,
        lambda s: override(s, "eating.everything"),
        "eating.everything is no item that an override can cover.",
        "not-coverable",
        OVERRIDE,
    ),
    "a reason that is none": Row(
        left_open,
        lambda s: override(s, *LEFT_OPEN, reason_code="time-pressure"),
        "The reason must be one of: validated-elsewhere-same-day, client-cannot-answer-collateral-used,",
        "reason-code",
        OVERRIDE,
    ),
    "a rationale of a word": Row(
        left_open,
        lambda s: override(s, *LEFT_OPEN, rationale="Needed."),
        "The rationale must have at least 40 characters.",
        "rationale-short",
        OVERRIDE,
    ),
    "an override with no screen": Row(
        everybody,
        lambda s: override(s, *LEFT_OPEN),
        "There is no readable screen that an override could stand on.",
        "unreadable",
        OVERRIDE,
    ),
    "an override of yesterday's screen": Row(
        left_open,
        lambda s: (s.pass_time(hours=25), override(s, *LEFT_OPEN)),
        "An override needs a current screen: ",
        "not-current",
        OVERRIDE,
    ),
    # the entry error
    "a slip of the day before": Row(
        held,
        lambda s: correct(s, after=24),
        "The earlier screen was recorded more than 24 hours ago: ",
        "entry-error-late",
        RELEASE,
    ),
    "a slip of somebody else's": Row(
        held,
        lambda s: correct(s, signer=lou(s)),
        "Only the author of the earlier screen corrects a mistaken entry.",
        "not-the-author",
        RELEASE,
    ),
    "a slip in another's chart": Row(
        held,
        lambda s: correct(s, screen={"subject": "Patient/tom"}),
        "The screen cites another person's: a screen in the wrong chart is retracted, not corrected.",
        "other-person",
        RELEASE,
    ),
    "a slip corrected by half a screen": Row(
        held,
        lambda s: correct(s, screen={"status": "in-progress"}),
        "The correcting screen cannot be read in full, so it corrects nothing.",
        "unreadable",
        RELEASE,
    ),
    "a slip, and not everything asked again": Row(
        held,
        lambda s: correct(s, screen={"answers": LEFT_OPEN}),
        "The client is asked again about everything: eating.rapid-loss is left open",
        "left-open",
        RELEASE,
    ),
    "a slip, and the client not asked again": Row(
        held,
        lambda s: correct(s, screen={"authored": s.at - timedelta(hours=1)}),
        "The client is asked again after the mistaken screen: this one was made before it was recorded.",
        "not-asked-again",
        RELEASE,
    ),
    "a slip corrected tomorrow": Row(
        held,
        lambda s: correct(s, screen={"authored": s.at + timedelta(hours=2)}),
        "The correcting screen is dated in the future.",
        "not-asked-again",
        RELEASE,
    ),
    "a slip confirmed by nobody": Row(held, lambda s: correct(s, second=None), NOBODY, "no-second-signer", RELEASE),
    # the retraction and the co-signature
    "a retraction signed by one": Row(
        held,
        lambda s: s.desk.retract_screen(screen_id(s), reason="x", signer=s.pat, second=None),
        NOBODY,
        "no-second-signer",
        "screen.retracted",
    ),
    "a trainee's screen signed by another's supervisor": Row(
        everybody,
        trainees_screen,
        "Only the supervisor whom the trainee is enrolled with co-signs their screen.",
        "not-the-supervisor",
        ASSESS,
    ),
    # who may look
    "a proxy who asks for the protocol": Row(
        held,
        lambda s: s.desk.protocol(ROSA, actor="RelatedPerson/mum"),
        "Only the clinicians who work with this person see this.",
        "not-for-proxies",
        "trail.viewed",
    ),
    # the people
    "the first one vouches for nobody": Row(
        nothing,
        enrol,
        "The first person enrolled must be compliance, so that others can be vouched for.",
        "first-cannot-vouch",
        PEOPLE,
    ),
    "vouched for by nobody": Row(
        everybody,
        lambda s: enrol(s, by=None),
        "Somebody enrolled as compliance vouches for the next person: --by and their key.",
        "nobody-vouches",
        PEOPLE,
    ),
    "vouched for by themselves": Row(
        everybody, lambda s: enrol(s, by=new_signer(NEW)), "Nobody vouches for themselves.", "same-person", PEOPLE
    ),
    "vouched for in another's name": Row(
        everybody,
        lambda s: enrol(s, by=Signer(COMPLIANCE, s.pat.key)),
        "The key given is not the one that Practitioner/c1 enrolled with.",
        "foreign-key",
        PEOPLE,
    ),
    "vouched for by a clinician": Row(
        everybody,
        lambda s: enrol(s, by=s.pat),
        "Only somebody enrolled as compliance enrols and revokes others.",
        "not-vouching",
        PEOPLE,
    ),
    "the same licence under another id": Row(
        everybody,
        lambda s: enrol(s, licence="l-200"),
        "This licence is enrolled already under another id: two signers are two people.",
        "licence-enrolled",
        PEOPLE,
    ),
    "the same licence, written with blanks": Row(
        everybody,
        lambda s: enrol(s, licence=" L-200 "),
        "This licence is enrolled already under another id: two signers are two people.",
        "licence-enrolled",
        PEOPLE,
    ),
    "the same key under another id": Row(
        everybody,
        lambda s: enrol(s, key=Signer(NEW, s.pat.key)),
        "This key is enrolled already: each person has a key of their own.",
        "key-enrolled",
        PEOPLE,
    ),
    "a key made for somebody else": Row(
        everybody,
        lambda s: enrol(s, key=new_signer(LOU)),
        "A person is enrolled under a key of their own.",
        "foreign-key",
        PEOPLE,
    ),
    "the same id again": Row(
        everybody,
        lambda s: enrol(s, CLINICIAN, licence="L-200"),
        "Practitioner/p1 is enrolled already; revoke that enrolment first.",
        "enrolled",
        PEOPLE,
    ),
    "a trainee of nobody": Row(
        everybody,
        lambda s: enrol(s, trainee_of=CLINICIAN),
        "A trainee is enrolled with a supervisor who is enrolled here as one.",
        "no-supervisor",
        PEOPLE,
    ),
    "nobody to revoke": Row(
        everybody,
        lambda s: s.desk.revoke(NEW, reason="x", by=s.keys[COMPLIANCE]),
        "Practitioner/new is not enrolled here.",
        "not-enrolled",
        PEOPLE,
    ),
    "revoked by a clinician": Row(
        everybody,
        lambda s: s.desk.revoke(SUPERVISOR, reason="x", by=s.pat),
        "Only somebody enrolled as compliance enrols and revokes others.",
        "not-vouching",
        PEOPLE,
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_it_is_refused_in_its_sentence_and_on_record(site: Site, name: str) -> None:
    """Each row without its rule was let through or said something else: the rule is the planted bug of its row."""
    row = ROWS[name]
    site.morning()
    row.begins(site)
    with pytest.raises(Refused) as caught:
        row.attempt(site)
    assert caught.value.message.startswith(row.says)
    assert caught.value.exit_code == 3
    assert caught.value.hint == ON_RECORD
    record = site.records(1)[0]
    assert (record["outcome"], record["reason"], record["kind"]) == ("refused", row.code, row.kind)
    assert row.says not in str(site.records()), "the trail holds codes, never sentences"
    assert "act" not in record["details"], "nothing of the attempt counts"
    assert site.save(make_draft())["saved"] is False
    assert site.desk.health()["records"] > 0


def test_no_two_rules_share_a_sentence() -> None:
    """A code has one sentence, and a sentence one code; what it names (an id, a need) may differ."""
    codes_of: dict[str, set[str]] = {}
    for row in ROWS.values():
        codes_of.setdefault(row.says, set()).add(row.code)
    assert {says: found for says, found in codes_of.items() if len(found) > 1} == {}


ELSEWHERE = {
    "baseline-there": "tests/desk/test_sweep_baseline.py",
    "not-compliance": "tests/desk/test_sign_off.py",
    "signed-off": "tests/desk/test_sign_off.py: two sign off one item at one moment",
    "not-policy-owner": "tests/desk/test_policy_signing.py",
    "not-signed": "the API asks for a signer; the console refuses before it does",
    "still-acute": "an acute new screen begins a hold of its own, so that no newer screen is there",
}
"""Codes that have no row here, and why."""


def test_every_code_of_the_software_has_its_row() -> None:
    """Whoever adds a refusal adds its row. Planted: a refusal without one; caught."""
    written = "".join(path.read_text(encoding="utf-8") for path in (PLUGIN / "withness").rglob("*.py"))
    codes_there = set(re.findall(r'Refusal\(\s*"([a-z-]+)"', written))
    assert codes_there - {row.code for row in ROWS.values()} - ELSEWHERE.keys() == set()


@pytest.mark.parametrize(("spent", "code"), [("used", "override-used"), ("expired", "override-expired")])
def test_an_override_that_is_spent_is_refused_when_a_plan_asks_for_it(site: Site, spent: str, code: str) -> None:
    """Nobody signs anything there: the plan is held as if it had never been, and the record says why."""
    site.morning()
    left_open(site)
    override(site, *LEFT_OPEN)
    if spent == "used":
        site.save()
    else:
        site.pass_time(hours=72, seconds=1)
    before = [one["reason"] for one in site.records() if one["kind"] == OVERRIDE]
    answer = site.save(make_draft())
    assert (answer["saved"], answer["decision"]) == (False, "held-incomplete")
    assert answer["sentence"].startswith("The plan waits: something is missing, unsure, declined, too old")
    after = [one["reason"] for one in site.records() if one["kind"] == OVERRIDE]
    assert after == [*before, code]
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("role", ["clinician", "supervisor", "consultant"])
def test_whoever_vouches_for_people_signs_nothing_clinical(site: Site, role: str) -> None:
    """Compliance is a role apart: with another one beside it nobody is enrolled at all (exit 2)."""
    site.enrol()
    with pytest.raises(InvalidInput, match="Whoever vouches for others signs nothing clinical"):
        enrol(site, roles=["compliance", role])
    assert NEW not in [one["who"] for one in site.desk.actors()]
    assert site.desk.health()["records"] > 0


def test_who_gave_the_consultation_may_sign_second(site: Site) -> None:
    """The one exception: the supervisor who was consulted, and wrote that down, is no author of the case."""
    site.morning()
    documented(site)
    evidence(site, "supervisor-consult", site.sam)
    site.pass_time(minutes=5)
    site.screen()
    assert release(site)["decision"] == "released"
    assert site.desk.health()["records"] > 0
