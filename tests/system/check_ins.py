"""Check-ins for the stories, as a form filler writes them; and what the chart then says of a goal."""

from __future__ import annotations

from typing import Any

from tests.fhir.form_makers import CHECK_IN, OBSERVATION, PRIORITIES, chose, group, response, said, wrote
from tests.system.site import CLINICIAN, Site

ROSA, TOM = "Patient/rosa", "Patient/tom"


def check_in(site: Site, session: int, understood: str | None, who: str = ROSA, **more: Any) -> dict[str, Any]:
    """A client's word on a session: whether they felt understood (None: skipped), at the site's time."""
    items = [] if understood is None else [chose(CHECK_IN, "understood", understood)]
    return made(site, CHECK_IN, session, who, *items, **more)


def parts(site: Site, session: int, **answers: str) -> dict[str, Any]:
    """A check-in with these choices (`go_on` for go-on)."""
    items = [chose(CHECK_IN, link.replace("_", "-"), code) for link, code in answers.items()]
    return made(site, CHECK_IN, session, ROSA, *items)


def observation(site: Site, session: int, reflected: int | None, who: str = ROSA) -> dict[str, Any]:
    """What the therapist counted of one person in a session."""
    items = [] if reflected is None else [said("reflected", {"valueInteger": reflected})]
    return made(site, OBSERVATION, session, who, *items, source={"reference": CLINICIAN})


def possibility(site: Site, session: int, name: str) -> dict[str, Any]:
    """A check-in that names and describes something new."""
    both = group("possibility", wrote("possibility.named", name), wrote("possibility.described", "More of it."))
    return made(site, CHECK_IN, session, ROSA, both)


def own_list(site: Site, session: int, *words: str) -> dict[str, Any]:
    """A list of own priorities."""
    items = [group("priority", wrote("priority.words", one)) for one in words]
    return made(site, PRIORITIES, session, ROSA, *items)


def made(site: Site, form: Any, session: int, who: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return response(
        form,
        *items,
        **{
            "id": None,
            "subject": {"reference": who},
            "source": {"reference": who},
            "encounter": {"reference": f"Encounter/{who.partition('/')[2]}-{session}"},
            "authored": site.at.isoformat(),
            **more,
        },
    )


def encounter(site: Site, session: int, who: str = ROSA, status: str = "finished") -> dict[str, Any]:
    """The session's Encounter as an EHR holds it."""
    return {
        "resourceType": "Encounter",
        "id": f"{who.partition('/')[2]}-{session}",
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": who},
        "participant": [{"individual": {"reference": CLINICIAN}}],
        "period": {"start": site.at.isoformat()},
    }


def goal(site: Site, who: str = ROSA) -> dict[str, Any]:
    """The person's one goal as the embedded chart holds it."""
    [found] = [one.resource for one in site.chart("Goal") if one.resource["subject"]["reference"] == who]
    return dict(found)


def achievement(site: Site, who: str = ROSA) -> str:
    """The code of the person's one goal."""
    return str(goal(site, who)["achievementStatus"]["coding"][0]["code"])


def outcomes(site: Site, who: str = ROSA) -> list[Any]:
    """The values of the Observations that the goal names, in its order."""
    held = {f"Observation/{one.resource['id']}": one.resource for one in site.chart("Observation")}
    return [_value(held[one["reference"]]) for one in goal(site, who).get("outcomeReference", [])]


def _value(resource: dict[str, Any]) -> Any:
    if "valueInteger" in resource:
        return resource["valueInteger"]
    return resource["valueCodeableConcept"]["coding"][0]["code"]
