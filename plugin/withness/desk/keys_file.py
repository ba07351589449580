"""The file into which a backup writes both keys of a data directory:

{"withness-keys":1,"data_id":"<uuid>","keys":{"data":"<the data key's file>","log":"<the log key's file>"}}
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from withness import strict_json
from withness.errors import InvalidInput
from withness.files import read_regular
from withness.seal import KEYS_FORM, seal_of

_KEYS: Final = ("data", "log")


def read_keys(
    file: Path, ids: Collection[str], fingerprints: Collection[object], field: str = "--keys"
) -> dict[str, str]:
    """Return the contents of the key files, by name, of the directory with one of the `ids` and data keys named.

    Raises InvalidInput naming `field` for what cannot be read, is no such file, or another directory's.
    """
    try:
        found = strict_json.parse(read_regular(file), name=file.name)
    except OSError as error:
        raise InvalidInput(f"The keys' file cannot be read: {error.strerror}.", field=field) from None
    keys = found.get("keys") if isinstance(found, dict) and found.get(KEYS_FORM) == 1 else None
    if not isinstance(keys, dict) or not keys.keys() <= set(_KEYS) or not all(type(v) is str for v in keys.values()):
        raise InvalidInput("The keys' file is none that a backup wrote.", field=field)
    if found.get("data_id") not in ids:
        raise InvalidInput("The keys are those of another data directory.", field=field)
    try:
        fits = "data" not in keys or seal_of(keys["data"]).fingerprint in fingerprints
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise InvalidInput("The data key is not the one that was in use there.", field=field)
    return keys
