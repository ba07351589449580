"""`python -m benchmarks.wheel`: the wheel, built from the sdist, works in a clean environment far from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Final

from withness import content
from withness.fhir.package import archive
from withness.packs.publication import load_publication

ROOT: Final = Path(__file__).resolve().parents[1]
WANTED: Final = (
    "withness/py.typed",
    "withness/catalogue/risk_policy.toml",
    "withness/catalogue/risk_policy.sha256",
    "withness/catalogue/plan_templates/heard.toml",
    "withness/fhir_profiles/package.json",
    "withness/fhir_profiles/questionnaire/risk-screen.json",
    "withness/note_templates/README.md",
)
UNWANTED: Final = ("tests/", "benchmarks/", "docs/", "plugin/", ".ci/", "__pycache__/")


class Wrong(Exception):
    """What is wrong with the wheel, as a sentence."""


def main() -> int:
    """Build, install and try the wheel; say each step. Exit 1 with a sentence when one fails."""
    with tempfile.TemporaryDirectory(prefix="withness-wheel-") as folder:
        try:
            wheel = _build(Path(folder) / "dist")
            _look_inside(wheel)
            _try(_install(wheel, Path(folder) / "venv"), Path(folder))
        except Wrong as wrong:
            print(wrong)
            return 1
    print("The wheel stands alone.")
    return 0


def _build(out: Path) -> Path:
    """Build sdist and wheel; without further options `build` makes the wheel from the sdist."""
    _run([sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)], "The wheel could not be built.")
    sdists, wheels = list(out.glob("*.tar.gz")), list(out.glob("*.whl"))
    if len(sdists) != 1 or len(wheels) != 1:
        raise Wrong("The build did not make one sdist and one wheel.")
    with tarfile.open(sdists[0]) as archive:
        print(f"Built {sdists[0].name} ({len(archive.getnames())} entries), and {wheels[0].name} from it.")
    return wheels[0]


def _look_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for name in WANTED:
        if name not in names:
            raise Wrong(f"The wheel lacks {name}.")
    for name in names:
        if name.startswith(UNWANTED) or "/__pycache__/" in name:
            raise Wrong(f"The wheel holds {name}, which does not belong there.")
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        raise Wrong("The wheel lacks the licence.")
    shipped = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fhir_profiles").rglob("*.json")}
    if missing := sorted(one for one in shipped if f"withness/{one}" not in names):
        raise Wrong(f"The wheel lacks {missing[0]}.")
    print(f"The wheel holds {len(names)} files: content folders, licence and py.typed are there.")


def _install(wheel: Path, place: Path) -> Path:
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    _run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], "The wheel could not be installed.")
    print("Installed in a clean environment.")
    return python.with_name("withness")


def _try(command: Path, folder: Path) -> None:
    """Run the installed command from `/`, where no checkout can help it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WITHNESS_", "PYTHON"))}
    env |= {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    story = json.loads(_run([str(command), "demo", "--json"], "withness demo failed.", env))
    if not story["clear"]["saved"] or story["acute"]["saved"] or not story["trail"]["whole"]:
        raise Wrong("withness demo told another story than it should.")
    _run([str(command), "demo"], "withness demo failed.", env)
    if len(json.loads(_run([str(command), "templates", "--json"], "withness templates failed.", env))) != 7:
        raise Wrong("withness templates does not list seven templates.")
    form = _run([str(command), "questionnaire", "risk-screen", "--json"], "withness questionnaire failed.", env)
    checked_in = ROOT / "fhir_profiles" / "questionnaire" / "risk-screen.json"
    if json.loads(form) != json.loads(checked_in.read_text(encoding="utf-8")):
        raise Wrong("withness questionnaire writes another form than fhir_profiles/ holds.")
    _try_package(command, folder, env)
    print("demo, templates, questionnaire and the FHIR package run from /.")


def _try_package(command: Path, folder: Path, env: dict[str, str]) -> None:
    """The package that the wheel builds is the checkout's, and clean."""
    asked = [str(command), "ig", "build", "--out", str(folder / "package"), "--json"]
    built = json.loads(_run(asked, "withness ig build failed.", env))
    here = archive.build(content.folder("fhir_profiles"), load_publication())
    if built["content_sha256"] != archive.content(here):
        raise Wrong("withness ig build makes another package than the checkout.")
    _run([str(command), "ig", "check", built["path"], "--json"], "withness ig check found something.", env)


def _run(command: list[str], failed: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd="/", env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Wrong(f"{failed}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
