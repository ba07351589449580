"""The FHIR REST client: what each answer means, and what none of its errors may say."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from withness.ehr.client import FhirClient
from withness.errors import Conflict, EhrRefused, EhrUnavailable, InvalidInput, WithnessError

BASE = "https://ehr.example/fhir"
TOKEN = "token-that-nobody-may-see"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WORDS = "ฉันอยากให้ใครสักคนเข้าใจ e\u0301 \u200f👩‍👩‍👧"
PLAN = {"resourceType": "CarePlan", "id": "plan-of-rosa", "description": WORDS}
GOAL = {"resourceType": "Goal", "id": "goal-of-rosa", "description": {"text": WORDS}}
PHI = ("of-rosa", WORDS, "Rosa", TOKEN)


def put(resource: dict[str, Any]) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"{BASE}/{url}", "resource": resource, "request": {"method": "PUT", "url": url}}


BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": [put(PLAN), put(GOAL)]}
WRITTEN = [
    {"response": {"status": "201 Created", "location": "CarePlan/plan-of-rosa/_history/1", "etag": 'W/"1"'}},
    {"response": {"status": "200 OK", "location": f"{BASE}/Goal/goal-of-rosa/_history/7"}},
]


def response(entry: object = WRITTEN, **more: object) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": entry, **more}


@pytest.fixture
def client() -> Iterator[FhirClient]:
    with closing(FhirClient(BASE, token=TOKEN, timeout=2, max_bytes=100_000, now=lambda: NOON)) as made:
        yield made


@pytest.fixture
def ehr() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as made:
        yield made


def says_nothing(error: WithnessError) -> bool:
    """Whether neither the error nor what it comes from holds an id, a word or the token (contracts I9)."""
    said = str(error) + repr(error) + repr(error.as_dict()) + repr(error.__cause__) + repr(error.__context__)
    return error.message.endswith(".") and not any(one in said for one in PHI)


@contextmanager
def served(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer one connection on this machine by hand, byte by byte; gives its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):  # the client may hang up first
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/fhir"
        finally:
            server.close()
            thread.join(10)


def test_a_read_asks_for_fhir_and_gives_the_words_byte_for_byte(
    client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Catches: text re-encoded, the token or the Accept header left out, the version looked for elsewhere."""
    stored = {**PLAN, "meta": {"versionId": "3"}}
    body = json.dumps(stored, ensure_ascii=False).encode()
    ehr.get(f"{BASE}/CarePlan/plan-of-rosa", body=body, content_type="application/fhir+json", headers={"ETag": 'W/"9"'})
    found = client.read("CarePlan/plan-of-rosa")
    assert found is not None
    assert found.resource == stored
    assert found.resource["description"].encode() == WORDS.encode()
    assert found.version == "3"
    sent = ehr.calls[0].request.headers
    assert (sent["Accept"], sent["Authorization"]) == ("application/fhir+json", f"Bearer {TOKEN}")


@pytest.mark.parametrize(("etag", "version"), [('W/"12"', "12"), ('"12"', "12"), ("12", ""), (None, "")])
def test_the_version_may_stand_in_the_etag_alone(
    client: FhirClient, ehr: responses.RequestsMock, etag: str | None, version: str
) -> None:
    """Catches: the ETag's quotes or weakness mark kept in the version."""
    ehr.get(f"{BASE}/CarePlan/plan-of-rosa", json=PLAN, headers={"ETag": etag} if etag else {})
    found = client.read("CarePlan/plan-of-rosa")
    assert found is not None
    assert found.version == version


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_none(client: FhirClient, ehr: responses.RequestsMock, status: int) -> None:
    """Catches: a missing or deleted resource raised as a refusal."""
    ehr.get(f"{BASE}/CarePlan/plan-of-rosa", status=status)
    assert client.read("CarePlan/plan-of-rosa") is None


@pytest.mark.parametrize(
    "reference", ["", "CarePlan", "CarePlan/..", "CarePlan/.", "../x/y", "CarePlan/a/b", "CarePlan/a?b"]
)
def test_a_reference_that_is_none_is_not_asked_for(
    client: FhirClient, ehr: responses.RequestsMock, reference: str
) -> None:
    """Catches: a reference pasted into the URL unchecked, which could climb out of the base."""
    with pytest.raises(EhrRefused):
        client.read(reference)
    assert len(ehr.calls) == 0


@pytest.mark.parametrize(
    "other",
    [{**PLAN, "id": "another"}, {**PLAN, "resourceType": "Goal"}, {"resourceType": "OperationOutcome"}, [PLAN], 7],
)
def test_another_resource_than_asked_for_is_not_taken(
    client: FhirClient, ehr: responses.RequestsMock, other: Any
) -> None:
    """Catches: whatever the EHR or a cache answers taken for the resource, another patient's too."""
    ehr.get(f"{BASE}/CarePlan/plan-of-rosa", json=other)
    with pytest.raises(EhrUnavailable) as caught:
        client.read("CarePlan/plan-of-rosa")
    assert says_nothing(caught.value)


def test_a_transaction_is_posted_whole_and_answered_in_order(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: the words changed on the wire, another content type, locations (relative or absolute) misread."""
    ehr.post(BASE, json=response())
    written = client.transact(BUNDLE)
    assert [(one.reference, one.version) for one in written] == [
        ("CarePlan/plan-of-rosa", "1"),
        ("Goal/goal-of-rosa", "7"),
    ]
    request = ehr.calls[0].request
    assert request.headers["Content-Type"] == "application/fhir+json"
    assert json.loads(request.body) == BUNDLE


def test_an_ehr_that_keeps_no_versions_or_names_no_location_is_understood(
    client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Catches: a PUT's success doubted because the optional location is missing."""
    told = {"response": {"status": "200"}, "resource": {**GOAL, "meta": {"versionId": "5"}}}
    ehr.post(BASE, json=response([{"response": {"status": "200"}}, told]))
    written = client.transact(BUNDLE)
    assert [(one.reference, one.version) for one in written] == [
        ("CarePlan/plan-of-rosa", ""),
        ("Goal/goal-of-rosa", "5"),
    ]


def test_a_posted_resource_gets_the_id_that_the_ehr_gives(client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Catches: the local id reported for a POST."""
    post = {"resource": GOAL, "request": {"method": "POST", "url": "Goal"}}
    ehr.post(BASE, json=response([{"response": {"status": "201 Created", "location": "Goal/88/_history/1"}}]))
    assert [one.reference for one in client.transact({**BUNDLE, "entry": [post]})] == ["Goal/88"]


def bad_entry(**told: object) -> list[object]:
    return [WRITTEN[0], {"response": {"status": "200 OK", **told}}]


UNREADABLE = {
    "empty": b"",
    "html": b"<html>welcome to the hospital</html>",
    "half": json.dumps(response()).encode()[:-40],
    "not utf-8": b'{"resourceType": "\xff"}',
    "nan": json.dumps(response(total=float("nan"))).encode(),
    "too deep": b"[" * 90_000,
    "a list": json.dumps([response()]).encode(),
    "an outcome": b'{"resourceType": "OperationOutcome"}',
    "another resource": json.dumps(PLAN).encode(),
    "a batch": json.dumps({**response(), "type": "batch-response"}).encode(),
    "no entries": b'{"resourceType": "Bundle", "type": "transaction-response"}',
    "entries no list": json.dumps(response({"0": 1})).encode(),
    "one too few": json.dumps(response(WRITTEN[:1])).encode(),
    "one too many": json.dumps(response([*WRITTEN, WRITTEN[0]])).encode(),
    "no response": json.dumps(response([WRITTEN[0], {}])).encode(),
    "entry no object": json.dumps(response([WRITTEN[0], None])).encode(),
    "entry failed": json.dumps(response(bad_entry(status="412 Precondition Failed"))).encode(),
    "entry status odd": json.dumps(response(bad_entry(status="2000"))).encode(),
    "entry swapped": json.dumps(response(WRITTEN[::-1])).encode(),
    "entry elsewhere": json.dumps(response(bad_entry(location="Goal/another/_history/1"))).encode(),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_answer_that_cannot_be_read_leaves_the_effect_unknown(
    client: FhirClient, ehr: responses.RequestsMock, body: bytes
) -> None:
    """Catches: any 2xx taken for success, or for a refusal after which the plan would be given up."""
    ehr.post(BASE, body=body, content_type="application/fhir+json")
    with pytest.raises(EhrUnavailable) as caught:
        client.transact(BUNDLE)
    assert "could not be read" in caught.value.message
    assert "looked up before the next try" in caught.value.hint
    assert says_nothing(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, EhrUnavailable) for status in (301, 302, 303, 307, 308)],
        *[(status, EhrRefused) for status in (400, 401, 403, 404, 405, 406, 410, 413, 415, 422, 428)],
        *[(status, Conflict) for status in (409, 412)],
        *[(status, EhrUnavailable) for status in (408, 425, 429, 500, 501, 502, 503, 504, 599)],
    ],
)
def test_each_status_means_one_thing(
    client: FhirClient, ehr: responses.RequestsMock, status: int, kind: type[WithnessError]
) -> None:
    """Catches: a status given up that should be tried again, or tried for ever that should be given up."""
    ehr.post(BASE, status=status, headers={"Location": "https://elsewhere.example/"}, body=f"{PHI}")
    with pytest.raises(kind) as caught:
        client.transact(BUNDLE)
    assert str(status) in caught.value.message
    assert says_nothing(caught.value)
    assert ("WITHNESS_EHR_TOKEN" in caught.value.hint) == (status in (401, 403))
    assert len(ehr.calls) == 1


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_is_never_followed(client: FhirClient, ehr: responses.RequestsMock, status: int) -> None:
    """Catches: a read following a redirect, token and all."""
    ehr.get(f"{BASE}/CarePlan/plan-of-rosa", status=status, headers={"Location": f"{BASE}/CarePlan/elsewhere"})
    with pytest.raises(EhrUnavailable, match="never followed"):
        client.read("CarePlan/plan-of-rosa")
    assert len(ehr.calls) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Saturday, 21-Nov-26 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("9" * 400, 86_400.0),
        ("Sat, 21 Nov 9999 12:00:00 GMT", 86_400.0),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("soon", None),
        ("Sat, 99 Nov 2026 12:00:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_in_both_forms(
    client: FhirClient, ehr: responses.RequestsMock, status: int, header: str | None, seconds: float | None
) -> None:
    """Catches: one form missed, a past date giving a negative wait, an absurd one waiting for ever."""
    ehr.post(BASE, status=status, headers={} if header is None else {"Retry-After": header})
    with pytest.raises(EhrUnavailable) as caught:
        client.transact(BUNDLE)
    assert caught.value.retry_after == seconds


def outcome(*issues: object) -> bytes:
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


def issue(code: str, *expression: object, severity: str = "error") -> dict[str, object]:
    said = f"Rosa said: {WORDS}"
    where = {"expression": list(expression)} if expression else {}
    return {"severity": severity, "code": code, "diagnostics": said, "details": {"text": said}, **where}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (outcome(issue("required", "CarePlan.subject")), "a required element is missing (CarePlan.subject)"),
        (
            outcome(issue("value", "Bundle.entry[1].resource/*Goal/goal-of-rosa*/.target[0].due")),
            "a value is not allowed (Bundle.entry[1].resource)",
        ),
        (
            outcome(issue("invariant", "Goal.note.where(text='Rosa').time", "Goal.target")),
            "a validation rule failed (Goal.note.where)",
        ),
        (outcome(issue("invalid", "Rosa.told.me", "goal-of-rosa", 7)), "the content is invalid"),
        (outcome(issue("Rosa")), "it gave a reason that cannot be passed on"),
        (outcome(issue("invalid", severity="warning"), issue("too-long")), "the content is too long"),
        (outcome(issue("invalid"), issue("invalid"), issue("value")), "the content is invalid; a value is not allowed"),
        (
            outcome(*(issue(code) for code in ("invalid", "structure", "required", "value", "too-long"))),
            "the content is invalid; the structure is wrong; a required element is missing; and 2 more",
        ),
        (outcome(issue("invalid", severity="information")), "it gave no reason that can be passed on"),
        (outcome(), "it gave no reason that can be passed on"),
        (outcome(None), "it gave no reason that can be passed on"),
        (b'{"resourceType": "OperationOutcome", "issue": 3}', "it gave no reason that can be passed on"),
        (json.dumps(PLAN).encode(), "it gave no reason that can be passed on"),
        (b"<html>Rosa</html>", "it gave no reason that can be passed on"),
        (b"[" * 90_000, "it gave no reason that can be passed on"),
    ],
)
def test_an_outcome_becomes_one_sentence_without_the_ehrs_own_words(
    client: FhirClient, ehr: responses.RequestsMock, body: bytes, reason: str
) -> None:
    """Catches: diagnostics or details.text passed on, which echo what was sent (contracts I9)."""
    ehr.post(BASE, status=422, body=body)
    with pytest.raises(EhrRefused) as caught:
        client.transact(BUNDLE)
    assert caught.value.message == f"The EHR refused (HTTP 422): {reason}."
    assert says_nothing(caught.value)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (requests.ConnectTimeout(f"{BASE}/CarePlan/plan-of-rosa {TOKEN}"), "did not answer in time"),
        (requests.ReadTimeout(f"{BASE}/CarePlan/plan-of-rosa {TOKEN}"), "did not answer in time"),
        (requests.exceptions.SSLError("of-rosa"), "certificate"),
        (requests.ConnectionError("Connection to of-rosa reset"), "cannot be reached"),
        (requests.exceptions.InvalidURL("of-rosa"), "cannot be reached"),
        (OSError("no CA bundle at of-rosa"), "cannot be reached"),
    ],
)
def test_a_failure_of_the_network_is_one_sentence_and_says_no_id(
    client: FhirClient, ehr: responses.RequestsMock, failure: Exception, message: str
) -> None:
    """Catches: the library's exception passed on or kept as context: it knows the URL and the headers."""
    ehr.get(f"{BASE}/CarePlan/plan-of-rosa", body=failure)
    with pytest.raises(EhrUnavailable, match=message) as caught:
        client.read("CarePlan/plan-of-rosa")
    assert says_nothing(caught.value)
    assert caught.value.__context__ is None


def test_nobody_there_is_unavailable() -> None:
    """Catches: a refused connection as a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        base = f"http://127.0.0.1:{server.getsockname()[1]}"
    with closing(FhirClient(base)) as client, pytest.raises(EhrUnavailable, match="cannot be reached"):
        client.read("CarePlan/plan-of-rosa")


WHOLE = json.dumps(response()).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        HEAD,
        HEAD + LENGTH % len(WHOLE) + WHOLE[:-1],
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s" % (len(WHOLE), WHOLE[:50]),
        HEAD + b"Content-Encoding: gzip\r\n" + LENGTH % 30 + gzip.compress(WHOLE)[:30],
        HEAD + b"Content-Encoding: gzip\r\n" + LENGTH % len(WHOLE) + WHOLE,
        HEAD + b"\r\n" + WHOLE[:-1],
        b"\x00\x01\x02\r\n\r\n",
    ],
)
def test_a_connection_that_breaks_off_leaves_the_effect_unknown(answer: bytes) -> None:
    """Catches: half an answer taken for a whole one, or its error passed on as a traceback."""
    with served(lambda connection: connection.sendall(answer)) as base:
        with closing(FhirClient(base, token=TOKEN, timeout=2)) as client, pytest.raises(EhrUnavailable) as caught:
            client.transact(BUNDLE)
        assert "looked up" in caught.value.hint
        assert says_nothing(caught.value)


@pytest.mark.parametrize("encoding", ["plain", "gzip", "chunked"])
def test_a_whole_answer_is_read_whatever_its_form(encoding: str) -> None:
    """Catches: an answer cut by the reading in pieces."""
    zipped = gzip.compress(WHOLE)
    form = {
        "plain": LENGTH % len(WHOLE) + WHOLE,
        "gzip": b"Content-Encoding: gzip\r\n" + LENGTH % len(zipped) + zipped,
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % one for one in WHOLE)
        + b"0\r\n\r\n",
    }
    answer = HEAD + form[encoding]
    with served(lambda connection: connection.sendall(answer)) as base, closing(FhirClient(base, timeout=5)) as client:
        assert len(client.transact(BUNDLE)) == 2


@pytest.mark.parametrize("zipped", [False, True])
def test_a_flood_is_cut_off(zipped: bool) -> None:
    """Catches: an answer read into memory without a limit, unpacked size included."""
    flood = gzip.compress(b" " * 50_000_000) if zipped else b" " * 50_000_000
    answer = HEAD + (b"Content-Encoding: gzip\r\n" if zipped else b"") + LENGTH % len(flood) + flood
    with (
        served(lambda connection: connection.sendall(answer)) as base,
        closing(FhirClient(base, max_bytes=1_000_000)) as client,
        pytest.raises(EhrUnavailable, match="too long"),
    ):
        client.transact(BUNDLE)


def test_a_trickle_is_cut_off_at_the_deadline() -> None:
    """Catches: a timeout counted anew at every byte."""

    def trickle(connection: socket.socket) -> None:
        connection.sendall(HEAD + LENGTH % 1000)
        for _ in range(200):
            connection.sendall(b" ")
            time.sleep(0.05)

    started = time.monotonic()
    with served(trickle) as base:
        with closing(FhirClient(base, timeout=0.3)) as client, pytest.raises(EhrUnavailable, match="in time"):
            client.read("CarePlan/plan-of-rosa")
        assert time.monotonic() - started < 3


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Catches: the HTTP library's own log of each URL, which holds a resource's id (contracts I9)."""
    caplog.set_level(logging.DEBUG)
    odd = b"HTTP/1.1 404 Not Found\r\nthis is no header\r\nContent-Length: 0\r\n\r\n"
    with served(lambda connection: connection.sendall(odd)) as base:
        with closing(FhirClient(base, token=TOKEN)) as client:
            assert client.read("CarePlan/plan-of-rosa") is None
        assert "of-rosa" not in caplog.text
        assert TOKEN not in caplog.text
    logging.getLogger("urllib3.connectionpool").debug("another's request")
    assert "another's request" in caplog.text


def test_the_token_shows_nowhere(client: FhirClient) -> None:
    """Catches: a repr that lists the arguments."""
    assert TOKEN not in repr(client) + str(client) + repr(vars(client)) + client.address


def test_no_password_file_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ehr: responses.RequestsMock
) -> None:
    """Catches: credentials of ~/.netrc sent to the EHR."""
    (tmp_path / "netrc").write_text("machine ehr.example login rosa password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ehr.get(f"{BASE}/CarePlan/plan-of-rosa", status=404)
    with closing(FhirClient(BASE)) as client:
        client.read("CarePlan/plan-of-rosa")
    assert "Authorization" not in ehr.calls[0].request.headers


def test_an_ehr_on_this_machine_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a "loopback" EHR's traffic leaving the machine by the environment's proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    answer = HEAD + LENGTH % len(WHOLE) + WHOLE
    with served(lambda connection: connection.sendall(answer)) as base, closing(FhirClient(base)) as client:
        assert len(client.transact(BUNDLE)) == 2


@pytest.mark.parametrize(
    ("url", "address", "loopback"),
    [
        ("https://EHR.Example/fhir/", "https://ehr.example/fhir", False),
        ("HTTPS://ehr.example:443/R4//", "https://ehr.example/R4", False),
        ("http://localhost:80", "http://localhost", True),
        ("http://127.8.9.1:8080/fhir", "http://127.8.9.1:8080/fhir", True),
        ("http://[::1]:8080/fhir", "http://[::1]:8080/fhir", True),
        ("http://localhost.example/fhir", "http://localhost.example/fhir", False),
        ("http://127.0.0.1.example/fhir", "http://127.0.0.1.example/fhir", False),
        ("http://10.0.0.1/127.0.0.1", "http://10.0.0.1/127.0.0.1", False),
    ],
)
def test_the_address_has_one_spelling(url: str, address: str, loopback: bool) -> None:
    """Catches: an outbox row bound to one spelling and refused for another; a look-alike taken for this machine."""
    with closing(FhirClient(url)) as client:
        assert (client.address, client.loopback) == (address, loopback)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ehr.example/fhir",
        "ftp://ehr.example",
        "file:///etc/passwd",
        "https://",
        "https://rosa:secret@ehr.example/fhir",
        "https://secret@ehr.example/fhir",
        "https://@ehr.example/fhir",
        "https://ehr.example/fhir?key=secret",
        "https://ehr.example/fhir#secret",
        "https://ehr.example:port/secret",
        "https://ehr.example:99999/secret",
        "https://[::1/secret",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    """Catches: credentials in the URL accepted, and so in every outbox row, or repeated in the refusal."""
    with pytest.raises(InvalidInput) as caught:
        FhirClient(url)
    assert caught.value.field == "WITHNESS_EHR_URL"
    assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN}\r\nX-Evil: 1", f"Bearer {TOKEN}", "tokén"])
def test_a_token_that_is_none_is_refused_and_not_repeated(token: str) -> None:
    """Catches: the library refusing the header later, in a message that quotes it."""
    with pytest.raises(InvalidInput) as caught:
        FhirClient(BASE, token=token)
    assert caught.value.field == "WITHNESS_EHR_TOKEN"
    assert token.strip() not in str(caught.value) + repr(caught.value.as_dict())


def test_a_token_never_goes_over_a_network_in_the_clear() -> None:
    """Catches: a bearer token over http to another machine (RFC 6750, 5.3)."""
    with pytest.raises(InvalidInput):
        FhirClient("http://ehr.example/fhir", token=TOKEN)
    with closing(FhirClient("http://127.0.0.1/fhir", token=TOKEN)) as client:
        assert client.loopback


@pytest.mark.parametrize(
    "malformed",
    [None, [], {"entry": 1}, {"entry": [{}]}, {"entry": [{"request": 1}]}, {**BUNDLE, "x": {1}}, {"x": float("nan")}],
)
def test_what_is_no_bundle_is_never_sent(client: FhirClient, ehr: responses.RequestsMock, malformed: Any) -> None:
    """Catches: a traceback, or NaN on the wire."""
    with pytest.raises(EhrRefused):
        client.transact(malformed)
    assert len(ehr.calls) == 0
