"""A fair lock for threads: first come, first served. Whoever has it may take it again."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """Gives threads their turn in the order in which they asked."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._owner: int | None = None
        self._depth = 0

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the turn."""
        return bool(self._waiting)

    def acquire(self, timeout: float) -> bool:
        """Wait for this thread's turn, at most `timeout` seconds; whether it came."""
        me = threading.get_ident()
        with self._guard:
            if self._owner in (None, me):
                self._owner, self._depth = me, self._depth + 1
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if not mine.wait(timeout):
            with self._guard:
                if not mine.is_set():
                    self._waiting.remove(mine)
                    return False
        self._owner, self._depth = me, 1
        return True

    def release(self) -> None:
        """End this thread's turn: the next one's begins."""
        with self._guard:
            self._depth -= 1
            if self._depth:
                return
            if self._waiting:
                self._owner = _HANDED_ON  # nobody else may come between
                self._waiting.popleft().set()
            else:
                self._owner = None


_HANDED_ON = -1
