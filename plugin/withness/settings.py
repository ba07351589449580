"""Settings: environment `WITHNESS_*`, `withness.toml` in the data directory, or options; one frozen object.

Options win over the environment, the environment over the file. Secrets are never logged or printed.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from withness.errors import InvalidInput
from withness.files import read_regular

US_CORE_VERSIONS: Final = ("6.1.0", "7.0.0", "8.0.0")
_REFERENCE: Final = re.compile(r"Organization/[A-Za-z0-9\-.]{1,64}")
_CLINICIAN: Final = re.compile(r"Practitioner(?:Role)?/[A-Za-z0-9\-.]{1,64}")
_SERVER: Final = "postgresql+psycopg://"
FILE_NAME: Final = "withness.toml"
_LEAST_YEARS: Final = 6
_MOST_YEARS: Final = 100


@dataclass(frozen=True)
class Settings:
    """Where Withness works and with whom.

    `home` is the data directory; `database_url` may hold a password. `ehr_url` is a FHIR R4 base ("" for the embedded
    local chart in `home`), `ehr_token` a bearer token for it, `ehr_timeout` seconds for one answer. `audit_repository`
    is the FHIR R4 base that is told of every record as an AuditEvent ("" for none), `audit_repository_token` a bearer
    token for it. `on_call` is the clinician who backs up an opened protocol; `jurisdiction` an entry of the table of
    reporting laws (a site's own in `jurisdictions`). `checkpoint_folder` is where the log's checkpoints are published
    (None: beside the key file), `checkpoint_stream` "stdout" or "stderr" for a log collector; one is published at least
    every `checkpoint_records` records, and with the first record after `checkpoint_minutes` minutes. No record of the
    trail is pruned before it is `retention_years` old (45 CFR 164.316(b)(2)(i) asks for six).
    """

    home: Path
    database_url: str = field(default="", repr=False)
    ehr_url: str = ""
    ehr_token: str = field(default="", repr=False)
    ehr_timeout: float = 30.0
    audit_repository: str = ""
    audit_repository_token: str = field(default="", repr=False)
    ehr_enforces_labels: bool = False
    organization: str = "Organization/demo"
    us_core: str = "6.1.0"
    time_zone: str = "UTC"
    on_call: str = ""
    jurisdiction: str = ""
    jurisdictions: Path | None = None
    policy: Path | None = None
    packs: Path | None = None
    key_file: Path | None = None
    checkpoint_folder: Path | None = None
    checkpoint_stream: str = ""
    checkpoint_records: int = 256
    checkpoint_minutes: float = 5.0
    retention_years: int = 7

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", Path(self.home))
        if not _REFERENCE.fullmatch(self.organization):
            raise InvalidInput(
                "WITHNESS_ORGANIZATION must be a reference such as Organization/id.", field="WITHNESS_ORGANIZATION"
            )
        if self.on_call and not _CLINICIAN.fullmatch(self.on_call):
            said = "WITHNESS_ON_CALL must be a reference such as Practitioner/id."
            raise InvalidInput(said, field="WITHNESS_ON_CALL")
        if self.us_core not in US_CORE_VERSIONS:
            raise InvalidInput(
                f"WITHNESS_US_CORE must be one of {', '.join(US_CORE_VERSIONS)}.", field="WITHNESS_US_CORE"
            )
        _check_address(self.ehr_url, "WITHNESS_EHR_URL", "WITHNESS_EHR_TOKEN")
        _check_address(self.audit_repository, "WITHNESS_AUDIT_REPOSITORY", "WITHNESS_AUDIT_REPOSITORY_TOKEN")
        if not 0 < self.ehr_timeout <= 600:
            raise InvalidInput(
                "WITHNESS_EHR_TIMEOUT must lie above 0 and at most at 600 seconds.", field="WITHNESS_EHR_TIMEOUT"
            )
        if self.database_url and not self.database_url.startswith(("sqlite:///", _SERVER)):
            raise InvalidInput(
                f"WITHNESS_DATABASE_URL must be a sqlite:/// or {_SERVER} address.", field="WITHNESS_DATABASE_URL"
            )
        if self.checkpoint_folder is not None and not self.checkpoint_folder.is_absolute():
            said = "WITHNESS_CHECKPOINT_FOLDER must be an absolute path: else it is another for each caller."
            raise InvalidInput(said, field="WITHNESS_CHECKPOINT_FOLDER", hint="Such as /media/safe/checkpoints.")
        if self.checkpoint_stream not in ("", "stdout", "stderr"):
            said = "WITHNESS_CHECKPOINT_STREAM must be stdout or stderr."
            raise InvalidInput(said, field="WITHNESS_CHECKPOINT_STREAM")
        if self.checkpoint_records < 1 or not 0 < self.checkpoint_minutes <= 1440:
            said = "A checkpoint is published after at least 1 record, and within 0 to 1440 minutes."
            raise InvalidInput(said, field="WITHNESS_CHECKPOINT_RECORDS, WITHNESS_CHECKPOINT_MINUTES")
        if not _LEAST_YEARS <= self.retention_years <= _MOST_YEARS:
            said = f"WITHNESS_RETENTION_YEARS must lie between {_LEAST_YEARS} and {_MOST_YEARS}."
            hint = "Records of what was done are kept for six years (45 CFR 164.316(b)(2)(i))."
            raise InvalidInput(said, field="WITHNESS_RETENTION_YEARS", hint=hint)
        self.zone  # noqa: B018  a wrong time zone is refused at start-up, not at the first decision

    @property
    def zone(self) -> tzinfo:
        """The site's time zone. Raises InvalidInput when there is no such zone."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput("WITHNESS_TIME_ZONE is not a known time zone.", field="WITHNESS_TIME_ZONE") from None

    @property
    def on_server(self) -> bool:
        """Whether the database is on a PostgreSQL server, and no file."""
        return self.database_url.startswith(_SERVER)

    @property
    def database(self) -> Path:
        """The SQLite file, where the database is one."""
        named = self.database_url if not self.on_server else ""
        return Path(named.removeprefix("sqlite:///")) if named else self.home / "withness.sqlite3"

    @property
    def chart(self) -> Path:
        """The embedded local chart's SQLite file."""
        return self.home / "chart.sqlite3"


def _check_address(url: str, setting: str, token: str) -> None:
    if url and not url.startswith(("http://", "https://")):
        raise InvalidInput(f"{setting} must be an http or https address.", field=setting)
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise InvalidInput(f"{setting} must not hold a user or password; {token} is for that.", field=setting)


def read_settings(
    options: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, *, file: bool = True
) -> Settings:
    """Return the settings from `options` (None values left out), `environ` and, unless left out, the directory's file.

    Raises InvalidInput naming the setting: unknown in the file, of the wrong type, or out of range.
    """
    given = {key: value for key, value in (options or {}).items() if value is not None}
    env = os.environ if environ is None else environ
    try:
        home = Path(given.get("home") or env.get("WITHNESS_HOME") or _default_home(env)).expanduser().absolute()
    except (RuntimeError, ValueError):
        raise InvalidInput("WITHNESS_HOME is not a usable path.", field="WITHNESS_HOME") from None
    kept = _from_file(home / FILE_NAME) if file else {}
    values: dict[str, Any] = {**kept, **_from_environment(env), **given, "home": home}
    return Settings(**{name: _typed(name, value) for name, value in values.items()})


def _default_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("XDG_DATA_HOME") or Path(env.get("HOME", "~")) / ".local" / "share") / "withness"


def key_folder(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder of key files that no setting names: outside every data directory (contracts I6)."""
    env = os.environ if env is None else env
    return (
        Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "~")) / ".config") / "withness" / "keys"
    ).expanduser()


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    names = {f"WITHNESS_{one.name.upper()}": one.name for one in fields(Settings)}
    return {name: env[variable] for variable, name in names.items() if env.get(variable)}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(read_regular(path).decode())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise InvalidInput(f"{FILE_NAME} in the data directory is not readable TOML.", field=FILE_NAME) from None
    known = {one.name for one in fields(Settings)} - {"home"}
    for name in found:
        if name not in known:
            raise InvalidInput(f"{FILE_NAME}: there is no setting {name!r}.", field=f"{FILE_NAME}:{name}")
    return found


def _typed(name: str, value: Any) -> Any:
    """Return a setting's value in its type. Raises InvalidInput naming the setting."""
    kind = get_type_hints(Settings)[name]
    wanted = next((one for one in get_args(kind) if one is not type(None)), kind)
    setting = f"WITHNESS_{name.upper()}"
    if type(value) is wanted or (wanted is Path and isinstance(value, Path)):
        return value
    if wanted is float and type(value) is int:
        return float(value)
    if isinstance(value, str):
        try:
            return _BOOLEANS[value.lower()] if wanted is bool else wanted(value)
        except (KeyError, ValueError):
            pass
    said = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}[wanted]
    raise InvalidInput(f"{setting} must be {said}.", field=setting)


_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
