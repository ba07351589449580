"""The HTTP exchange with one FHIR EHR: what is sent, how an answer is read, and what each status means.

Messages carry HTTP status, issue codes and element paths only: an EHR's own words may repeat what it was sent, so they
are never passed on (contracts I9).
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final, NoReturn
from urllib.parse import SplitResult, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from withness.errors import Conflict, EhrRefused, EhrUnavailable, InvalidInput

_URL: Final = "WITHNESS_EHR_URL"
_UNREADABLE: Final = "The EHR's answer could not be read."
_PATH: Final = re.compile(r"[A-Z][A-Za-z]{1,63}(?:\.[a-z][A-Za-z]{0,63}(?:\[\d{1,4}\])?){0,12}")
_ISSUES: Final = {
    "invalid": "the content is invalid",
    "structure": "the structure is wrong",
    "required": "a required element is missing",
    "value": "a value is not allowed",
    "invariant": "a validation rule failed",
    "processing": "the content cannot be processed",
    "not-supported": "it is not supported there",
    "duplicate": "it exists already",
    "not-found": "something referred to is not there",
    "deleted": "something referred to is deleted",
    "too-long": "the content is too long",
    "code-invalid": "a code is not valid",
    "extension": "an extension is not accepted",
    "business-rule": "a rule of the EHR forbids it",
}

_in_flight: ContextVar[bool] = ContextVar("_in_flight", default=False)


def _quiet(_: logging.LogRecord) -> bool:
    """A filter that drops urllib3's records about our own requests: they hold the URL, so a resource's id (I9)."""
    return not _in_flight.get()


class _Bearer(AuthBase):
    """Sets the token, when there is one. Being there at all keeps requests from asking ~/.netrc for credentials."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, its body whole and unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The way to one EHR. Certificates are always verified, redirects never followed.

    `token`, `timeout`, `max_bytes` and `now` are what `client.FhirClient` says they are.
    """

    def __init__(
        self, base_url: str, *, token: str, timeout: float, max_bytes: int, now: Callable[[], datetime]
    ) -> None:
        """Raises InvalidInput when the address cannot be an EHR's, or the token may not be sent there."""
        parts = _parts(base_url)
        self.address: Final = parts.geturl()
        self.loopback: Final = _is_loopback(parts.hostname or "")
        if token and not re.fullmatch(r"[\x21-\x7e]+", token):
            raise InvalidInput("WITHNESS_EHR_TOKEN must be one word of ASCII characters.", field="WITHNESS_EHR_TOKEN")
        if token and parts.scheme != "https" and not self.loopback:
            raise InvalidInput("A token is sent over https only.", field=_URL, hint="Use the EHR's https address.")
        self._timeout, self._max_bytes, self._now = timeout, max_bytes, now
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers["Accept"] = "application/fhir+json"
        self._session.stream = True  # the body is read by _body alone
        self._proxies = {"no_proxy": parts.hostname or ""} if self.loopback else {}
        for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.response"):
            logging.getLogger(name).addFilter(_quiet)

    def close(self) -> None:
        """Close the connections kept for reuse."""
        self._session.close()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request to `path` ("" or "/...", with its query) below the EHR's base and return the answer.

        Raises EhrUnavailable when there is none, or none that can be read to its end.
        """
        started = time.monotonic()
        mark = _in_flight.set(True)
        try:
            with self._session.request(
                method,
                self.address + path,
                data=body,
                headers=dict(headers or {}),
                timeout=self._timeout,
                allow_redirects=False,
                proxies=dict(self._proxies),
            ) as response:
                return Answer(response.status_code, response.headers, self._body(response, started + self._timeout))
        except requests.exceptions.SSLError:
            message = "The EHR's certificate could not be verified."
        except requests.Timeout:
            message = "The EHR did not answer in time."
        except (requests.RequestException, OSError):
            message = "The EHR cannot be reached."
        except HTTPError:
            message = _UNREADABLE
        finally:
            _in_flight.reset(mark)
        # Raised out here, so that no traceback holds the library's error: it knows the URL and the token.
        raise EhrUnavailable(message)

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """Read the answer as it arrives, so that neither a trickle nor a flood holds us up."""
        body = bytearray()
        while piece := response.raw.read1(65_536, decode_content=True):
            body += piece
            if len(body) > self._max_bytes:
                raise EhrUnavailable("The EHR's answer is too long to be read.")
            if time.monotonic() > deadline:
                raise EhrUnavailable("The EHR did not answer in time.")
        return bytes(body)

    def check_status(self, answer: Answer, types: set[str]) -> None:
        """Raise EhrUnavailable, EhrRefused or Conflict for a status other than 2xx.

        `types` are the resource types that a message may name.
        """
        status = answer.status
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            hint = f"Set {_URL} to the address that it redirects to."
            raise EhrUnavailable(f"The EHR redirects elsewhere (HTTP {status}), which is never followed.", hint=hint)
        if status in (409, 412):
            raise Conflict(f"The EHR holds another version than the one this change was made from (HTTP {status}).")
        if status in (401, 403):
            hint = "Check WITHNESS_EHR_TOKEN: it may be missing, expired or without the right."
            raise EhrRefused(f"The EHR does not let Withness do this (HTTP {status}).", hint=hint)
        if 400 <= status < 500 and status not in (408, 425, 429):
            raise EhrRefused(f"The EHR refused (HTTP {status}): {_reasons(answer.body, types)}.")
        wait = _retry_after(answer.headers.get("Retry-After", ""), self._now()) if status in (429, 503) else None
        raise EhrUnavailable(f"The EHR is busy or out of order (HTTP {status}).", retry_after=wait)


def _parts(base_url: str) -> SplitResult:
    """Return the normalised base URL. Raises InvalidInput; the message never repeats it."""
    try:
        parts = urlsplit(base_url.strip())
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError:
        raise InvalidInput(f"{_URL} is not an address.", field=_URL) from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput(f"{_URL} must be an http or https address.", field=_URL)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidInput(f"{_URL} must not hold a user, a password, a query or a fragment.", field=_URL)
    usual = {"http": 80, "https": 443}[parts.scheme]
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port not in (None, usual) else "")
    return SplitResult(parts.scheme, netloc, parts.path.rstrip("/"), "", "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def unreadable() -> NoReturn:
    """Raise EhrUnavailable for an answer that cannot be read."""
    raise EhrUnavailable(_UNREADABLE)


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`. Raises EhrUnavailable when it holds anything else."""
    try:
        value = json.loads(body, parse_constant=lambda _: unreadable())
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else unreadable()


def _reasons(body: bytes, types: set[str]) -> str:
    """Say an OperationOutcome's errors by code and element path; its diagnostics and texts may hold PHI (I9)."""
    try:
        outcome = json.loads(body)
        issues = outcome["issue"] if outcome["resourceType"] == "OperationOutcome" else []
        wrong = [one for one in issues if one.get("severity") in ("fatal", "error")]
        said = list(dict.fromkeys(_reason(one, types) for one in wrong))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = []
    if not said:
        return "it gave no reason that can be passed on"
    return "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "")


def _reason(issue: Mapping[str, Any], types: set[str]) -> str:
    reason = _ISSUES.get(str(issue.get("code")), "it gave a reason that cannot be passed on")
    # The leading element names alone: what follows (a filter, a comment) may quote the content.
    paths = (_PATH.match(str(expression)) for expression in issue.get("expression", []))
    named = [path[0] for path in paths if path and path[0].split(".")[0] in types | {"Bundle"}]
    return f"{reason} ({named[0]})" if named else reason


def _retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110, 10.2.3), at most a day; None when it cannot be read."""
    if re.fullmatch(r"[0-9]+", value.strip()):
        return min(float(value), 86_400.0)
    try:
        date = parsedate_to_datetime(value).replace(tzinfo=UTC)  # an HTTP date is always GMT
    except (ValueError, TypeError):
        return None
    return min(max((date - now).total_seconds(), 0.0), 86_400.0)
