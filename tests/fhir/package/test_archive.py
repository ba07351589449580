"""The built package: what is in it, the same bytes each time, a site's own copy, whole or not at all."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from withness import content
from withness.cli.app import run
from withness.errors import InvalidContent, InvalidInput
from withness.fhir import codes
from withness.fhir.package import archive, checking
from withness.fhir.package.artefacts import text
from withness.fhir.package.intake import read
from withness.fhir.package.rebasing import package_name, read_base, rebased
from withness.packs.publication import load_publication

FOLDER = content.folder("fhir_profiles")
SITE = "https://fhir.clinic.example/withness"
NAME = "example.clinic.fhir.withness.xa97e0444"


def built(base: str | None = None, folder: Any = FOLDER) -> archive.Package:
    return archive.build(folder, load_publication(), base=base)


def entries(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: (tar.extractfile(one) or io.BytesIO()).read() for one in tar}


def resource(package: archive.Package, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(package.entries[name])
    return found


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A small content folder to change."""
    for kind in ("codesystem", "valueset", "example"):
        (tmp_path / kind).mkdir()
    shutil.copy(str(FOLDER / "package.json"), tmp_path / "package.json")
    answers = (FOLDER / "codesystem" / "risk-screen-answer.json").read_bytes()
    (tmp_path / "codesystem" / "risk-screen-answer.json").write_bytes(answers)
    for state in ("active", "completed"):
        goal = {"resourceType": "Goal", "id": "g", "lifecycleStatus": state}
        (tmp_path / "example" / f"goal-{state}.json").write_bytes(text(goal))
    return tmp_path


# --- what is in it


def test_every_artefact_and_example_is_in_it_byte_for_byte() -> None:
    package = built()
    inside = set(package.entries.values())
    for folder in FOLDER.iterdir():
        for file in folder.iterdir() if folder.is_dir() else ():
            assert file.read_bytes() in inside, file.name
    assert all(name.endswith(".json") for name in package.entries)


def test_an_artefact_is_named_by_type_and_id() -> None:
    package = built()
    for name, data in package.entries.items():
        found = json.loads(data)
        if "resourceType" in found and not name.startswith("package/example/"):
            assert name == f"package/{found['resourceType']}-{found['id']}.json"


def test_the_guide_lists_everything_and_names_the_package() -> None:
    package = built()
    guide = resource(package, f"package/ImplementationGuide-{codes.PACKAGE}.json")
    assert guide["url"] == f"{codes.BASE}/ImplementationGuide/{codes.PACKAGE}"
    assert (guide["packageId"], guide["version"], guide["fhirVersion"]) == (codes.PACKAGE, codes.VERSION, ["4.0.1"])
    listed = [one["reference"]["reference"] for one in guide["definition"]["resource"]]
    there = {
        f"{one['resourceType']}/{one['id']}"
        for one in map(json.loads, package.entries.values())
        if "resourceType" in one and one["resourceType"] != "ImplementationGuide"
    }
    assert sorted(listed) == sorted(there)
    needed = resource(package, "package/package.json")["dependencies"]
    depends = {one["packageId"]: one["version"] for one in guide["dependsOn"]}
    assert depends == {name: version for name, version in needed.items() if name != "hl7.fhir.r4.core"}


def test_each_index_says_what_the_files_say() -> None:
    package = built()
    for folder in ("package", "package/example"):
        index = json.loads(package.entries[f"{folder}/.index.json"])
        assert index["index-version"] == 2
        rows = {one["filename"]: one for one in index["files"]}
        names = {name.rpartition("/")[2] for name in package.entries if name.rpartition("/")[0] == folder}
        assert set(rows) == names - {".index.json", "package.json"}
        for name, row in rows.items():
            found = json.loads(package.entries[f"{folder}/{name}"])
            assert {key: found.get(key) for key in row if key != "filename"} == {
                key: value for key, value in row.items() if key != "filename"
            }


def test_an_example_of_a_profile_says_which(own: Path) -> None:
    guide = resource(built(), f"package/ImplementationGuide-{codes.PACKAGE}.json")
    shown = {one.get("exampleCanonical", "") for one in guide["definition"]["resource"]}
    assert f"{codes.BASE}/StructureDefinition/collaborative-careplan" in shown
    small = resource(built(folder=own), f"package/ImplementationGuide-{codes.PACKAGE}.json")["definition"]["resource"]
    assert [(one["reference"]["reference"], one["exampleBoolean"]) for one in small] == [
        ("CodeSystem/risk-screen-answer", False),
        ("Goal/g", True),
    ]


def test_states_of_one_resource_are_examples_each(own: Path) -> None:
    assert [name for name in built(folder=own).entries if "goal" in name] == [
        "package/example/goal-active.json",
        "package/example/goal-completed.json",
    ]


def test_there_may_be_no_examples(own: Path) -> None:
    shutil.rmtree(own / "example")
    package = built(folder=own)
    assert package.examples == 0
    assert not any("example/" in name for name in package.entries)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("odd.json", b"{", "cannot be read as JSON"),
        ("list.json", b"[]", "holds no JSON object"),
        ("nothing.json", b"{}", "is no FHIR resource with an id"),
        ("twice.json", b'{"resourceType": "CodeSystem", "id": "risk-screen-answer"}', "is there twice"),
    ],
)
def test_content_that_cannot_be_used_is_named(own: Path, name: str, data: bytes, why: str) -> None:
    (own / "codesystem" / name).write_bytes(data)
    with pytest.raises(InvalidContent, match=why) as caught:
        built(folder=own)
    assert name in caught.value.message


# --- the same bytes


def test_the_same_content_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the clock in the gzip header, the owner or mode of files, the order of a folder's listing."""
    first = archive.archive(built())
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(os, "umask", lambda _: 0o077)
    kind = type(Path())
    monkeypatch.setattr(kind, "iterdir", lambda self, listed=kind.iterdir: sorted(listed(self), reverse=True))
    assert archive.archive(built()) == first


def test_the_archive_says_nothing_of_where_and_when_it_was_made() -> None:
    data = archive.archive(built())
    assert data[:2] == b"\x1f\x8b"
    assert data[3] == 0  # no flags: no file name, no comment
    assert data[4:8] == b"\0\0\0\0"  # no time
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        told = {(one.mtime, one.mode, one.uid, one.gid, one.uname, one.gname, one.type) for one in tar}
    assert told == {(499162500, 0o644, 0, 0, "", "", tarfile.REGTYPE)}
    names = list(entries(data))
    assert names == sorted(names)


def test_what_is_packed_has_a_digest_of_its_own() -> None:
    """Another zlib packs the same entries into other bytes."""
    package = built()
    fast = gzip.compress(gzip.decompress(archive.archive(package)), compresslevel=1)
    assert fast != archive.archive(package)
    assert entries(fast) == dict(package.entries)
    assert len(archive.content(package)) == 64


# --- a site's own copy


def test_every_occurrence_of_our_base_is_the_sites() -> None:
    """Planted: URLs rebased and FHIRPath left, which has the base in the middle of a string."""
    package = built(SITE)
    for name, data in package.entries.items():
        assert codes.BASE.encode() not in data, name
        assert len(json.loads(data)) > 0
    answers = resource(package, "package/CodeSystem-risk-screen-answer.json")
    assert answers["url"] == f"{SITE}/CodeSystem/risk-screen-answer"
    assert resource(package, "package/package.json")["canonical"] == SITE


def test_the_name_follows_the_base() -> None:
    package = built(SITE)
    assert package.file_name == f"{NAME}-{codes.VERSION}.tgz"
    guide = resource(package, f"package/ImplementationGuide-{NAME}.json")
    assert guide["url"] == f"{SITE}/ImplementationGuide/{NAME}"
    assert guide["packageId"] == resource(package, "package/package.json")["name"] == NAME


def test_our_own_base_gives_our_own_package() -> None:
    assert archive.archive(built(codes.BASE)) == archive.archive(built())
    assert package_name(codes.BASE) == codes.PACKAGE


def test_text_that_is_packed_in_an_attachment_is_rebased_too() -> None:
    packed = base64.b64encode(f"see {codes.BASE}/Library/x".encode()).decode()
    other = base64.b64encode(b"\xff\x00").decode()
    found = rebased({"content": [{"data": packed}, {"data": other}, {"data": "no base64"}]}, SITE)
    assert base64.b64decode(found["content"][0]["data"]).decode() == f"see {SITE}/Library/x"
    assert [one["data"] for one in found["content"][1:]] == [other, "no base64"]


def test_only_the_whole_base_is_replaced() -> None:
    assert rebased(f"{codes.BASE}-old {codes.BASE}x {codes.BASE}|1 '{codes.BASE}/a'", SITE) == (
        f"{codes.BASE}-old {codes.BASE}x {SITE}|1 '{SITE}/a'"
    )


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("https://clinic.example", "example.clinic"),
        ("http://127.0.0.1:8080/fhir", "site.1.0.0.127.8080.fhir"),
        ("https://Clinic.Example/FHIR/r4.v1", "example.clinic.fhir.r4.v1"),
        ("http://localhost/fhir", "localhost.fhir"),
        ("http://localhost", "site.localhost"),
        ("https://a.example/with_under~score", "example.a.with-under-score"),
    ],
)
def test_a_name_for_every_base(base: str, name: str) -> None:
    found, _, digest = package_name(read_base(base + "/")).rpartition(".x")
    assert (found, len(digest)) == (name, 8)


def test_two_bases_never_give_one_name() -> None:
    """Planted: the name without the digest of its base; caught."""
    alike = ("https://x.org/a/b", "https://x.org/a.b", "https://a.x.org/b", "http://x.org/a/b", "https://X.org/a/b")
    assert len({package_name(read_base(one)) for one in alike}) == len(alike)


@pytest.mark.parametrize("base", ["http://hl7.org/fhir", "https://terminology.hl7.org/x"])
def test_hl7s_own_base_is_refused(base: str) -> None:
    with pytest.raises(InvalidInput, match="not HL7's"):
        read_base(base)


@pytest.mark.parametrize(
    "text",
    [
        "", "clinic.example/fhir", "ftp://clinic.example", "https://", "https:///fhir", "https://clinic.example/fhir?x=1",
        "https://clinic.example/fhir#x", "https://clinic.example/fhir|1", "https://me:pass@clinic.example/fhir",
        "https://clinic.example/a b", "https://clinic.example//fhir",
        "https://clinic.example/../fhir", "javascript:alert(1)", "https://clinic.example/fhir\n",
    ],
)  # fmt: skip
def test_what_is_no_base_is_refused(text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["ig", "build", "--out", str(tmp_path / "out"), "--canonical", text]) == 2
    assert "--canonical must be an http or https URL" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_name_longer_than_an_id_is_refused() -> None:
    with pytest.raises(InvalidInput, match="64 characters"):
        package_name(f"https://clinic.example/{'x' * 60}")


# --- the command


def test_the_command_writes_the_archive_and_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "folder"
    assert run(["ig", "build", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    path = Path(told["path"])
    assert list(out.iterdir()) == [path]
    assert told["name"] == codes.PACKAGE
    assert told["bytes"] == path.stat().st_size
    assert told["artefacts"] + told["examples"] == sum(
        "resourceType" in json.loads(one) for one in built().entries.values()
    )

    assert hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
    assert path.read_bytes() == archive.archive(built())


@pytest.mark.parametrize("trouble", ["file", "full", "rename"])
def test_nothing_half_written_is_left(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Planted: written in place; what was there before is lost."""
    out = tmp_path / "out"
    if trouble == "file":
        out.write_text("a file, no folder")
    else:
        out.mkdir()
        (out / built().file_name).write_bytes(b"the one before")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(*((os, "fsync") if trouble == "full" else (os, "replace")), full)
    assert run(["ig", "build", "--out", str(out)]) == 2
    assert "cannot be written" in capsys.readouterr().err
    if trouble != "file":
        assert [(one.name, one.read_bytes()) for one in out.iterdir()] == [(built().file_name, b"the one before")]


# --- the built package is checked clean


@pytest.mark.parametrize("base", [None, SITE])
def test_the_built_package_is_clean(base: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Catches a broken link inside, an example that does not pass, a copy that still names our base."""
    path = tmp_path / "package.tgz"
    path.write_bytes(archive.archive(built(base)))
    code = run(["ig", "check", str(path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["problems"]) == (0, [])
    assert told["checked"]["resources"] == built().artefacts + built().examples
    assert len(told["checked"]["profiles"]) >= 10
    assert all(one.startswith(f"{base or codes.BASE}/") for one in told["checked"]["profiles"])


def changed(names: Mapping[str, bytes | None]) -> list[tuple[str, str, str]]:
    """What is wrong with our package when these entries are others (None: gone)."""
    package = built()
    kept = {**package.entries, **names}
    data = archive.archive(
        archive.Package(**{**vars(package), "entries": {name: one for name, one in kept.items() if one is not None}})
    )
    return list(checking.check(read(data, "x.tgz")))


def edited(name: str, /, **changes: Any) -> dict[str, bytes | None]:
    return {name: json.dumps({**json.loads(built().entries[name]), **changes}).encode()}


def test_our_package_is_whole() -> None:
    assert changed({}) == []


ANSWERS = "package/CodeSystem-risk-screen-answer.json"


@pytest.mark.parametrize(
    ("names", "element", "why"),
    [
        (edited("package/package.json", name="Withness"), "name", "small letters"),
        (edited("package/package.json", version="1"), "version", "1.2.3"),
        (edited("package/package.json", dependencies={}), "dependencies", "hl7.fhir.r4.core"),
        (edited("package/package.json", author=None), "author", "missing"),
        ({ANSWERS: None}, "ImplementationGuide.definition.resource[1].reference", "not in the package"),
        (edited(ANSWERS, version="9.9.9"), "files[16].version", "not what the file says"),
        ({"package/Goal-x.json": b'{"resourceType": "Goal"}'}, "files", "does not name every file"),
        (edited("package/package.json", version="9.9.9"), "ImplementationGuide.version", "package's version"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_package_that_does_not_hang_together_is_named(names: Any, element: str, why: str) -> None:
    found = changed(names)
    stem = element.partition("[")[0]
    assert any(one.startswith(stem) and why in said for _, one, said in found), found


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x1f\x8b", "no readable package"),
        (gzip.compress(b"not a tar" * 200), "no readable package"),
        (gzip.compress(b"\0" * (65 * 1024 * 1024)), "unpacks to more than"),
        (gzip.compress(b"\0" * 10240), "is missing"),
    ],
    ids=["two-bytes", "no-tar", "too-large", "empty"],
)
def test_an_archive_that_cannot_be_read_is_a_named_problem(data: bytes, why: str) -> None:
    taken = read(data, "x.tgz")
    assert why in taken.unread[0][1]
