"""Hostile input: one sentence naming the field, exit 2, nothing written, nobody's words repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import Site, make_draft

DEEP = '{"a":' * 5000 + "1" + "}" * 5000


def drafts() -> dict[str, tuple[str, str]]:
    """Name → (content, the field that the refusal names)."""

    def changed(*path: Any, value: Any) -> str:
        draft: Any = make_draft()
        at = draft
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        return json.dumps(draft)

    return {
        "10 MB of words": (changed("concern", "words", value="w" * 10_000_000), "FILE"),
        "words above the limit": (changed("concern", "words", value="w" * 20_001), "concern.words"),
        "deep JSON": (DEEP, "FILE"),
        "a NUL byte": (changed("concern", "words", value="a\x00b"), "concern.words"),
        "half a surrogate pair": (changed("concern", "words", value="X").replace('"X"', '"\\ud800"'), "concern.words"),
        "a number for words": (changed("concern", "words", value=7), "concern.words"),
        "an unknown field": (changed("concern", "mood", value="low"), "concern.mood"),
        "a key twice": (json.dumps(make_draft())[:-1] + ', "lead": "client-led"}', "FILE"),
        "a path in an id": (changed("unit", "members", value=["Patient/../../etc/passwd"]), "unit.members[0]"),
        "a URL for an id": (changed("encounter", value="https://elsewhere.example/Encounter/1"), "encounter"),
        "an id too long": (changed("author", value="Practitioner/" + "x" * 65), "author"),
        "text for a number": (changed("frame", "session_minutes", value="50"), "frame.session_minutes"),
        "true for a number": (changed("goals", 0, "target", value={"count": True, "of": 4}), "goals[0].target.count"),
        "a day that is none": (changed("frame", "start", value="2026-02-30"), "frame.start"),
        "a request id that is none": (changed("request_id", value="1"), "request_id"),
        "no JSON": ("client words, not JSON", "FILE"),
        "a list": ("[]", "FILE"),
        "nothing": ("", "FILE"),
        "NaN": (json.dumps(make_draft())[:-1] + ', "x": NaN}', "FILE"),
    }


@pytest.mark.parametrize("name", drafts())
def test_a_hostile_draft_is_refused_in_one_sentence(site: Site, name: str) -> None:
    """Planted: the traceback of a RecursionError let through; "deep JSON" caught it."""
    content, field = drafts()[name]
    site.screen()
    with site.context.store.transaction() as tx:
        before = tx.last()
    done = site.console("plan", "save", "-", "--json", stdin=content.encode("utf-8", "surrogatepass"))
    assert done.returncode == 2, done.stderr
    said = json.loads(done.stdout)
    assert said["field"] == field
    assert len(done.stderr.splitlines()) <= 2
    assert "Traceback" not in done.stderr
    assert "client words" not in done.stderr + done.stdout
    with site.context.store.transaction() as tx:
        assert tx.last() == before
        assert tx.plan_ids() == ()
    assert site.plans_in_chart() == 0


def screens(site: Site) -> dict[str, str]:
    """Screens whose file or subject cannot be read."""

    def changed(**changes: Any) -> str:
        return json.dumps(make_screen(site.policy, authored=site.at, **changes))

    return {
        "no subject": json.dumps({"resourceType": "QuestionnaireResponse", "status": "completed"}),
        "a path in the subject": changed(subject="Patient/../rosa"),
        "a practitioner as subject": changed(subject="Practitioner/p1"),
        "another resource": json.dumps({"resourceType": "Patient", "id": "rosa"}),
        "a number": "7",
        "deep": DEEP,
        "not UTF-8": "\udcff",
    }


def test_a_screen_that_cannot_be_read_is_refused_and_one_that_can_is_recorded(site: Site) -> None:
    """Exit 2 only when the file or its subject cannot be read; garbage in the items is recorded and holds, exit 3."""
    for name, content in screens(site).items():
        done = site.console("screen", "-", "--json", stdin=content.encode("utf-8", "surrogateescape"))
        assert done.returncode == 2, name
        assert "Traceback" not in done.stderr
    garbage = {
        "subject": {"reference": "Patient/rosa"},
        "resourceType": "QuestionnaireResponse",
        "item": [{"linkId": 5}, "x", None, {"item": 3}],
    }
    code, said = site.console_json("screen", "-", stdin=json.dumps(garbage))
    assert code == 3
    assert said["decision"] == "held-incomplete"
    with site.context.store.transaction() as tx:
        assert len(tx.screens("Patient/rosa")) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "save", "/nowhere/draft.json"),
        ("gate", "rosa"),
        ("gate", "Patient/rosa", "--encounter", "x"),
        ("templates", "nope"),
        ("nope",),
        ("questionnaire", "nope"),
        ("plan", "show", "nope"),
        ("audit", "show", "--limit", "0"),
    ],
)
def test_every_command_refuses_bad_arguments_with_exit_2(site: Site, arguments: tuple[str, ...]) -> None:
    """One sentence, no traceback."""
    done = site.console(*arguments)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_remote_ehr_is_refused_in_demo_mode(site: Site) -> None:
    """The shipped policy has no owner: nothing leaves this machine under it."""
    site.desk.close()
    environment = {**site.environment(), "WITHNESS_EHR_URL": "https://ehr.example/fhir"}
    site.environment = lambda: environment  # type: ignore[method-assign]
    code, said = site.console_json("plan", "list")
    assert (code, said["field"]) == (2, "WITHNESS_EHR_URL")
