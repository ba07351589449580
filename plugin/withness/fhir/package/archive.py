"""The package as one .tgz, the same bytes for the same content (FHIR NPM packages, packages.html).

```
package/package.json
package/.index.json
package/ImplementationGuide-example.withness.fhir.json
package/Questionnaire-risk-screen.json   …
package/example/.index.json
package/example/goal-rosa.json   …
```
Every entry has mode 0644, owner 0 and one time; entries are in the order of their names; the gzip header has neither a
time nor a name. Another zlib may pack the same entries into other bytes: `content` is the digest of what is packed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from withness.core.publication import Publication
from withness.errors import InvalidInput
from withness.fhir.package import contents
from withness.fhir.package.artefacts import text
from withness.fhir.package.contents import File
from withness.fhir.package.guide import guide
from withness.fhir.package.rebasing import package_name, rebased
from withness.files import EVERYBODYS, replace_file

_TIME: Final = 499162500
"""1985-10-26 08:15 UTC, the time that npm gives every file of a package."""
_LEVEL: Final = 6
"""zlib's own middle: the highest takes more than twice the time for three per cent."""
_INDEXED: Final = ("id", "url", "version", "kind", "type", "supplements", "content")


@dataclass(frozen=True)
class Package:
    """A built package: its entries by their path in the archive, and how many resources it holds."""

    name: str
    version: str
    canonical: str
    artefacts: int
    examples: int
    entries: Mapping[str, bytes]

    @property
    def file_name(self) -> str:
        """The archive's name."""
        return f"{self.name}-{self.version}.tgz"


def build(folder: Traversable, publication: Publication, *, base: str | None = None) -> Package:
    """Return the package of the content in `folder` (fhir_profiles); under a site's own `base` where one is given.

    Raises InvalidContent naming the file that cannot be used, InvalidInput for a base that gives no name.
    """
    description = contents.description(folder)
    artefacts, examples = contents.artefacts(folder), contents.examples(folder)
    if base is not None and base != description["canonical"]:
        description = {**rebased(description, base), "name": package_name(base)}
        artefacts, examples = _rebased(artefacts, base), _rebased(examples, base)
    made = guide(description, publication, artefacts, examples)
    itself = File(f"ImplementationGuide-{made['id']}.json", text(made), made)
    whole = sorted([*artefacts, itself], key=lambda one: one.name)
    entries = {
        "package/package.json": text(description),
        "package/.index.json": index(whole),
        **{f"package/{one.name}": one.text for one in whole},
    }
    if examples:
        entries["package/example/.index.json"] = index(examples)
        entries |= {f"package/example/{one.name}": one.text for one in examples}
    return Package(
        name=str(description["name"]),
        version=str(description["version"]),
        canonical=str(description["canonical"]),
        artefacts=len(whole),
        examples=len(examples),
        entries=dict(sorted(entries.items())),
    )


def _rebased(files: Sequence[File], base: str) -> list[File]:
    made = ((one.name, rebased(one.resource, base)) for one in files)
    return [File(name, text(resource), resource) for name, resource in made]


def index(files: Sequence[File]) -> bytes:
    """Return .index.json of one folder: what is in each file, for readers that do not want to open them."""
    listed = [
        {
            "filename": one.name,
            "resourceType": one.resource["resourceType"],
            **{key: one.resource[key] for key in _INDEXED if isinstance(one.resource.get(key), str)},
        }
        for one in files
    ]
    return text({"index-version": 2, "files": listed})


def archive(package: Package) -> bytes:
    """Return the .tgz."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=packed, mtime=0) as zipped:
        zipped.write(_tar(package))
    return packed.getvalue()


def content(package: Package) -> str:
    """Return the SHA-256 of the archive before it is compressed: the same on every machine."""
    return hashlib.sha256(_tar(package)).hexdigest()


def _tar(package: Package) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in package.entries.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), _TIME, 0o644
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def write(data: bytes, folder: Path, name: str) -> Path:
    """Write a file into `folder`, which is made: it is there whole or not at all. Raises InvalidInput (--out)."""
    wanted = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(wanted, data, mode=EVERYBODYS)
    except OSError as error:
        raise InvalidInput(f"{wanted} cannot be written: {error.strerror}.", field="--out") from None
    return wanted
