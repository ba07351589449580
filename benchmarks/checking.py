"""`withness ig check` of a plan's Bundle against fhir.resources on the same; `ig build` against writing its bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.building import builder
from benchmarks.figure import Figure, in_turn
from withness import content
from withness.fhir.models import model
from withness.fhir.package import archive
from withness.fhir.profile_check.definitions import shipped
from withness.fhir.profile_check.inspection import inspect
from withness.packs.publication import load_publication

CHECK_TARGET = 10.0
BUILD_TARGET = 40.0


def figures() -> list[Figure]:
    """Return the milliseconds of one check and of one build."""
    return [_check(), _build()]


def _check() -> Figure:
    """The profiles are read and the rules parsed before: in a new process they take about half a second once."""
    bundle: dict[str, Any] = builder()()
    known, bundles = shipped(), model("Bundle")
    findings, used = inspect(bundle, known)
    assert not findings.problems
    assert len(used) >= 2
    seconds, floor = in_turn(lambda: inspect(bundle, known), lambda: bundles.model_validate(bundle), rounds=25, times=5)
    means = "ig check of a plan's Bundle, in process; floor: fhir.resources validating the same Bundle"
    return Figure("ig.check", seconds * 1e3, "ms", floor * 1e3, CHECK_TARGET, means)


def _build() -> Figure:
    folder, publication = content.folder("fhir_profiles"), load_publication()
    with tempfile.TemporaryDirectory(prefix="withness-build-") as out:

        def build() -> Path:
            package = archive.build(folder, publication)
            return archive.write(archive.archive(package), Path(out), package.file_name)

        data = build().read_bytes()
        seconds, floor = in_turn(build, lambda: archive.write(data, Path(out), "floor.tgz"), rounds=15)
    means = "building the package and writing it; floor: writing the same bytes, as safely"
    return Figure("ig.build", seconds * 1e3, "ms", floor * 1e3, BUILD_TARGET, means)
