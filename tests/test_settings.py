"""Each setting: option over environment over file, its type, its range, and no secret in any text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from withness.errors import InvalidInput
from withness.settings import FILE_NAME, Settings, key_folder, read_settings

TOKEN = "s3cret-token"

# name: (in the file, as TOML), (in the environment), (as an option), what each becomes
EACH: dict[str, tuple[str, str, Any, tuple[Any, Any, Any]]] = {
    "database_url": (
        '"sqlite:////f.db"',
        "sqlite:////e.db",
        "sqlite:////o.db",
        ("sqlite:////f.db", "sqlite:////e.db", "sqlite:////o.db"),
    ),
    "ehr_url": ('"http://f/r4"', "https://e/r4", "http://o/r4", ("http://f/r4", "https://e/r4", "http://o/r4")),
    "ehr_token": ('"f"', "e", "o", ("f", "e", "o")),
    "audit_repository": (
        '"https://f/fhir"',
        "https://e/fhir",
        "https://o/fhir",
        ("https://f/fhir", "https://e/fhir", "https://o/fhir"),
    ),
    "audit_repository_token": ('"f"', "e", "o", ("f", "e", "o")),
    "ehr_timeout": ("5", "6.5", 7.0, (5.0, 6.5, 7.0)),
    "ehr_enforces_labels": ("true", "false", True, (True, False, True)),
    "organization": ('"Organization/f"', "Organization/e", "Organization/o", tuple(f"Organization/{x}" for x in "feo")),
    "us_core": ('"6.1.0"', "7.0.0", "8.0.0", ("6.1.0", "7.0.0", "8.0.0")),
    "on_call": ('"Practitioner/o1"', "Practitioner/o2", "", ("Practitioner/o1", "Practitioner/o2", "")),
    "jurisdiction": ('"US-CA"', "US-NY", "", ("US-CA", "US-NY", "")),
    "jurisdictions": (
        '"/a/laws.toml"',
        "/b/laws.toml",
        Path("/o.toml"),
        (Path("/a/laws.toml"), Path("/b/laws.toml"), Path("/o.toml")),
    ),
    "time_zone": ('"Asia/Kolkata"', "Europe/Paris", "UTC", ("Asia/Kolkata", "Europe/Paris", "UTC")),
    "policy": ('"/f.toml"', "/e.toml", Path("/o.toml"), (Path("/f.toml"), Path("/e.toml"), Path("/o.toml"))),
    "packs": ('"/f"', "/e", Path("/o"), (Path("/f"), Path("/e"), Path("/o"))),
    "key_file": ('"/f.key"', "/e.key", Path("/o.key"), (Path("/f.key"), Path("/e.key"), Path("/o.key"))),
    "checkpoint_folder": ('"/f"', "/e", Path("/o"), (Path("/f"), Path("/e"), Path("/o"))),
    "checkpoint_stream": ('"stdout"', "stderr", "stdout", ("stdout", "stderr", "stdout")),
    "checkpoint_records": ("1", "2", 3, (1, 2, 3)),
    "checkpoint_minutes": ("1.5", "2", 3.0, (1.5, 2.0, 3.0)),
    "retention_years": ("6", "8", 30, (6, 8, 30)),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def read(home: Path, *, file: str = "", env: Mapping[str, str] = {}, **options: Any) -> Settings:
    """The settings of a data directory whose file holds `file`."""
    if file:
        (home / FILE_NAME).write_text(file, encoding="utf-8")
    return read_settings({"home": home, **options}, env)


def refused(home: Path, **given: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as found:
        read(home, **given)
    return found.value


def test_the_table_of_this_file_has_every_setting() -> None:
    """A setting that nobody tests would be nobody's promise. Planted: one more field; caught."""
    assert {one.name for one in fields(Settings)} == {"home", *EACH}


def test_without_anything_the_defaults_are_the_contracts(home: Path) -> None:
    """UTC, the demo organization, the embedded chart. Planted: another organization; caught."""
    found = read(home)
    assert found == Settings(home=home)
    assert (found.organization, found.us_core, found.time_zone) == ("Organization/demo", "6.1.0", "UTC")
    assert (found.ehr_url, found.ehr_enforces_labels) == ("", False)
    assert found.database == home / "withness.sqlite3"


@pytest.mark.parametrize("name", EACH)
def test_option_wins_over_environment_wins_over_file(home: Path, name: str) -> None:
    """Planted: file over environment, environment over option, a name without its prefix; all caught."""
    in_file, in_env, option, (from_file, from_env, from_option) = EACH[name]
    file, env = f"{name} = {in_file}\n", {f"WITHNESS_{name.upper()}": in_env}
    assert getattr(read(home, file=file), name) == from_file
    assert getattr(read(home, file=file, env=env), name) == from_env
    assert getattr(read(home, file=file, env=env, **{name: option}), name) == from_option
    assert getattr(read(home, file=file, env=env, **{name: None}), name) == from_env
    (home / FILE_NAME).unlink()
    assert getattr(read(home, env=env), name) == from_env
    assert type(getattr(read(home, env=env), name)) is type(from_env)


def test_an_empty_environment_variable_says_nothing(home: Path) -> None:
    """As a shell leaves it behind. Planted: an empty text taken; caught."""
    env = {f"WITHNESS_{name.upper()}": "" for name in EACH}
    assert read(home, env=env) == Settings(home=home)


def test_the_data_directory_comes_from_option_environment_or_the_users_home(tmp_path: Path) -> None:
    """Planted: XDG_DATA_HOME not asked; caught."""
    env = {"WITHNESS_HOME": str(tmp_path / "env"), "HOME": str(tmp_path / "user")}
    assert read_settings({"home": tmp_path / "option"}, env).home == tmp_path / "option"
    assert read_settings({}, env).home == tmp_path / "env"
    assert read_settings(None, {"HOME": str(tmp_path / "user")}).home == tmp_path / "user/.local/share/withness"
    assert read_settings(None, {"XDG_DATA_HOME": str(tmp_path / "xdg")}).home == tmp_path / "xdg/withness"


def test_a_relative_data_directory_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of folder must not open another database. Planted: `absolute` left out; caught."""
    monkeypatch.chdir(tmp_path)
    assert read_settings({"home": "data"}, {}).home == tmp_path / "data"


def test_key_files_lie_outside_every_data_directory(tmp_path: Path) -> None:
    """I6: a copied data directory must not carry its key. Planted: the folder under the data directory; caught."""
    env = {"HOME": str(tmp_path)}
    folder = key_folder(env)
    assert folder == tmp_path / ".config/withness/keys"
    assert not folder.is_relative_to(read_settings(None, env).home)
    assert key_folder({"XDG_CONFIG_HOME": str(tmp_path / "c")}) == tmp_path / "c/withness/keys"


@pytest.mark.parametrize("name", ["ehr_ulr", "home", "WITHNESS_EHR_URL", "ehr", "settings"])
def test_an_unknown_key_of_the_file_is_named(home: Path, name: str) -> None:
    """A mistyped safety setting must not be silently absent. Planted: unknown keys dropped; caught."""
    error = refused(home, file=f'{name} = "x"\n')
    assert error.field == f"{FILE_NAME}:{name}"
    assert name in error.message


@pytest.mark.parametrize("text", ["ehr_url = ", "= 1", "[", 'a = "\ud800"'.encode("utf-8", "surrogatepass"), b"\xff"])
def test_a_file_that_is_no_toml_is_named(home: Path, text: str | bytes) -> None:
    """Never a traceback at start-up. Planted: UnicodeDecodeError not caught; caught."""
    (home / FILE_NAME).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refused(home).field == FILE_NAME


def test_a_file_that_cannot_be_read_is_named(home: Path) -> None:
    """Unreadable is not absent. Planted: every OSError read as no file; caught."""
    (home / FILE_NAME).mkdir()
    assert refused(home).field == FILE_NAME


WRONG = [
    ("ehr_timeout", "soon"),
    ("ehr_timeout", "0"),
    ("ehr_timeout", "-1"),
    ("ehr_timeout", "601"),
    ("ehr_timeout", "nan"),
    ("ehr_timeout", "inf"),
    ("ehr_enforces_labels", "maybe"),
    ("ehr_enforces_labels", "2"),
    ("ehr_enforces_labels", "on"),
    ("us_core", "5.0.0"),
    ("us_core", "6.1.1"),
    ("time_zone", "Nowhere/Land"),
    ("time_zone", "../../etc/passwd"),
    ("time_zone", "/etc/localtime"),
    ("time_zone", "America"),
    ("time_zone", "UTC\x00"),
    ("ehr_url", "ftp://host/r4"),
    ("ehr_url", "host/r4"),
    ("ehr_url", "file:///etc"),
    ("ehr_url", " http://host"),
    ("database_url", "postgresql://host/db"),
    ("database_url", "sqlite:relative"),
    ("database_url", "/a/path"),
]


@pytest.mark.parametrize(("name", "text"), WRONG, ids=[f"{name}={text!r}" for name, text in WRONG])
def test_a_wrong_value_is_named_by_its_variable_and_not_repeated(home: Path, name: str, text: str) -> None:
    """Refused at start-up, the setting named. Planted: the time zone looked at when first used; caught."""
    error = refused(home, env={f"WITHNESS_{name.upper()}": text})
    assert error.field == f"WITHNESS_{name.upper()}"
    assert error.exit_code == 2
    assert len(text) < 3 or text not in error.message


WRONG_TYPES = [
    ("ehr_enforces_labels", "2"),
    ("ehr_enforces_labels", "[false]"),
    ("ehr_enforces_labels", "0.0"),
    ("ehr_timeout", "true"),
    ("ehr_timeout", "[30]"),
    ("organization", "5"),
    ("organization", '["Organization/a"]'),
    ("ehr_token", "true"),
    ("ehr_url", "5"),
    ("us_core", "6"),
    ("time_zone", "5"),
    ("policy", "5"),
    ("key_file", "[]"),
]


@pytest.mark.parametrize(("name", "toml"), WRONG_TYPES, ids=[f"{name}={toml}" for name, toml in WRONG_TYPES])
def test_a_wrong_type_in_the_file_is_named(home: Path, name: str, toml: str) -> None:
    """Nothing is turned into what it is not: a 2 is not true. Planted: `Path(str(value))`; caught."""
    assert refused(home, file=f"{name} = {toml}\n").field == f"WITHNESS_{name.upper()}"


@pytest.mark.parametrize(
    ("text", "said"),
    [("true", True), ("TRUE", True), ("1", True), ("yes", True), ("false", False), ("0", False), ("No", False)],
)
def test_a_switch_is_read_in_its_usual_spellings(home: Path, text: str, said: bool) -> None:
    """ "false" is not true. Planted: `bool(text)`; caught."""
    assert read(home, env={"WITHNESS_EHR_ENFORCES_LABELS": text}).ehr_enforces_labels is said


@pytest.mark.parametrize("text", ["0.001", "600"])
def test_the_edges_of_the_timeout_are_taken(home: Path, text: str) -> None:
    """Above 0, at most 600. Planted: `< 600`; caught."""
    assert read(home, env={"WITHNESS_EHR_TIMEOUT": text}).ehr_timeout == float(text)


def test_the_zone_is_the_named_one(home: Path) -> None:
    """Days are the site's. Planted: UTC always; caught."""
    assert read(home, env={"WITHNESS_TIME_ZONE": "Asia/Kolkata"}).zone == ZoneInfo("Asia/Kolkata")


def test_the_database_may_lie_elsewhere(home: Path) -> None:
    """Planted: the setting not asked; caught."""
    assert read(home, env={"WITHNESS_DATABASE_URL": "sqlite:////var/w.db"}).database == Path("/var/w.db")


def test_a_secret_is_never_in_a_text(home: Path) -> None:
    """Secrets are never logged or printed. Planted: `repr=False` left out; caught."""
    found = read(home, env={"WITHNESS_EHR_TOKEN": TOKEN})
    assert found.ehr_token == TOKEN
    for text in (repr(found), str(found), f"{found}", f"{found!r:>10}", f"{[found]}"):
        assert TOKEN not in text


def test_a_password_in_an_address_is_never_in_a_text(home: Path) -> None:
    """A secret is one wherever it was written. Planted: the check of the address left out; caught."""
    try:
        said = repr(read(home, env={"WITHNESS_EHR_URL": f"https://user:{TOKEN}@host/r4"}))
    except InvalidInput as error:
        said = repr(error)
    assert TOKEN not in said


def test_a_password_of_the_database_is_never_in_a_text(home: Path) -> None:
    """It stands in the address, as everywhere. Planted: `repr=False` left out of database_url; caught."""
    found = read(home, env={"WITHNESS_DATABASE_URL": f"postgresql+psycopg://w:{TOKEN}@host/w"})
    assert found.on_server
    assert found.database == home / "withness.sqlite3"
    assert TOKEN not in f"{found!r} {found}"
    error = refused(home, env={"WITHNESS_DATABASE_URL": f"postgres://w:{TOKEN}@host/w"})
    assert TOKEN not in f"{error.message} {error.hint} {error!r}"


def test_a_secret_is_never_in_a_refusal(home: Path) -> None:
    """A refused neighbour must not print it. Planted: the settings in the message; caught."""
    error = refused(home, env={"WITHNESS_EHR_TOKEN": TOKEN, "WITHNESS_US_CORE": "1"})
    assert TOKEN not in f"{error.message} {error.hint} {error!r}"


def test_settings_cannot_be_changed(home: Path) -> None:
    """One frozen object. Planted: `frozen=True` left out; caught."""
    with pytest.raises(FrozenInstanceError):
        read(home).time_zone = "Asia/Kolkata"  # type: ignore[misc]


def test_a_checkpoint_folder_is_an_absolute_path(tmp_path: Path) -> None:
    """A relative one would be another folder for each caller. Planted: any path taken; caught."""
    for wrong in ("checkpoints", "./checkpoints", "~/checkpoints"):
        with pytest.raises(InvalidInput) as refused:
            read_settings({"home": tmp_path}, {"WITHNESS_CHECKPOINT_FOLDER": wrong})
        assert refused.value.field == "WITHNESS_CHECKPOINT_FOLDER"
