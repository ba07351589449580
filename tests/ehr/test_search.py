"""The client's searches on the wire: what is sent, what each page means, and what none of its errors may say."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses

from withness.ehr.client import FhirClient
from withness.ehr.search import PAGES
from withness.errors import EhrRefused, EhrUnavailable, WithnessError

BASE = "https://ehr.example/fhir"
OBSERVATIONS, PATIENTS = f"{BASE}/Observation/_search", f"{BASE}/Patient/_search"
ENCOUNTERS = f"{BASE}/Encounter/_search"
ROSA = "Patient/id-of-rosa"
CODES = ["93374-7", "44260-8"]
SINCE = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PHI = ("of-rosa", "of-tom", "Rosa", "token-that-nobody-may-see")
Ask = Callable[[FhirClient], object]


def observation(id: str = "o1", subject: Any = ROSA, **more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "http://loinc.org", "code": "44260-8"}]}
    about = {"reference": subject}
    return {"resourceType": "Observation", "id": id, "status": "final", "subject": about, "code": code, **more}


def patient(id: str, *others: str, **more: Any) -> dict[str, Any]:
    links = [{"other": {"reference": other}, "type": "seealso"} for other in others]
    return {"resourceType": "Patient", "id": id, "link": links, **more}


def page(*resources: Any, following: object = None, **more: Any) -> dict[str, Any]:
    links = [{"relation": "self", "url": f"{BASE}/x"}]
    links += [] if following is None else [{"relation": "next", "url": following}]
    entry = [{"resource": one, "search": {"mode": "match"}} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entry, **more}


@pytest.fixture
def client() -> Iterator[FhirClient]:
    with closing(FhirClient(BASE, token=PHI[-1], timeout=2)) as made:
        yield made


@pytest.fixture
def ehr() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as made:
        yield made
        for call in made.calls:
            assert not any(one in str(call.request.url) for one in PHI)


def search(client: FhirClient) -> list[str]:
    return [one["id"] for one in client.observations(ROSA, CODES, SINCE)]


def form(request: Any) -> dict[str, list[str]]:
    body = request.body
    return parse_qs(body.decode() if isinstance(body, bytes) else body)


def says_nothing(error: WithnessError) -> bool:
    """Whether neither the error nor what it comes from holds an id, a name or the token (contracts I9)."""
    said = str(error) + repr(error) + repr(error.as_dict()) + repr(error.__cause__) + repr(error.__context__)
    return error.message.endswith(".") and not any(one in said for one in PHI)


def test_the_search_is_posted_as_a_form_and_no_kept_answer_will_do(
    client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Catches: the patient's id in a URL (contracts I9), a cached answer, components left out of the search."""
    ehr.post(OBSERVATIONS, json=page(observation()))
    assert search(client) == ["o1"]
    request = ehr.calls[0].request
    assert form(request) == {
        "patient": ["id-of-rosa"],
        "combo-code": ["http://loinc.org|44260-8,http://loinc.org|93374-7"],
        "_count": ["100"],
    }
    sent = request.headers
    assert (sent["Cache-Control"], sent["Accept"]) == ("no-cache", "application/fhir+json")
    assert sent["Content-Type"] == "application/x-www-form-urlencoded"


def test_answers_to_a_form_are_asked_for_by_patient_in_a_form(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: the patient's id in a URL; another's answers given because the EHR sent them."""
    mine = {"resourceType": "QuestionnaireResponse", "id": "r1", "subject": {"reference": ROSA}, "status": "completed"}
    url = f"{BASE}/QuestionnaireResponse/_search"
    ehr.post(url, json=page({**mine, "questionnaire": f"{FORM}|0.1.0"}))
    assert [one["id"] for one in client.responses(ROSA, FORM)] == ["r1"]
    assert form(ehr.calls[0].request) == {"patient": ["id-of-rosa"], "_count": ["100"]}
    ehr.replace("POST", url, json=page({**mine, "subject": {"reference": "Patient/id-of-tom"}}))
    with pytest.raises(EhrUnavailable) as refused:
        client.responses(ROSA, FORM)
    assert says_nothing(refused.value)


def test_encounters_are_asked_for_by_patient_in_a_form(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: the patient's id in a URL; a status that is searched for; another's given because the EHR sent them."""
    mine = {"resourceType": "Encounter", "id": "e1", "subject": {"reference": ROSA}, "status": "cancelled"}
    ehr.post(ENCOUNTERS, json=page(mine, {**mine, "id": "e2", "subject": {"reference": f"{BASE}/{ROSA}"}}))
    assert [one["id"] for one in client.encounters(ROSA)] == ["e1", "e2"]
    assert form(ehr.calls[0].request) == {"patient": ["id-of-rosa"], "_count": ["100"]}
    ehr.replace("POST", ENCOUNTERS, json=page(mine, {**mine, "subject": {"reference": "Patient/id-of-tom"}}))
    with pytest.raises(EhrUnavailable) as refused:
        client.encounters(ROSA)
    assert says_nothing(refused.value)


def test_links_are_searched_for_by_form_in_both_directions(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: the person read by URL, one direction left out, a step asked twice, an absolute link not understood."""
    held = [
        patient("id-of-rosa"),
        patient("old-of-rosa", f"{BASE}/{ROSA}/_history/2", "RelatedPerson/mother-of-tom"),
        patient("new-of-rosa", "RelatedPerson/mother-of-tom"),
        patient("id-of-tom"),
    ]

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        asked = {name: value[0].split(",") for name, value in form(request).items()}
        own = [one for one in held if one["id"] in asked.get("_id", [])]
        named = [one for one in held if any(name in json.dumps(one["link"]) for name in asked.get("link", []))]
        return 200, {}, json.dumps(page(*own, *named))

    ehr.add_callback("POST", PATIENTS, callback=answer)
    linked = {"Patient/old-of-rosa", "RelatedPerson/mother-of-tom", "Patient/new-of-rosa"}
    assert client.linked(ROSA) == linked
    assert client.linked("RelatedPerson/mother-of-tom") == linked - {"RelatedPerson/mother-of-tom"} | {ROSA}
    asked = [tuple(form(call.request).items()) for call in ehr.calls]
    assert asked[:2] == [
        (("_id", ["id-of-rosa"]), ("_count", ["100"])),
        (("link", [ROSA]), ("_count", ["100"])),
    ]
    assert len(asked) == 9
    assert client.linked("Patient/old-of-rosa") == linked - {"Patient/old-of-rosa"} | {ROSA}


def test_every_page_of_the_same_base_is_read(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: a page left out, an opaque or a relative address misread, an Observation on two pages given twice."""
    ehr.post(OBSERVATIONS, json=page(observation("o1"), following=f"{BASE}?_getpages=a%2Bb&n=2"))
    ehr.get(f"{BASE}?_getpages=a%2Bb&n=2", json=page(observation("o2"), following="Observation?token=3"))
    ehr.get(f"{BASE}/Observation?token=3", json=page(observation("o2"), following="HTTPS://EHR.example:443/fhir/p/4"))
    ehr.get(f"{BASE}/p/4", json=page(observation("o4")))
    assert search(client) == ["o1", "o2", "o4"]
    assert [call.request.headers["Cache-Control"] for call in ehr.calls] == ["no-cache"] * 4
    assert ehr.calls[1].request.headers["Authorization"] == f"Bearer {PHI[-1]}"


@pytest.mark.parametrize(
    "following",
    [
        f"{BASE}/Observation?patient=id-of-rosa&page=2",
        f"{BASE}/Observation/?subject:Patient=id-of-rosa&page=2",
        f"{BASE}/Observation/_search?%70atient=Patient%2Fid-of-rosa&page=2",
        "Observation?patient.identifier=id-of-rosa&page=2",
    ],
)
def test_a_next_page_that_names_the_patient_is_posted_too(
    client: FhirClient, ehr: responses.RequestsMock, following: str
) -> None:
    """Catches: the EHR's own link putting the patient's id into a URL (contracts I9)."""
    ehr.post(OBSERVATIONS, json=page(observation("o1"), following=following))
    ehr.post(OBSERVATIONS, json=page(observation("o2")))
    assert search(client) == ["o1", "o2"]
    again = form(ehr.calls[1].request)
    assert again.pop("page") == ["2"]
    assert "id-of-rosa" in next(iter(again.values()))[0]


@pytest.mark.parametrize(
    "following",
    [
        f"{BASE}/{ROSA}/Observation?page=2",
        f"{BASE}?patient=id-of-rosa&page=2",
        f"{BASE}/Patient/_search?patient=id-of-rosa",
    ],
)
def test_a_next_page_that_cannot_but_name_the_patient_is_not_asked_for(
    client: FhirClient, ehr: responses.RequestsMock, following: str
) -> None:
    """Catches: the id in a URL after all."""
    ehr.post(OBSERVATIONS, json=page(observation(), following=following))
    with pytest.raises(EhrUnavailable, match="names a person") as caught:
        search(client)
    assert says_nothing(caught.value)


@pytest.mark.parametrize(
    "following",
    [
        "https://elsewhere.example/fhir?page=2",
        "http://ehr.example/fhir?page=2",
        "https://ehr.example:8443/fhir?page=2",
        "https://ehr.example/other?page=2",
        "https://ehr.example/fhir2?page=2",
        "https://ehr.example/fhir/../other?page=2",
        "https://ehr.example/fhir/%2e%2e/other?page=2",
        "https://ehr.example/fhir/%2E%2E%2Fother?page=2",
        "https://ehr.example/fhir/..\\other?page=2",
        "https://ehr.example/fhir/..;/other?page=2",
        "https://ehr.example@elsewhere.example/fhir?page=2",
        "https://rosa@ehr.example/fhir?page=2",
        "https://ehr.example:port/fhir?page=2",
        "https://[ehr.example/fhir?page=2",
        "//elsewhere.example/fhir?page=2",
        "/other?page=2",
        "../other?page=2",
        "file:///etc/passwd",
        f"{BASE}?page=ฉัน",
        f"{BASE}?page=2#there",
        7,
        {},
    ],
)
def test_a_next_page_elsewhere_is_never_followed(
    client: FhirClient, ehr: responses.RequestsMock, following: object
) -> None:
    """Catches: the token, and the evidence, at whatever address the answer names."""
    ehr.post(OBSERVATIONS, json=page(observation(), following=following))
    with pytest.raises(EhrUnavailable, match="another address") as caught:
        search(client)
    assert says_nothing(caught.value)
    assert len(ehr.calls) == 1


def test_the_pages_are_counted(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: pages that never end followed for ever, or the first ones taken for all."""
    ehr.post(OBSERVATIONS, json=page(observation(), following=f"{BASE}?page=again"))
    ehr.get(f"{BASE}?page=again", json=page(following=f"{BASE}?page=again"))
    with pytest.raises(EhrUnavailable, match="more pages"):
        search(client)
    assert len(ehr.calls) == PAGES == 50


def test_as_many_pages_as_are_allowed_are_read(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: the last page that is allowed refused."""
    for number in range(PAGES):
        following = f"{BASE}?page={number + 1}" if number < PAGES - 1 else None
        add, url = (ehr.get, f"{BASE}?page={number}") if number else (ehr.post, OBSERVATIONS)
        add(url, json=page(observation(f"o{number}"), following=following))
    assert len(search(client)) == PAGES


OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "diagnostics": "Rosa"}]}


def test_an_outcome_beside_what_was_found_is_passed_over(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: a server's remark taken for an unreadable answer, or for an Observation."""
    entry = [{"resource": OUTCOME, "search": {"mode": "outcome"}}, {"resource": observation()}]
    ehr.post(OBSERVATIONS, json=page(entry=entry))
    assert search(client) == ["o1"]


@pytest.mark.parametrize("empty", [{}, {"entry": []}, {"total": 0}])
def test_nothing_found_is_empty(client: FhirClient, ehr: responses.RequestsMock, empty: dict[str, Any]) -> None:
    """Catches: the missing entry list of an empty answer taken for an unreadable one."""
    ehr.post(OBSERVATIONS, json={"resourceType": "Bundle", "type": "searchset", **empty})
    assert search(client) == []


def test_more_than_was_asked_for_is_narrowed_here(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: a server that ignores the codes trusted to have read them."""
    other = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    old = "2026-11-21T11:00:00Z"
    found = [observation("o1", code=other), observation("o2", effectiveDateTime=old), observation("o3")]
    ehr.post(OBSERVATIONS, json=page(*found, observation("o4", status="entered-in-error")))
    assert search(client) == ["o3"]


def body(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


OTHERS = ("Patient/id-of-tom", "Group/id-of-rosa", "https://elsewhere.example/fhir/Patient/id-of-rosa", "#p", None, 7)
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "Rosa"}]}
UNREADABLE = {
    "empty": b"",
    "html": b"<html>Rosa</html>",
    "half": body(page(observation()))[:-30],
    "not utf-8": b'{"resourceType": "\xff"}',
    "nan": body(page(total=float("nan"))),
    "too deep": b"[" * 90_000,
    "a list": body([page(observation())]),
    "an outcome": body(OUTCOME),
    "the resource itself": body(observation()),
    "another bundle": body(page(type="collection")),
    "no type": body({"resourceType": "Bundle"}),
    "entries no list": body(page(entry={"0": observation()})),
    "entries null": body(page(entry=None)),
    "entry no object": body(page(entry=[observation(), None])),
    "entry without resource": body(page(entry=[{"fullUrl": f"{BASE}/Observation/o1"}])),
    "resource no object": body(page("Observation/o1")),
    "another type": body(page({**observation(), "resourceType": "Condition"})),
    "another type called an outcome": body(page(entry=[{"resource": {"id": "x"}, "search": {"mode": "outcome"}}])),
    "without id": body(page(observation(id=7))),  # type: ignore[arg-type]
    "links no list": body(page(link={"relation": "next"})),
    "link no object": body(page(link=["next"])),
    "an outcome with an error": body(page(observation(), ERROR)),
    "an outcome that is unreadable": body(page({"resourceType": "OperationOutcome", "issue": "Rosa"})),
    "no subject": body(page({**observation(), "subject": None})),
    **{f"about {one}": body(page(observation("o1"), observation("o2", one))) for one in OTHERS},
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_answer_that_cannot_be_read_is_no_answer(
    client: FhirClient, ehr: responses.RequestsMock, answer: bytes
) -> None:
    """Catches: what cannot be read taken for nothing found, which would release; another patient's evidence used."""
    ehr.post(OBSERVATIONS, body=answer, content_type="application/fhir+json")
    with pytest.raises(EhrUnavailable, match="could not be read") as caught:
        search(client)
    assert says_nothing(caught.value)
    assert caught.value.hint == ""


def test_a_later_page_that_cannot_be_read_leaves_nothing_found(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: the first pages given as if they were all."""
    ehr.post(OBSERVATIONS, json=page(observation(), following=f"{BASE}?page=2"))
    ehr.get(f"{BASE}?page=2", body=b"<html>Rosa</html>")
    with pytest.raises(EhrUnavailable, match="could not be read"):
        search(client)


@pytest.mark.parametrize(
    "found",
    [
        page(patient("id-of-tom")),
        page({**patient("id-of-rosa"), "resourceType": "Person"}),
        page(patient("id-of-rosa", "https://elsewhere.example/Patient/old-of-rosa")),
        page(patient("id-of-rosa", "Patient/old-of-rosa", "urn:uuid:of-rosa")),
        page(patient("id-of-rosa", link="Patient/old-of-rosa")),
        page(type="history"),
    ],
)
def test_links_that_cannot_be_read_are_not_taken_for_none(
    client: FhirClient, ehr: responses.RequestsMock, found: dict[str, Any]
) -> None:
    """Catches: a linked record missed in silence; an EHR that ignores `link` or `_id` and answers with everybody."""
    ehr.post(PATIENTS, json=found)
    with pytest.raises(EhrUnavailable, match="could not be read") as caught:
        client.linked(ROSA)
    assert says_nothing(caught.value)


def test_an_ehr_that_ignores_link_is_not_believed(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: everybody in the EHR taken for one person."""
    ehr.post(PATIENTS, json=page(patient("id-of-rosa")))
    ehr.post(PATIENTS, json=page(patient("id-of-rosa"), patient("id-of-tom")))
    with pytest.raises(EhrUnavailable, match="could not be read"):
        client.linked(ROSA)


def test_an_ehr_that_ignores_the_id_is_not_believed(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: another patient's record taken for the person's own."""
    ehr.post(PATIENTS, json=page(patient("id-of-tom")))
    ehr.post(PATIENTS, json=page())
    with pytest.raises(EhrUnavailable, match="could not be read"):
        client.linked(ROSA)


FORM = "https://withness.example/fhir/Questionnaire/session-check-in"
ASKS: dict[str, Ask] = {
    "observations": search,
    "linked": lambda client: client.linked(ROSA),
    "responses": lambda client: client.responses(ROSA, FORM),
    "encounters": lambda client: client.encounters(ROSA),
}
SEARCHED = {
    "observations": OBSERVATIONS,
    "linked": PATIENTS,
    "responses": f"{BASE}/QuestionnaireResponse/_search",
    "encounters": ENCOUNTERS,
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, EhrUnavailable) for status in (301, 302, 307, 308, 408, 425, 429, 500, 502, 503, 599)),
        *((status, EhrRefused) for status in (400, 401, 403, 404, 405, 409, 410, 412, 415, 422)),
    ],
)
def test_each_status_means_one_thing(
    client: FhirClient, ehr: responses.RequestsMock, ask: Ask, status: int, kind: type[WithnessError]
) -> None:
    """Catches: a search that the EHR does not offer (404) taken for one that found nothing; a conflict of no change."""
    url = next(url for name, url in SEARCHED.items() if ASKS[name] is ask)
    ehr.post(url, status=status, body=f"{PHI}", headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(kind) as caught:
        ask(client)
    assert str(status) in caught.value.message
    assert says_nothing(caught.value)
    assert len(ehr.calls) == 1


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_a_failure_of_the_network_says_no_id(client: FhirClient, ehr: responses.RequestsMock, ask: Ask) -> None:
    """Catches: the library's exception kept as context: it knows the form."""
    url = next(url for name, url in SEARCHED.items() if ASKS[name] is ask)
    ehr.post(url, body=requests.ConnectionError("of-rosa"))
    with pytest.raises(EhrUnavailable, match="cannot be reached") as caught:
        ask(client)
    assert says_nothing(caught.value)


@contextmanager
def served(pages: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Answer the requests on this machine with one page after another; gives the base URL and the lines asked."""
    lines: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            lines.append(self.requestline)
            answer = json.dumps(pages.pop(0)).replace(BASE, base).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield base, lines
        finally:
            server.shutdown()
            thread.join(10)


def test_neither_an_address_nor_a_log_holds_the_patients_id(caplog: pytest.LogCaptureFixture) -> None:
    """Catches: the id in a request line, which every proxy logs, or in the HTTP library's log (contracts I9)."""
    caplog.set_level(logging.DEBUG)
    pages = [
        page(observation("o1"), following=f"{BASE}/Observation?patient=id-of-rosa&page=2"),
        page(observation("o2"), following=f"{BASE}?_getpages=of-rosa"),
        page(observation("o3")),
        page(patient("id-of-rosa")),
        page(),
    ]
    with served(pages) as (base, lines), closing(FhirClient(base)) as client:
        assert search(client) == ["o1", "o2", "o3"]
        assert client.linked(ROSA) == frozenset()
    assert [line.split()[:2] for line in lines] == [
        ["POST", "/fhir/Observation/_search"],
        ["POST", "/fhir/Observation/_search"],
        ["GET", "/fhir?_getpages=of-rosa"],
        ["POST", "/fhir/Patient/_search"],
        ["POST", "/fhir/Patient/_search"],
    ]
    assert "of-rosa" not in caplog.text


# -- everybody's marked resources


SYSTEMS, CATEGORIES = ("https://w.example/sid/plan", "https://w.example/sid/decision"), [("http://c.example", "plan")]


def care_plan(id: str, *, mark: str = "", category: str = "") -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "id": id,
        "meta": {"versionId": "7"},
        "identifier": [{"system": mark, "value": "x"}],
        "category": [{"coding": [{"system": "http://c.example", "code": category}]}],
    }


def test_what_is_marked_is_searched_across_patients_by_identifier_and_category_through_every_page(
    client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Each once, what was not asked for passed over. Planted: the filter left out; and the second search's repeats."""
    plans, mine, theirs = f"{BASE}/CarePlan/_search", SYSTEMS[0], "http://other"
    ehr.post(plans, json=page(care_plan("p1", mark=mine), following=f"{BASE}?page=2"))
    ehr.get(f"{BASE}?page=2", json=page(care_plan("p2", mark=mine, category="plan"), care_plan("p3", mark=theirs)))
    ehr.post(plans, json=page(care_plan("p2", mark=mine, category="plan"), care_plan("p4", category="plan")))
    found = list(client.held("CarePlan", SYSTEMS, CATEGORIES))
    assert [(one.resource["id"], one.version) for one in found] == [("p1", "7"), ("p2", "7"), ("p4", "7")]
    asked = [form(one.request) for one in ehr.calls if one.request.method == "POST"]
    assert asked[0]["identifier"] == ["https://w.example/sid/decision|,https://w.example/sid/plan|"]
    assert asked[1]["category"] == ["http://c.example|plan"]


def test_an_ehr_that_allows_no_search_across_patients_says_so(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Never taken for an empty one. Planted: a refused search answered with nothing."""
    ehr.post(f"{BASE}/CarePlan/_search", status=403)
    with pytest.raises(EhrRefused):
        list(client.held("CarePlan", SYSTEMS))
