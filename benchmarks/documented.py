"""What the software has against what the documents name: nothing undocumented, nothing documented that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

import click

import withness
from withness import Settings, errors
from withness.audit.record import Kind
from withness.cli.app import tree
from withness.core.terms import Acuity
from withness.desk.front import Desk
from withness.fhir import questionnaires
from withness.hosts.plugin import Plugin
from withness.packs.policy import load_policy
from withness.packs.templates import load_templates

ROOT: Final = Path(__file__).resolve().parents[1]
FIGURES: Final = "docs/figures.md"
"""Written by the benchmarks: its names are those of figures."""

API: Final = "docs/integrators.md"

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\]\((?!https?:)([^)#\s]+)")
_CALL: Final = re.compile(r"(?:^|[\s$(|])withness((?: [^\s|&;<>)]+)+)")
_SETTING: Final = re.compile(r"WITHNESS_[A-Z_]+")
_DOTTED: Final = re.compile(r"([a-z]+)\.[a-z.-]+")
_FOR_TESTS: Final = frozenset({"WITHNESS_CAMPAIGN", "WITHNESS_REQUIRE_SERVERS"})


def pages() -> dict[str, str]:
    """Return every page by its path in the checkout."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}
    return {page: text for page, text in texts.items() if page != FIGURES}


def commands() -> dict[str, click.Command]:
    """Return every command by what is typed after `withness`."""
    return dict(_commands(tree, ""))


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{before}{name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")


def undocumented(found: Mapping[str, str]) -> list[str]:
    """Return a sentence for each thing of the software that no page names."""
    text = "\n".join(found.values())
    code = "\n".join(_spans(text))
    api = found.get(API, "")
    missing = [
        f"The command `withness {name}` is named nowhere."
        for name in commands()
        if not re.search(rf"withness {name}(?![\w-])", code)
    ]
    missing += [
        f"The option {option} (of withness {name}) is named nowhere."
        for name, command in commands().items()
        for option in _options(command)
        if not re.search(rf"{option}(?![\w-])", code)
    ]
    missing += [
        f"The setting {name} is not in the table of {API}." for name in _settings() if f"| `{name}` |" not in api
    ]
    missing += [f"The exit code {code} is not in the table of {API}." for code in _exits() if f"| {code} |" not in api]
    missing += [f"The error code `{code}` is not in {API}." for code in _error_codes() if f"`{code}`" not in api]
    missing += [
        f"The public name {name} is not in {API}." for name in _public() if not re.search(rf"`[^`]*\b{name}\b", api)
    ]
    missing += [f"The record kind `{kind}` is named nowhere." for kind in Kind if f"`{kind}`" not in text]
    missing += [f"The plan template `{name}` is named nowhere." for name in load_templates() if f"`{name}`" not in text]
    return missing


def unknown(found: Mapping[str, str]) -> list[str]:
    """Return a sentence for each command, option, setting, id or link of a page that is not there."""
    return [f"{page}: {said}" for page, text in found.items() for said in _unknown(page, text)]


def _unknown(page: str, text: str) -> Iterator[str]:
    for span in _spans(text):
        for call in _CALL.finditer(span):
            yield from _unknown_call(call[1].split())
        yield from (f"{name} is no setting." for name in _SETTING.findall(span) if name not in _known_settings())
        yield from _unknown_id(span)
    for link in _LINK.findall(text):
        if not (ROOT / page).parent.joinpath(link).exists():
            yield f"the link to {link} leads nowhere."


def _unknown_call(words: list[str]) -> Iterator[str]:
    command: click.Command = tree
    for word in words:
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z]+(-[a-z]+)*", word):
            break
        inner = command.get_command(click.Context(command), word)
        if inner is None:
            yield f"there is no command `withness {' '.join(words)}`."
            return
        command = inner
    known = {*_options(command), "--help", "--version", "--home", "--json"}
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in known:
            yield f"`withness {' '.join(words)}` has no option {word}."


def _unknown_id(span: str) -> Iterator[str]:
    """A code span that looks like a linkId, a record kind or a decision must be one."""
    policy = load_policy()
    links = {one.link for one in questionnaires.fields(policy)}
    tops = {link.partition(".")[0] for link in links}
    kinds = {kind.value for kind in Kind}
    found = _DOTTED.fullmatch(span)
    if found and span.rpartition(".")[2] not in ("json", "toml", "sqlite3", "md", "py"):
        if found[1] in tops and span not in links:
            yield f"`{span}` is no linkId of the risk screen."
        elif found[1] in {kind.partition(".")[0] for kind in kinds} and span not in kinds:
            yield f"`{span}` is no kind of record."
    decisions = {policy.decisions[acuity] for acuity in Acuity}
    if re.fullmatch(r"(held|released)-[a-z-]+", span) and span not in decisions:
        yield f"`{span}` is no decision."


def _spans(text: str) -> list[str]:
    """Return what stands in code: each line of a fenced block, and each inline span outside of them."""
    fenced = [line for _, body in _FENCE.findall(text) for line in body.splitlines()]
    return fenced + _CODE.findall(_FENCE.sub("", text))


def _options(command: click.Command) -> list[str]:
    return [
        option
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--")
    ]


def _settings() -> list[str]:
    return [f"WITHNESS_{one.name.upper()}" for one in fields(Settings)]


def _known_settings() -> frozenset[str]:
    return frozenset(_settings()) | _FOR_TESTS


def _errors() -> list[type[errors.WithnessError]]:
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.WithnessError)]


def _exits() -> list[int]:
    return sorted({0, *(one.exit_code for one in _errors())})


def _error_codes() -> list[str]:
    return sorted({one.code for one in _errors() if one is not errors.WithnessError})


def _public() -> list[str]:
    methods = [name for kind in (Desk, Plugin) for name in vars(kind) if not name.startswith("_")]
    return [*withness.__all__, *methods, *(one.name for one in fields(Plugin)), *(one.name for one in fields(Settings))]
