"""Errors in the words of the command line: whoever typed an option is told of that option, not of a key of JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from withness.errors import InvalidInput


@contextmanager
def typed(options: Mapping[str, str]) -> Iterator[None]:
    """Say `--for` where an error begins with `members`, such as {"members": "--for"}; its `field` stays the datum's.

    For commands that take these values from options alone: what stands in a file keeps the name that it has there.
    """
    try:
        yield
    except InvalidInput as error:
        error.message = _renamed(error.message, options)
        raise


def _renamed(message: str, options: Mapping[str, str]) -> str:
    for key, option in options.items():
        found = re.match(rf"{key}(\[\d+\]|\.[\w/.-]+)?(?= )", message)
        if found:
            return option + message[found.end() :]
    return message
