"""A file system of its own in a file, whose power can be cut: what was not forced to disk is gone.

EXT4_IOC_SHUTDOWN with "no log flush" stops the file system where it stands. Whoever writes is stopped before
(SIGSTOP), so that nothing is acknowledged at the instant of the cut itself.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_SHUTDOWN: Final = 0x8004587D
"""_IOR('X', 125, __u32) of the kernel's fs/ext4."""
_NO_LOG_FLUSH: Final = 2
_MEGABYTES: Final = 48
_RAW: Final = Path(__file__).parent / "raw.py"


def available(folder: Path) -> str | None:
    """Say whether power can be cut here: None if it can, else the reason as a sentence."""
    if os.getuid() != 0:
        return "The power-cut tests mount a file system of their own, which takes root."
    lacking = [one for one in ("mkfs.ext4", "mount", "umount", "losetup") if shutil.which(one) is None]
    if lacking:
        return f"The power-cut tests need {', '.join(lacking)}."
    try:
        disk = Disk(folder / "try")
        disk.mount()
        try:
            disk.cut()
        finally:
            disk.unmount()
    except (OSError, subprocess.SubprocessError) as error:
        return f"The power-cut tests need a loop device and the shutdown of ext4, and there is none: {error}"
    return None


class VoidCut(AssertionError):
    """A cut that took what fsync had made durable in a plain file: it says nothing about anybody else."""


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder: Path, megabytes: int = _MEGABYTES) -> None:
        folder.mkdir()
        self._image, self.path = folder / "image", folder / "mounted"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(megabytes * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        """Mount it; what its own journal holds is put right."""
        _run("mount", "-o", "loop", str(self._image), str(self.path))

    def cut(self) -> None:
        """Cut its power."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def unmount(self) -> None:
        """Unmount it; whoever had a file open there must be gone."""
        for _ in range(100):
            if subprocess.run(["umount", str(self.path)], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.02)
        _run("umount", str(self.path))


class RawFile:
    """What must lose nothing, on the same disk: a file that somebody writes line by line, each forced to disk."""

    def __init__(self, kept: Path, log: Path, first: int) -> None:
        self._kept, self._log = kept, log
        self._process = subprocess.Popen([sys.executable, "-S", str(_RAW), str(kept), str(log), str(first)])
        self.pid = self._process.pid

    def kill(self) -> None:
        """Kill who writes it."""
        self._process.kill()
        self._process.wait(30)

    def lines(self) -> int:
        """Return how many lines were acknowledged. Raises VoidCut where one of them is not there."""
        told = self._log.read_text(encoding="ascii").split()
        lost = set(told) - set(self._kept.read_text(encoding="ascii").split())
        if lost:
            raise VoidCut(f"the raw file lost {len(lost)} lines: this cut is none that fsync outlasts")
        return len(told)


def stop(*processes: int) -> None:
    """Stop processes where they stand, and wait until what they had begun in the kernel has come back."""
    for one in processes:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
    time.sleep(0.05)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise OSError(done.stderr.strip() or f"{command[0]} failed")
