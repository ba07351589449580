"""A printed page as a tree, for the tests of paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Node:
    """One element of a page; `inner` are its elements and texts, in order."""

    tag: str
    attributes: dict[str, str | None]
    inner: list[Node | str] = field(default_factory=list)

    def all(self, tag: str = "", *, css: str = "", link: str = "") -> list[Node]:
        """Elements below this one, of a tag, class or data-link."""
        return [
            one
            for one in self.walk()
            if (not tag or one.tag == tag)
            and (not css or css in (one.attributes.get("class") or "").split())
            and (not link or one.attributes.get("data-link") == link)
        ]

    def walk(self) -> Iterator[Node]:
        for one in self.inner:
            if isinstance(one, Node):
                yield one
                yield from one.walk()

    def text(self) -> str:
        return "".join(one if isinstance(one, str) else one.text() for one in self.inner)


class Tree(HTMLParser):
    """A page as a tree; an element that is not closed where it was opened fails, but for those in `void`."""

    def __init__(self, page: str, void: tuple[str, ...]) -> None:
        super().__init__(convert_charrefs=True)
        self.void = void
        self.root = Node("", {})
        self.open = [self.root]
        self.feed(page)
        self.close()
        assert self.open == [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs))
        self.open[-1].inner.append(node)
        if tag not in self.void:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].inner.append(data)


def said(node: Node) -> str:
    """A node's text as it is read: runs of white space are one space."""
    return " ".join(node.text().split())
