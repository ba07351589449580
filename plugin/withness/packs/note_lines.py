"""The line on which a template's file is at fault, by a key of template.toml or a place in an example; 0: unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Final

_SAID: Final = re.compile(r"\bline ([0-9]+), column [0-9]+")
_HEADER: Final = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?")
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)


def said_line(message: str) -> int:
    """Return the line that a parser's message names."""
    found = _SAID.search(message)
    return int(found[1]) if found else 0


def undecodable_line(content: bytes) -> int:
    """Return the line of the first byte that is no UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return 0


def changed_line(kept: str, made: str) -> int:
    """Return the first line of a golden that differs from what is made."""
    pairs = zip_longest(kept.splitlines(keepends=True), made.splitlines(keepends=True))
    return next((number for number, (one, other) in enumerate(pairs, start=1) if one != other), 0)


def toml_line(text: str, key: str) -> int:
    """Return the line of a key such as `mine.unless`, of the nearest table above it where the key is not there."""
    lines = text.split("\n")
    start, end, found = 0, len(lines), 0
    for step in key.split("."):
        at = next((number for number in range(start, end) if _is(lines[number], step)), None)
        if at is None:
            continue
        found = at + 1
        start, end = _block(lines, at)
    return found


def _is(line: str, step: str) -> bool:
    named = re.escape(step)
    header = _HEADER.match(line)
    if header:
        return header[1].rpartition(".")[2] == step
    return bool(re.match(rf"\s*{named}\s*=", line) or re.search(rf'\bid\s*=\s*"{named}"', line))


def _block(lines: list[str], at: int) -> tuple[int, int]:
    """Return first and last line of the table that a line stands in, the tables below it included."""
    start = next((number for number in range(at, -1, -1) if _HEADER.match(lines[number])), 0)
    header = _HEADER.match(lines[start])
    if header is None:
        return at, len(lines)
    below = f"{header[1]}."
    for number in range(at + 1, len(lines)):
        other = _HEADER.match(lines[number])
        if other and not other[1].startswith(below):
            return start, number
    return start, len(lines)


def json_line(text: str, path: str) -> int:
    """Return the line of a place such as `fields.goals[0].words`, of the nearest one above it that is there."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return 0
    known = _places(text)
    while path and path not in known:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return known.get(path, 0) if path else 0


def _places(text: str) -> Mapping[str, int]:
    """Return the line of every value of a JSON text."""
    found: dict[str, int] = {}
    path: list[str | int] = []
    line, seen = 1, 0
    for token in _TOKEN.finditer(text):
        line, seen = line + text.count("\n", seen, token.start()), token.start()
        match token[0]:
            case "}" | "]":
                path.pop()
            case ",":
                path[-1] = path[-1] + 1 if isinstance(path[-1], int) else ""
            case ":":
                pass
            case said:
                if path and path[-1] == "":
                    path[-1] = str(json.loads(said))
                found.setdefault(_spelt(path), line)
                if said in ("{", "["):
                    path.append("" if said == "{" else 0)
    return found


def _spelt(path: list[str | int]) -> str:
    steps = [f"[{one}]" if isinstance(one, int) else f".{one}" for one in path]
    return "".join(steps).removeprefix(".")
