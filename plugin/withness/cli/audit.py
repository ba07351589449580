"""`withness audit …`: the compliance desk, one file for each command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from withness.cli.tree import Tree

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "verify": ("withness.cli.audit_verify:verify", "Verify every record, search column and decision"),
    "checkpoint": ("withness.cli.audit_checkpoint:checkpoint", "Sign the log's size and root, and publish them"),
    "export": ("withness.cli.audit_export:export", "Export records: NDJSON that proves itself, CSV, FHIR"),
    "prove": ("withness.cli.audit_prove:prove", "Prove that one record is in the trail, without the others"),
    "report": ("withness.cli.audit_report:report", "Report on decisions, acute holds, overrides and refusals"),
    "worklist": ("withness.cli.audit_worklist:worklist", "What waits to be examined, and what to do"),
    "sign-off": ("withness.cli.audit_sign_off:sign_off", "Sign off what was examined, an item or a period"),
    "sweep": ("withness.cli.audit_sweep:sweep", "Find plans in the EHR that the gate did not release, and the reverse"),
    "prune": ("withness.cli.audit_prune:prune", "Prune what is older than the retention; two people sign"),
    "sync-reviewer": ("withness.cli.audit_sync_reviewer:sync_reviewer", "Hold the log against what you saw last"),
    "show": ("withness.cli.audit_show:show", "Show the newest records; looking is recorded too"),
}


@click.group(
    cls=Tree,
    commands_at=COMMANDS,
    epilog="\b\nExamples:\n  withness audit verify\n  withness audit worklist\n  withness audit report\n",
)
def audit() -> None:
    """Verify, look at and report on the audit trail; all of it is recorded there."""
