"""`python -m benchmarks.snapshots [--check]`: every profile's snapshot is what its differential makes."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.servers.hapi import HapiError
from tests.servers.validator import PROFILES, Validator, ValidatorError, available, conformance_resources

from withness.fhir.package.artefacts import text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the snapshots and say which; with --check only name the files whose snapshot is another. Exit 1 then."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.snapshots", description=main.__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing; exit 1 when a snapshot is not as made")
    check = asked.parse_args(arguments).check
    reason = available()
    if reason:
        print(reason)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="snapshots-") as folder, Validator(Path(folder)) as validator:
            listed = (outdated if check else write)(PROFILES, validator)
    except (HapiError, ValidatorError) as error:
        print(error)
        return 1
    for path in listed:
        name = path.relative_to(PROFILES.parent)
        print(f"{name} has not the snapshot of its differential. Run: make snapshots" if check else f"Wrote {name}.")
    if not listed:
        print("Every snapshot is what its differential makes.")
    return 1 if check and listed else 0


def outdated(profiles: Path, validator: Validator) -> list[Path]:
    """Return the StructureDefinition files below `profiles` that are not as they are made.

    Raises:
        ValidatorError: a snapshot cannot be made, or is not the same every time.
    """
    return [path for path, _ in _changed(profiles, validator)]


def write(profiles: Path, validator: Validator) -> list[Path]:
    """Write the snapshots into the StructureDefinition files below `profiles`; return the files that changed.

    Raises:
        ValidatorError: a snapshot cannot be made, or is not the same every time; then nothing is written.
    """
    changed = list(_changed(profiles, validator))
    for path, made in changed:
        path.write_bytes(made)
    return [path for path, _ in changed]


def _changed(profiles: Path, validator: Validator) -> Iterator[tuple[Path, bytes]]:
    paths = sorted((profiles / "structuredefinition").glob("*.json"))
    # Without the snapshots in the files: one profile's base is then made anew too, whatever the order.
    validator.load(_bare(one) for one in conformance_resources(profiles))
    made = {path: _made(path, validator) for path in paths}
    again = {path: _made(path, validator) for path in reversed(paths)}
    for path in paths:
        if made[path] != again[path]:
            raise ValidatorError(f"The snapshot of {path.name} is not the same every time.")
        if made[path] != path.read_bytes():
            yield path, made[path]


def _made(path: Path, validator: Validator) -> bytes:
    try:
        made = validator.snapshot(_bare(json.loads(path.read_text(encoding="utf-8"))))
    except ValidatorError as error:
        raise ValidatorError(f"{path.name}: {error}") from error
    return text(made)


def _bare(resource: dict[str, Any]) -> dict[str, Any]:
    kind = resource["resourceType"]
    return {key: value for key, value in resource.items() if key != "snapshot" or kind != "StructureDefinition"}


if __name__ == "__main__":
    sys.exit(main())
