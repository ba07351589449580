"""The machine that figures were seen on, in words; never its name, its address or a path of it."""

from __future__ import annotations

import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path


def facts() -> dict[str, str]:
    """Return what a reader needs to compare the figures with their own."""
    return {
        "Date": datetime.now(UTC).date().isoformat(),
        "CPU": f"{_line('/proc/cpuinfo', 'model name') or platform.machine()}, {os.cpu_count()} cores",
        "Memory": _memory(),
        "Operating system": _system(),
        "File system of the temporary folder": _file_system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _line(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _memory() -> str:
    size = _line("/proc/meminfo", "MemTotal").removesuffix(" kB")
    return f"{int(size) / 1024 / 1024:.1f} GiB" if size.isdigit() else "not known"


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, kernel {platform.release().split('-')[0]}"


def _file_system() -> str:
    """Name the type of file system that durable figures were measured on (fsync costs nothing on tmpfs)."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "not known"
    folder = Path(tempfile.gettempdir()).resolve()
    found = [(place, kind) for place, kind in mounts if folder == Path(place) or Path(place) in folder.parents]
    return max(found, key=lambda one: len(one[0]), default=("", "not known"))[1]
