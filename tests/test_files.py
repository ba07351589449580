"""Files that somebody else put there: read whole, as far as asked, and nobody waits for a pipe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from withness import files


@pytest.mark.parametrize(("most", "wanted"), [(-1, 10), (0, 0), (4, 4), (7, 7), (10, 10), (11, 10)])
def test_a_file_is_read_as_far_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, wanted: int
) -> None:
    """However few bytes come at a time. Planted: one piece read and no more; what was read not counted; each caught."""
    content = b"0123456789"
    (tmp_path / "file").write_bytes(content)
    monkeypatch.setattr(files, "_PIECE", 3)
    assert files.read_regular(tmp_path / "file", most) == content[:wanted]


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Planted: whatever opens is read; caught."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=files.NOT_REGULAR):
        files.read_regular(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        files.read_regular(tmp_path)
