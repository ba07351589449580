"""The one transaction that carries a released plan into the charts, and its bytes.

```json
{"resourceType":"Bundle","type":"transaction","entry":[
 {"fullUrl":"urn:uuid:5f…","resource":{"resourceType":"CarePlan","id":"5f…",…},
  "request":{"method":"PUT","url":"CarePlan/5f…"}}, …]}
```
"""

from __future__ import annotations

from withness.core.gate import Released
from withness.core.gate import release as release_of
from withness.core.plan import ChartPlan
from withness.core.risk import RiskPolicy
from withness.errors import InvalidInput
from withness.fhir.making import Making, Resource
from withness.fhir.plan_resources import chart_resources


def plan_transaction(charts: tuple[ChartPlan, ...], released: Released, making: Making, policy: RiskPolicy) -> Resource:
    """Return ONE transaction Bundle with every member's resources (R4 http.html#transaction).

    Each entry is a PUT under an id of our making, so a repeated delivery writes the same resources again. fullUrl
    is `urn:uuid:` of that id (unique, never version-specific: bdl-7, bdl-8), so that relative references such as
    Patient/… keep meaning the server's own. Raises InvalidInput without a chart, for one chart twice, for a member
    whom the decision does not release, and for a Released that no decision bears out.
    """
    members = [chart.member for chart in charts]
    if not members or len(set(members)) != len(members):
        raise InvalidInput("A plan needs one chart for each member who is a patient.", field="unit.members")
    if release_of(released.decision) is None:
        raise InvalidInput("The decision does not release this plan.", field="decision")
    entries = [_entry(one) for chart in charts for one in chart_resources(chart, released, making, policy)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _entry(resource: Resource) -> Resource:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, "request": {"method": "PUT", "url": url}}
