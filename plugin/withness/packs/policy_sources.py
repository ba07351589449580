"""What stands behind each rule of the gate: the 13 source attributes that HTI-1 wants shown (FHIR facts 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from withness import content
from withness.core.risk import Domain, RiskPolicy
from withness.core.source_attributes import ATTRIBUTES, GATE, Attributes
from withness.errors import InvalidContent
from withness.packs.toml import Outside, Slug, Text, read, refusal

FILE: Final = "source_attributes.toml"

Use = Literal[
    "race",
    "ethnicity",
    "language",
    "sexual-orientation",
    "gender-identity",
    "sex",
    "date-of-birth",
    "social-determinants",
    "health-status",
]


class _Exception(Outside):
    rule: Text
    attribute: Use
    text: Text


class _File(Outside):
    developer: Text
    funding: Text
    release: Text
    gate: Text
    dates: dict[Slug, Text]
    use: Annotated[dict[Use, Text], Field(min_length=9)]
    exception: tuple[_Exception, ...]


def source_attributes(policy: RiskPolicy) -> tuple[Attributes, ...]:
    """Return the attributes of every rule of `policy`: questions, validated results, chart evidence, the whole gate.

    Raises InvalidContent naming file and key when the shipped texts cannot be read.
    """
    file = _read()
    return tuple(
        Attributes(rule, title, _values(file, policy, rule, domain, citation))
        for rule, title, domain, citation in _rules(policy, file)
    )


def _read() -> _File:
    try:
        text = (content.folder("catalogue") / FILE).read_bytes()
    except OSError:
        raise InvalidContent(f"{FILE} cannot be read from this installation.", field=FILE) from None
    file = read(_File, text, name=FILE)
    for key in ("default", GATE):
        if key not in file.dates:
            raise refusal(FILE, f"dates.{key}", "is missing")
    return file


def _rules(policy: RiskPolicy, file: _File) -> Iterator[tuple[str, str, str, str]]:
    """Yield each rule: its id, title, domain and citation."""
    for domain in policy.domains:
        citation = _citation(domain)
        for question in domain.questions:
            yield question.id, question.text, domain.id, citation
        if domain.validated is not None:
            instruments = ", ".join(domain.validated.instruments)
            title = f"{domain.title}: result of a validated instrument"
            yield f"validated.{domain.id}", title, domain.id, f"{citation}; instruments of this policy: {instruments}"
    for number, one in enumerate(policy.chart_evidence):
        codes = f"LOINC {', '.join(one.loinc)}"
        where = policy.domain(one.domain)
        citation = f"{codes}; {_citation(where)}" if where else codes
        yield f"chart-evidence.{number}", f"Observation {codes} is {one.when}", one.domain, citation
    sources = dict.fromkeys(source for domain in policy.domains for source in domain.basis)
    yield GATE, "The gate as a whole: the most restrictive rule decides", GATE, f"{'; '.join(sources)}. {file.gate}"


def _citation(domain: Domain) -> str:
    return "; ".join(domain.basis) or "None stated."


def _values(file: _File, policy: RiskPolicy, rule: str, domain: str, citation: str) -> Mapping[str, str]:
    ages = {one.validated.min_age for one in policy.domains if one.validated is not None}
    known = {
        "{version}": policy.version,
        "{owner}": policy.owner,
        "{min_age}": ", ".join(str(age) for age in sorted(ages)) or "the age of the instrument",
    }
    values = {
        "citation": citation,
        "developer": file.developer,
        "funding": file.funding,
        "dates": f"{file.release} {file.dates.get(domain, file.dates['default'])}",
        **file.use,
        **_exceptions(file, rule),
    }
    for word, meant in known.items():
        values = {name: text.replace(word, meant) for name, text in values.items()}
    return {name: values[name] for name in ATTRIBUTES}


def _exceptions(file: _File, rule: str) -> dict[str, str]:
    """Return the exceptions for a rule, the longest match of each attribute last, so that it counts."""
    fitting = (one for one in file.exception if rule == one.rule or rule.startswith(f"{one.rule}."))
    return {one.attribute: one.text for one in sorted(fitting, key=lambda one: len(one.rule))}
