"""An EHR that does not start without a working risk gate, and whose plan save goes through it.

    $ python docs/examples/host.py
    The risk gate is ready: withness 0.1.0, 25 questions, 7 plan templates.
    Rosa: saved as CarePlan/…
    Tom: vetoed. The plan waits. Act now, by the steps below, …

It works in the data directory that the settings name (WITHNESS_HOME). `--group NAME` looks for plugins elsewhere:
with `--group nobody.plugins` it finds none and ends with exit code 1, as it does when the trail does not verify.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import entry_points
from typing import Any

from samples import ANSWERS, plan, screen

from withness import WithnessError

GROUP = "ehr.plugins"


class NotReady(Exception):
    """The host may not start; the message says why."""


class Host:
    """An EHR and what its plugins provide."""

    def __init__(self, group: str) -> None:
        """Load every plugin of the group. A plugin that cannot be loaded raises: nothing is skipped in silence."""
        plugins = [entry.load()() for entry in entry_points(group=group)]
        self._provided = {capability: plugin for plugin in plugins for capability in plugin.provides}

    def require(self, capability: str) -> Any:
        """Return the plugin that provides `capability`, healthy, and able to veto. Raises NotReady or its error."""
        plugin = self._provided.get(capability)
        if plugin is None:
            raise NotReady(f"No plugin provides {capability}.")
        if plugin.enforcement != "transactional":
            raise NotReady(f"The plugin that provides {capability} only gives advice.")
        self.health = plugin.health()
        return plugin


def main() -> int:
    """Start, or say why not and end with 1; then save one plan and be refused another."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--group", default=GROUP, help="the entry point group to look in")
    try:
        host = Host(asked.parse_args().group)
        gate = host.require("risk_gate")
    except (NotReady, WithnessError, ImportError) as error:
        print(f"The EHR does not start. {error}", file=sys.stderr)
        return 1
    found = host.health
    ready = f"{gate.name} {gate.version}, {found['questions']} questions, {len(found['templates'])} plan templates"
    print(f"The risk gate is ready: {ready}.")
    with gate.desk as desk:
        questions, version = list(desk.questions()), found["policy"]["version"]
        for name, answers in ANSWERS.items():
            desk.screen(screen(name, questions, version, answers), actor="Practitioner/p1")
            print(f"{name.title()}: {save(gate, plan(name))}")
    return 0


def save(gate: Any, draft: dict[str, Any]) -> str:
    """Save a plan as this EHR does: only through the gate, and an error is a veto."""
    try:
        saved = gate.save(draft, actor="Practitioner/p1")
    except WithnessError as error:
        outcome = {"held": "vetoed", "ehr-unavailable": "approved, and waits for the EHR"}.get(error.code, "not saved")
        steps = [f"\n  {step['within']}: {step['text']}" for step in getattr(error, "answer", {}).get("protocol", ())]
        return f"{outcome}. {error.message}{''.join(steps)}"
    return f"saved as {', '.join(saved['care_plans'])}"


if __name__ == "__main__":
    sys.exit(main())
