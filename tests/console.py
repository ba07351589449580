"""The console in a process of its own: forked from one that has loaded the modules, and nothing else, once.

Loading them takes longer than most commands do. What a command does at its start is not the subject here: that a
fresh interpreter runs it too is seen in `tests/docs`, where every example is typed into a shell.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock, Timer
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 120.0
"""How long a command may take."""

_ROOMS = ("withness.cli", "withness.desk", "withness.store", "withness.ehr", "withness.fhir", "withness.packs")
_LATE = ("fhir.resources.R4B.bundle", "jinja2", "cryptography.hazmat.primitives.asymmetric.ed25519")
"""What some commands load only when they need it."""


def console(*arguments: str, environment: Mapping[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the console command in a process of its own. Raises TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="withness-console-") as folder:
        files = [str(Path(folder) / name) for name in ("in", "out", "err")]
        Path(files[0]).write_bytes(stdin)
        said = {"arguments": arguments, "environment": dict(environment), "cwd": str(Path.cwd()), "files": files}
        code = _loaded().run(said)
        out, err = (Path(one).read_bytes() for one in files[1:])
    return subprocess.CompletedProcess(arguments, code, out, err)


class _Loaded:
    """The process that has loaded the modules, and forks for each command."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from tests.console import serve; serve()"]
        path = os.pathsep.join((str(ROOT), str(ROOT / "plugin")))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WITHNESS_", "PYTEST_"))}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**kept, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lock = Lock()
        atexit.register(self._process.kill)

    def run(self, said: Mapping[str, object]) -> int:
        """Return the exit code of one command. Raises TimeoutExpired."""
        with self._lock:
            child = int(self._told(said))
            late = Timer(SECONDS, _kill, [child])
            late.start()
            code = int(self._told(None))
            overdue = not late.is_alive() and code == -signal.SIGKILL
            late.cancel()
        if overdue:
            raise subprocess.TimeoutExpired([str(one) for one in said["arguments"]], SECONDS)  # type: ignore[attr-defined]
        return code

    def _told(self, said: Mapping[str, object] | None) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if said is not None:
            self._process.stdin.write(json.dumps(said).encode() + b"\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process that has loaded the modules is gone"
        return line.decode()


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


_loaded = cache(_Loaded)


def serve() -> None:
    """Load the modules; then, for each line, fork into a command and tell its process id and its exit code."""
    for room in _ROOMS:
        package = import_module(room)
        for one in pkgutil.iter_modules(package.__path__, f"{room}."):
            import_module(one.name)
    for late in _LATE:
        import_module(late)
    gc.freeze()
    asked, told = os.fdopen(os.dup(0), "rb"), os.dup(1)
    for line in iter(asked.readline, b""):
        said = json.loads(line)
        child = os.fork()
        if child == 0:
            asked.close()
            os.close(told)
            _become(said)
        os.write(told, b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(said: dict[str, object]) -> NoReturn:
    """Be `python -m withness` with these arguments, as if just begun."""
    environment, arguments, files, cwd = (said[name] for name in ("environment", "arguments", "files", "cwd"))
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    assert isinstance(files, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(cwd))
    for number, path in enumerate(files):
        file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["withness", *arguments]
    code: object = 0
    try:
        runpy.run_module("withness", run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code
    except BaseException:  # noqa: BLE001  what an interpreter does with it
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else code is not None)
