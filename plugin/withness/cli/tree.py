"""A group whose commands are imported when they are called: `--help` waits for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class Tree(click.Group):
    """A group of commands that `commands_at` names: each "module:name" and its one line of help, in their order."""

    def __init__(self, *given: Any, commands_at: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*given, **more)
        self._at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they are named."""
        return list(self._at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in self._at:
            return None
        module, name = self._at[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._at.items()])
