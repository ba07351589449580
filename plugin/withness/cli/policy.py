"""`withness policy show|check|diff|sign|sources`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from withness.cli import say
from withness.cli.signing import signer, signing
from withness.errors import InvalidInput, PolicyRefused
from withness.files import read_regular

if TYPE_CHECKING:
    from withness.core.risk import RiskPolicy
    from withness.core.source_attributes import Attributes
    from withness.packs.policy_compare import Change

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_ORDER: Final = ("loosens", "widens", "tightens", "site-data", "wording")
"""What an owner looks at first comes first."""

_SAID: Final = {
    "loosens": ("loosening", "loosenings"),
    "widens": ("wider window", "wider windows"),
    "tightens": ("tightening", "tightenings"),
    "site-data": ("change of site data", "changes of site data"),
    "wording": ("change of wording", "changes of wording"),
}


@click.group(
    epilog="\b\nExamples:\n  withness policy check site-policy.toml\n  withness policy diff site-policy.toml\n"
    "  withness policy sign site-policy.toml --actor Practitioner/olga --key olga.key\n"
    "  withness policy sources suicide\n"
)
def policy() -> None:
    """The gate's policy: a site's own may tighten the shipped one, and decides once its owner has signed it."""


@policy.command(epilog="\b\nExample:\n  withness policy check site-policy.toml\n")
@click.argument("file", type=_FILE, metavar="FILE")
@say.common
def check(file: Path, home: Path | None, as_json: bool) -> None:
    """Check a site's policy against the shipped one. Exit 0: it may be signed. Exit 2: the key is named."""
    found, changes = _compared(file, None)[1:]
    _refuse_loosening(found, changes)
    if as_json:
        say.document({"policy": _named(found), "counts": _counts(changes)})
        return
    if not changes:
        click.echo(f"{file} says what the shipped policy says: it needs no signature.")
        return
    click.echo(f"{file} may be signed: version {found.version}, owner {found.owner}, SHA-256 {found.digest}.")
    click.echo(f"Compared with the shipped policy: {_counted(changes)}.")
    for one in changes:
        if one.direction == "widens":
            click.echo(f"A wider window, for which the owner answers: {one.where}, {one.before} to {one.after}.")
    if any(one.direction == "wording" for one in changes):
        click.echo(f"No rule judges wording, so read it: withness policy diff {file}")


@policy.command(
    epilog="\b\nExamples:\n  withness policy diff site-policy.toml\n"
    "  withness policy diff site-policy.toml last-years-policy.toml --json\n"
)
@click.argument("file", type=_FILE, metavar="FILE")
@click.argument("other", type=_FILE, metavar="[OTHER]", required=False)
@say.common
def diff(file: Path, other: Path | None, home: Path | None, as_json: bool) -> None:
    """Show what FILE changes, compared with OTHER (else with the shipped policy), its wording in full."""
    before, after, changes = _compared(file, other)
    if as_json:
        told = [vars(one) for one in changes]
        say.document({"before": _named(before), "after": _named(after), "counts": _counts(changes), "changes": told})
        return
    if not changes:
        click.echo("Both say the same.")
        return
    columns = ("where", "before", "after", "direction")
    ruled, worded = ([one for one in changes if (one.direction == "wording") is wording] for wording in (False, True))
    say.prose(f"From version {before.version} to version {after.version}: {_counted(changes)}.", bold=True)
    say.table("Changes that a rule judges", columns, _rows(ruled))
    if worded:
        say.table("Wording, which no rule judges: read each one", columns, _rows(worded))


@policy.command(
    epilog="\b\nExamples:\n  withness policy sign site-policy.toml --actor Practitioner/olga --key olga.key\n"
    "  withness policy sign --shipped --actor Practitioner/olga --key olga.key --passphrase-file olga.txt\n"
)
@click.argument("file", type=_FILE, metavar="[FILE]", required=False)
@click.option("--shipped", is_flag=True, help="Sign a return to the shipped policy instead of a FILE.")
@signing
@say.common
def sign(
    file: Path | None,
    shipped: bool,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Put a policy in force: sign it as its owner, into FILE.sig and the audit trail. Exit 3: who signs may not.

    What runs must be started again afterwards, with WITHNESS_POLICY set to FILE (left out for --shipped).
    """
    from withness.desk import policies
    from withness.desk.asking import actor_of
    from withness.packs.policy import FILE, policy_bytes, policy_of
    from withness.settings import read_settings
    from withness.wiring import build_for_signing

    if (file is not None) == shipped:
        raise InvalidInput("Either FILE or --shipped must say which policy is signed.", field="FILE")
    settings = read_settings({"home": home})
    text = _bytes(file) if file else policy_bytes()
    policy_of(text, name=file.name if file else FILE)
    who = signer(actor, key, passphrase_file)
    context = build_for_signing(settings)
    try:
        signed = policies.sign(context, file, text, who, actor_of(who.who))
    finally:
        context.store.close()
    beside = str(policies.signature_file(file)) if file else None
    if as_json:
        say.document({"policy": _named(signed), "signed_by": who.who, "signature": beside})
        return
    click.echo(f"Version {signed.version} is in force, signed by {who.who}." + (f" Wrote {beside}." if beside else ""))
    click.echo(_next(file, settings.policy))


def _next(file: Path | None, now: Path | None) -> str:
    if file is None:
        return "Leave WITHNESS_POLICY out and start what runs again." if now else "Start what runs again."
    same = now is not None and now.expanduser().absolute() == file.absolute()
    return "Start what runs again." if same else f"Set WITHNESS_POLICY to {file.absolute()} and start what runs again."


@policy.command(
    epilog="\b\nExamples:\n  withness policy sources\n  withness policy sources suicide.now\n"
    "  withness policy sources violence --json\n"
)
@click.argument("rule", metavar="[RULE]", required=False)
@say.common
def sources(rule: str | None, home: Path | None, as_json: bool) -> None:
    """Show the 13 source attributes (45 CFR 170.315(b)(11)) of every rule, of one, or of one domain's rules."""
    from withness.core.source_attributes import ATTRIBUTES
    from withness.packs.policy import load_policy
    from withness.packs.policy_sources import source_attributes
    from withness.settings import read_settings

    used = load_policy(read_settings({"home": home}).policy)
    known = source_attributes(used)
    found = [one for one in known if _asked(one, rule)]
    if not found:
        domains = (one.id for one in used.domains)
        hint = f"Choose a domain ({', '.join(domains)}) or one of: {', '.join(one.rule for one in known)}."
        raise InvalidInput("RULE is not a rule of the policy.", field="RULE", hint=hint)
    if as_json:
        rules = [one.said() for one in found]
        say.document({"policy": _named(used), "attributes": dict(ATTRIBUTES), "rules": rules})
        return
    for one in found:
        rows = [(said, one.values[name]) for name, said in ATTRIBUTES.items()]
        say.table(f"{one.rule}: {one.title}", ("source attribute", "what it is"), rows)


@policy.command(
    epilog="\b\nExamples:\n  withness policy show --shipped --out site-policy.toml\n  withness policy show | less\n"
)
@click.option("--shipped", is_flag=True, help="The shipped policy, even where a site's own is in force.")
@click.option("--out", type=_FILE, metavar="FILE", help="Write it to a new file: the start of a site's own.")
@say.common
def show(shipped: bool, out: Path | None, home: Path | None, as_json: bool) -> None:
    """Show the policy's own text, with every source on its line: the one in force, or the shipped one."""
    from withness.packs.policy import parse_policy, policy_bytes
    from withness.settings import read_settings

    site = None if shipped else read_settings({"home": home}).policy
    text = policy_bytes() if site is None else _bytes(site, "WITHNESS_POLICY")
    if as_json:
        say.document({**_named(parse_policy(text, name="policy")), "text": text.decode("utf-8")})
        return
    if out is None:
        click.echo(text.decode("utf-8"), nl=False)
        return
    try:
        with out.open("xb") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.", field="--out") from None
    click.echo(f"Wrote {out}. Give it a new version and its owner, then: withness policy check {out}")


def _asked(one: Attributes, rule: str | None) -> bool:
    return rule is None or one.rule == rule or one.rule.startswith(f"{rule}.")


def _compared(file: Path, other: Path | None) -> tuple[RiskPolicy, RiskPolicy, tuple[Change, ...]]:
    """Return the policy that FILE is compared with, FILE's own, and what it changes: what loosens comes first."""
    from withness.packs.policy import load_policy, parse_policy
    from withness.packs.policy_compare import differences

    before = parse_policy(_bytes(other, "OTHER"), name=other.name) if other else load_policy()
    after = parse_policy(_bytes(file), name=file.name)
    changes = differences(before, after)
    return before, after, tuple(sorted(changes, key=lambda one: _ORDER.index(one.direction)))


def _bytes(file: Path, field: str = "FILE") -> bytes:
    try:
        return read_regular(file)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.", field=field) from None


def _refuse_loosening(found: RiskPolicy, changes: tuple[Change, ...]) -> None:
    """Raise PolicyRefused naming the key, with the number of changes of each kind."""
    from withness.packs.policy import load_policy
    from withness.packs.policy_compare import refuse_loosening

    try:
        refuse_loosening(load_policy(), found)
    except PolicyRefused as error:
        error.hint = f"{error.hint} It holds {_counted(changes)}. See: withness policy diff FILE".strip()
        raise


def _named(one: RiskPolicy) -> dict[str, Any]:
    return {"version": one.version, "owner": one.owner, "digest": one.digest, "demo": one.demo}


def _counts(changes: Iterable[Change]) -> dict[str, int]:
    found: Counter[str] = Counter(one.direction for one in changes)
    return {direction: found[direction] for direction in _SAID}


def _counted(changes: Iterable[Change]) -> str:
    return ", ".join(f"{count} {_SAID[name][count != 1]}" for name, count in _counts(changes).items())


def _rows(changes: Iterable[Change]) -> list[tuple[str, str, str, str]]:
    return [(one.where, one.before, one.after, one.direction) for one in changes]
