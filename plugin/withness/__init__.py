"""Withness: clinical documentation for collaborative (dialogic) therapy, behind a risk-screen gate.

The public API is what `__all__` names; every module below this one is private and may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from withness.desk.front import Desk
    from withness.errors import WithnessError
    from withness.settings import Settings
    from withness.wiring import load, open_signer

__version__ = "0.1.0"
__all__ = ["Desk", "Settings", "WithnessError", "__version__", "load", "open_signer"]

_HOMES = {
    "Desk": "withness.desk.front",
    "load": "withness.wiring",
    "open_signer": "withness.wiring",
    "Settings": "withness.settings",
    "WithnessError": "withness.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `withness --help` waits for none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'withness' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
