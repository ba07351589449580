"""Go's own reader of transparency logs (golang.org/x/mod/sumdb), which knows nothing of Withness. ::

with Sumdb(folder) as reader:
    reader.ask(note=text, vkeys=[key])["root"]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final

_SOURCES: Final = Path("/usr/share/gocode")
_SOURCE: Final = Path(__file__).parent / "sumdb" / "reader.go"


def available() -> str | None:
    """Say whether it can be built here: None if it can, else the reason as a sentence."""
    lacking = "Checkpoints are also read by Go's own reader, which needs golang-go and golang-golang-x-mod-dev (Debian)"
    if shutil.which("go") is None:
        return f"{lacking}: go is not here."
    if not (_SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return f"{lacking}: its sources are not in {_SOURCES}."
    return None


class Sumdb:
    """The reader, built in a folder and asked a question at a time."""

    def __init__(self, folder: Path) -> None:
        program = folder / "sumdb-reader"
        offline = {"GO111MODULE": "off", "GOPATH": str(_SOURCES), "GOTOOLCHAIN": "local", "GOFLAGS": ""}
        build = ["go", "build", "-o", str(program), str(_SOURCE)]
        subprocess.run(build, check=True, cwd=folder, env={**os.environ, **offline})
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Sumdb:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return the checkpoint's origin, size and root (in base 64), or what speaks against it as `error`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer
