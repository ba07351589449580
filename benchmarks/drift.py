"""`python -m benchmarks.drift [--write]`: what is generated or documented still equals what it comes from."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import documented
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


def _policy() -> list[str]:
    if _read(CATALOGUE / policy.DIGEST_FILE) == _digest_line():
        return []
    return [f"{policy.DIGEST_FILE} does not hold the digest of {policy.FILE}. Run: make generate"]


def _artefacts() -> list[str]:
    made = load_knowledge()
    expected = set(artefacts.artefacts(made))
    found = {path.relative_to(PROFILES).as_posix() for path in PROFILES.rglob("*.json")}
    drifted = [
        f"fhir_profiles/{path} is not what the catalogue makes. Run: make generate"
        for path in artefacts.drift(made, PROFILES)
    ]
    return drifted + [f"fhir_profiles/{path} is made by nothing." for path in sorted(found - expected)]


def _documents() -> list[str]:
    found = documented.pages()
    return documented.undocumented(found) + documented.unknown(found)


def _read(file: Path) -> str:
    return file.read_text(encoding="ascii") if file.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
