"""The documents: everything is in them, nothing in them is made up, and what they show runs."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks import documented, drift

from withness.cli.audit import COMMANDS
from withness.cli.database import database
from withness.cli.key import key

ROOT = documented.ROOT
HOST = "docs/examples/host.py"
RUNNABLE = re.compile(r"^<!-- runnable -->\n```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass(frozen=True)
class Desktop:
    """A folder of its own to type in, as if it were the checkout, with a data directory and key beside it."""

    folder: Path

    def run(self, *command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command; `given` is its standard input."""
        unset = {name: value for name, value in os.environ.items() if not name.startswith("WITHNESS_")}
        env = {
            **unset,
            "COLUMNS": "1000",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "docs" / "examples"),
            "WITHNESS_HOME": str(self.home),
            "WITHNESS_KEY_FILE": str(self.folder.parent / "docs.key"),
        }
        return subprocess.run(
            command, cwd=self.folder, env=env, input=given, capture_output=True, text=True, check=False, timeout=120
        )

    @property
    def home(self) -> Path:
        return self.folder.parent / "data"


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    folder = tmp_path / "desktop"
    folder.mkdir()
    (folder / "docs").symlink_to(ROOT / "docs")
    return Desktop(folder)


# -- everything is documented


def test_every_command_option_setting_public_name_and_exit_code_is_documented() -> None:
    assert documented.undocumented(documented.pages()) == []


def test_every_command_option_setting_id_and_link_that_a_document_names_is_there() -> None:
    assert documented.unknown(documented.pages()) == []


def test_the_table_of_exit_codes_has_every_command_of_the_compliance_desk_and_of_the_keys() -> None:
    """Planted: a command that no row names; caught."""
    page = documented.pages()["docs/integrators.md"]
    table = page.partition("| commands | exit codes beside")[2].partition("\n\n")[0]
    groups = {"audit": COMMANDS, "key": key.commands, "database": database.commands}
    commands = [f"{name} {one}" for name, group in groups.items() for one in group]
    missing = [one for one in (*commands, "backup", "restore") if f"`withness {one}`" not in table]
    assert missing == []


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("withness plan preview", "The command `withness plan preview` is named nowhere."),
        ("--limit", "The option --limit (of withness audit show) is named nowhere."),
        ("| `WITHNESS_US_CORE` |", "The setting WITHNESS_US_CORE is not in the table of docs/integrators.md."),
        ("| 6 |", "The exit code 6 is not in the table of docs/integrators.md."),
        ("`seal-broken`", "The error code `seal-broken` is not in docs/integrators.md."),
        ("health", "The public name health is not in docs/integrators.md."),
        ("`plan.sent`", "The record kind `plan.sent` is named nowhere."),
        ("`story`", "The plan template `story` is named nowhere."),
    ],
)
def test_what_is_left_out_of_the_documents_is_noticed(left_out: str, said: str) -> None:
    pages = {name: text.replace(left_out, "…") for name, text in documented.pages().items()}
    assert said in documented.undocumented(pages)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("`withness plan renew`", "there is no command `withness plan renew`."),
        (
            "```console\n$ withness screen --force x.json\n```",
            "`withness screen --force x.json` has no option --force.",
        ),
        ("`WITHNESS_FOO`", "WITHNESS_FOO is no setting."),
        ("`suicide.nwo`", "`suicide.nwo` is no linkId of the risk screen."),
        ("`plan.lost`", "`plan.lost` is no kind of record."),
        ("`held-forever`", "`held-forever` is no decision."),
        ("[away](nowhere.md)", "the link to nowhere.md leads nowhere."),
    ],
)
def test_what_a_document_makes_up_is_noticed(page: str, said: str) -> None:
    assert documented.unknown({"docs/page.md": page}) == [f"docs/page.md: {said}"]


def test_nothing_that_is_generated_has_drifted(capsys: pytest.CaptureFixture[str]) -> None:
    found = drift.main([])
    assert (capsys.readouterr().out, found) == (
        "Nothing has drifted: policy digest, FHIR artefacts and documents fit.\n",
        0,
    )


# -- what the documents show runs


EXAMPLES = [
    pytest.param(language, body, id=f"{page}-{number}")
    for page, text in documented.pages().items()
    for number, (language, body) in enumerate(RUNNABLE.findall(text), start=1)
]


@pytest.mark.parametrize(("language", "body"), EXAMPLES)
def test_an_example_runs_in_a_fresh_data_directory(language: str, body: str, desktop: Desktop) -> None:
    if language == "python":
        done = desktop.run("python", "-", given=body)
        assert done.returncode == 0, done.stderr
    else:
        _run_console(body, desktop)


def _run_console(body: str, desktop: Desktop) -> None:
    """Run each `$` line; it ends as its `# exit N` says (else 0), and says the lines below it, in that order."""
    for step in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        line, *expected = step.splitlines()
        code = EXIT.search(line)
        done = desktop.run("bash", "-c", EXIT.sub("", line))
        said = done.stdout + done.stderr
        assert done.returncode == (int(code[1]) if code else 0), f"{line}\n{said}"
        assert re.search(".*".join(re.escape(one) for one in expected), said, re.DOTALL), f"{line}\n{said}"


def test_there_are_examples_to_run() -> None:
    shown = [name for name, text in documented.pages().items() if RUNNABLE.search(text)]
    assert shown == ["docs/clinicians.md", "docs/compliance.md", "docs/integrators.md"]


# -- the example host


def test_the_host_starts_saves_a_clear_plan_and_vetoes_an_acute_one(desktop: Desktop) -> None:
    done = desktop.run("python", HOST)
    ready, rosa, tom, *steps = done.stdout.splitlines()
    assert done.returncode == 0
    assert ready.startswith("The risk gate is ready: withness ")
    assert rosa.startswith("Rosa: saved as CarePlan/")
    assert steps[0] == "  now: Stay with the person or keep the line open"
    assert tom == (
        "Tom: vetoed. The plan waits. Act now, by the steps below, those marked now first; do not end the contact "
        "before you know the next one. Here you lead; not-knowing waits. Notes, safety plans, referrals, reports and "
        "messages are never held, and the client's words are kept."
    )


def test_the_host_does_not_start_without_the_gate(desktop: Desktop) -> None:
    done = desktop.run("python", HOST, "--group", "nobody.plugins")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The EHR does not start. No plugin provides risk_gate.\n"


def test_the_host_does_not_start_on_a_damaged_trail(desktop: Desktop) -> None:
    assert desktop.run("python", HOST).returncode == 0
    database = sqlite3.connect(desktop.home / "withness.sqlite3")
    [trigger] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_leaf_no_update'").fetchone()
    database.execute("DROP TRIGGER audit_leaf_no_update")
    database.execute("UPDATE audit_leaf SET outcome = 'released' WHERE kind = 'plan.held'")
    database.execute(trigger)
    database.commit()
    database.close()
    done = desktop.run("python", HOST)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"The EHR does not start\. Record \d+: its column outcome does not say what its bytes say\.\n", done.stderr
    )


def test_the_host_does_not_start_without_its_key(desktop: Desktop) -> None:
    assert desktop.run("python", HOST).returncode == 0
    (desktop.folder.parent / "docs.key").unlink()
    done = desktop.run("python", HOST)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The EHR does not start. The key file of this data directory is missing;")
