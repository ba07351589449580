"""A file system of its own in a file, whose power can be cut: what was not forced to disk is gone.

EXT4_IOC_SHUTDOWN with "no log flush" stops the file system where it stands. Whoever writes is stopped before
(SIGSTOP), so that nothing is acknowledged at the instant of the cut itself.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path
from typing import Final

_SHUTDOWN: Final = 0x8004587D
"""_IOR('X', 125, __u32) of the kernel's fs/ext4."""
_NO_LOG_FLUSH: Final = 2
_MEGABYTES: Final = 48


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


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._image, self.path = folder / "image", folder / "mounted"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(_MEGABYTES * 1024 * 1024)
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


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise OSError(done.stderr.strip() or f"{command[0]} failed")
