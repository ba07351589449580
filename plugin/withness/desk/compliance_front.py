"""The desk's front for compliance: the report, the worklist, and signing it off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from withness.audit.report import Asked
from withness.desk import reporting, worklists
from withness.desk.asking import actor_of
from withness.desk.context import Context
from withness.errors import InvalidInput
from withness.signing import Signer


class Compliance:
    """What compliance asks of the desk. Looking is recorded, each time."""

    _context: Context

    def report(
        self,
        *,
        actor: str,
        since: datetime | None = None,
        until: datetime | None = None,
        policy: str | None = None,
        signer: Signer | None = None,
        names: bool = False,
        rationales: bool = False,
    ) -> dict[str, Any]:
        """Return the report from `since` until before `until`, of one policy (version or digest) where named.

        People stand under pseudonyms and what is sealed is left out, unless a `signer` enrolled as compliance signs
        for it; `names` and `rationales` need one.
        """
        context, who = self._context, actor_of(actor if signer is None else signer.who)
        asked = Asked(since, until, policy, sealed=signer is not None, names=names, rationales=rationales)
        if signer is not None:
            return reporting.signed_report(context, who, asked, signer).as_dict()
        organization = context.settings.organization
        return reporting.report(context.store, who, context.now(), asked, organization=organization).as_dict()

    def worklist(self, *, actor: str, signer: Signer | None = None, everything: bool = False) -> list[dict[str, Any]]:
        """Return what waits to be examined, the most urgent first; people by reference to a `signer` in compliance.

        With `everything` what is signed off too: when and by whom, and to a `signer` what they noted.
        """
        context = self._context
        if signer is not None:
            found = worklists.signed_worklist(context, actor_of(signer.who), signer, everything=everything)
        else:
            found = worklists.worklist(context.store, actor_of(actor), context.now(), everything=everything)
        return [one.as_dict() for one in found]

    def sign_off(
        self,
        items: Sequence[str] = (),
        *,
        note: str,
        signer: Signer,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> dict[str, Any]:
        """Sign off items of the worklist, or everything that began from `since` until before `until`."""
        who = actor_of(signer.who)
        if items:
            act = worklists.sign_items(self._context, items, note, signer, who)
            return {"act": act.id, "signed_off": len(set(items))}
        if since is None or until is None:
            raise InvalidInput("Name items, or a period by since and until.", field="items")
        act, count = worklists.sign_period(self._context, since, until, note, signer, who)
        return {"act": act.id, "signed_off": count}
