"""`python -m benchmarks.drift [--write]`: what is generated or documented still equals what it comes from."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import documented, examples
from withness.errors import WithnessError
from withness.fhir.package import artefacts
from withness.packs import policy
from withness.packs.knowledge import load_knowledge

CATALOGUE: Final = documented.ROOT / "plugin" / "withness" / "catalogue"
PROFILES: Final = documented.ROOT / "fhir_profiles"


def main(arguments: Sequence[str] | None = None) -> int:
    """Say every drift in a sentence; exit 1 when there is one. With --write, write what is generated first."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=main.__doc__)
    asked.add_argument("--write", action="store_true", help="write what is generated from policy and catalogue")
    try:
        if asked.parse_args(arguments).write:
            _write()
        found = [*_policy(), *_artefacts(), *_documents()]
    except WithnessError as error:
        found = [error.message]
    for sentence in found:
        print(sentence)
    if not found:
        print("Nothing has drifted: policy digest, FHIR artefacts and documents fit.")
    return 1 if found else 0


def _digest_line() -> str:
    digest = hashlib.sha256((CATALOGUE / policy.FILE).read_bytes()).hexdigest()
    return f"{digest}  {policy.FILE}\n"


def _write() -> None:
    file = CATALOGUE / policy.DIGEST_FILE
    if _read(file) != _digest_line():
        file.write_text(_digest_line(), encoding="ascii")
        print(f"Wrote {policy.DIGEST_FILE}: the policy was edited, so its version and owner need a look.")
    artefacts.write(load_knowledge(), PROFILES)
    for path, content in _examples().items():
        if not _holds(path, content):
            (PROFILES / path).parent.mkdir(parents=True, exist_ok=True)
            (PROFILES / path).write_bytes(content)


def _policy() -> list[str]:
    if _read(CATALOGUE / policy.DIGEST_FILE) == _digest_line():
        return []
    return [f"{policy.DIGEST_FILE} does not hold the digest of {policy.FILE}. Run: make generate"]


def _artefacts() -> list[str]:
    made, shown = load_knowledge(), _examples()
    expected = {*artefacts.artefacts(made), *shown}
    found = {path.relative_to(PROFILES).as_posix() for path in PROFILES.rglob("*.json")}
    drifted = [
        f"fhir_profiles/{path} is not what the catalogue makes. Run: make generate"
        for path in artefacts.drift(made, PROFILES)
    ]
    drifted += [
        f"fhir_profiles/{path} is not what the desk writes. Run: make generate"
        for path, content in shown.items()
        if not _holds(path, content)
    ]
    return drifted + [f"fhir_profiles/{path} is made by nothing." for path in sorted(found - expected)]


def _examples() -> dict[str, bytes]:
    return {f"example/{name}.json": artefacts.text(one) for name, one in examples.examples().items()}


def _holds(path: str, content: bytes) -> bool:
    return (PROFILES / path).is_file() and (PROFILES / path).read_bytes() == content


def _documents() -> list[str]:
    found = documented.pages()
    return documented.undocumented(found) + documented.unknown(found)


def _read(file: Path) -> str:
    return file.read_text(encoding="ascii") if file.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
