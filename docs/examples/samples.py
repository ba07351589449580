"""Invented people for trying Withness: `python docs/examples/samples.py` writes their screens and plans here.

    rosa-screen.json  rosa-plan.json    every question answered no: released
    tom-screen.json   tom-plan.json     thinking about suicide right now, as the instrument's result says, too: held
    rosa-check-in.json                  at the end of the session she felt heard and understood

Never fill a real person's screen like this: each answer of a screen is one that was asked for and given.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import withness
from withness.packs.forms import load_forms

BASE = "https://withness.example/fhir"
FURTHER = ("informant", "ask", "asked-alone")
"""Items of a domain that are no questions about risk."""
WORDS = {
    "rosa": "I want somebody to get it\n– und zwar so, wie ich es sage. 🌱",
    "ana": "Find two ways this new town could become mine",
    "tom": "Tell it once in a way that isn't only my fault",
}
ANSWERS: dict[str, dict[str, str]] = {
    "rosa": {},
    "tom": {"suicide.ideation": "yes", "suicide.now": "yes", "suicide.validated.result": "acute-positive"},
}


def screen(name: str, questions: Iterable[str], version: str, answers: Mapping[str, str]) -> dict[str, Any]:
    """Return a risk screen of today: each question answered no but for `answers`, and its further items filled.

    `questions` are the linkIds of the form, `version` is its version.
    """
    now = datetime.now(UTC)
    domains: dict[str, list[dict[str, Any]]] = {}
    for link in questions:
        domain, _, item = link.partition(".")
        if domain in ("integration", "setting") or not item or "." in item or item in FURTHER:
            continue
        items = domains.setdefault(domain, [_coded(f"{domain}.informant", "risk-screen-informant", "client")])
        items.append(_coded(link, "risk-screen-answer", answers.get(link, "no")))
    domains["violence"].append(_coded("violence.asked-alone", "risk-screen-answer", "yes"))
    domains["suicide"] += [
        {"linkId": "suicide.validated.instrument", "answer": [{"valueString": "ASQ"}]},
        {"linkId": "suicide.validated.version", "answer": [{"valueString": "the site's copy"}]},
        {"linkId": "suicide.validated.date", "answer": [{"valueDate": now.date().isoformat()}]},
        {"linkId": "suicide.validated.by", "answer": [{"valueString": "P. One"}]},
        _coded("suicide.validated.result", "validated-result", answers.get("suicide.validated.result", "negative")),
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{BASE}/Questionnaire/risk-screen|{version}",
        "status": "completed",
        "subject": {"reference": f"Patient/{name}"},
        "encounter": {"reference": f"Encounter/{name}-today"},
        "authored": now.isoformat(timespec="seconds"),
        "author": {"reference": "Practitioner/p1"},
        "item": [{"linkId": domain, "item": items} for domain, items in domains.items()],
    }


def _coded(link: str, system: str, code: str) -> dict[str, Any]:
    return {"linkId": link, "answer": [{"valueCoding": {"system": f"{BASE}/CodeSystem/{system}", "code": code}}]}


def plan(name: str) -> dict[str, Any]:
    """Return a plan draft with one goal in this person's words."""
    today = datetime.now(UTC).date()
    goal = {
        "template": "heard",
        "words": WORDS[name],
        "by": f"Patient/{name}",
        "within": {"sessions": 4},
        "target": {"count": 3, "of": 4},
        "responsible": "client",
        "acceptance": [{"who": f"Patient/{name}", "status": "agree"}],
    }
    return {
        "unit": {"kind": "individual", "members": [f"Patient/{name}"]},
        "encounter": f"Encounter/{name}-today",
        "author": "Practitioner/p1",
        "lead": "client-led",
        "concern": {"words": "At home I talk and nobody really hears me.", "problems": ["feeling-unheard"]},
        "frame": {
            "start": today.isoformat(),
            "review_by": (today + timedelta(days=90)).isoformat(),
            "frequency_weeks": 1,
            "session_minutes": 50,
            "other_treatment": "Talked about; none wanted for now.",
        },
        "goals": [goal],
        "resources_named_by_client": ["My sister"],
        "psychoeducation": {},
        "supersedes": None,
        "request_id": str(uuid4()),
    }


def check_in(name: str) -> dict[str, Any]:
    """Return a session check-in of now with one answer, felt understood, and some words; the rest is skipped."""
    form = next(one for one in load_forms() if one.id == "session-check-in")
    understood = _coded("understood", "felt-understood-answer", "yes")
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{BASE}/Questionnaire/{form.id}|{form.version}",
        "status": "completed",
        "subject": {"reference": f"Patient/{name}"},
        "encounter": {"reference": f"Encounter/{name}-today"},
        "authored": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {"reference": f"Patient/{name}"},
        "item": [
            {"linkId": "today", "item": [understood]},
            {"linkId": "words", "answer": [{"valueString": "It was easier to talk today."}]},
        ],
    }


def main() -> None:
    """Write the five files into the folder that this is called from, and nothing anywhere else."""
    with tempfile.TemporaryDirectory(prefix="withness-samples-") as folder:
        settings = withness.Settings(home=Path(folder) / "home", key_file=Path(folder) / "keys" / "samples.key")
        with withness.load(settings) as desk:  # not your data directory: it is only asked for the form
            questions, version = list(desk.questions()), desk.health()["policy"]["version"]
    files = {}
    for name, answers in ANSWERS.items():
        files[f"{name}-screen.json"] = screen(name, questions, version, answers)
        files[f"{name}-plan.json"] = plan(name)
    files["rosa-check-in.json"] = check_in("rosa")
    for file, content in files.items():
        Path(file).write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
        print(f"Wrote {file}")


if __name__ == "__main__":
    main()
