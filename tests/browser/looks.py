"""What a person meets on a page: can it be read, heard, reached by keyboard, printed, and used on a narrow screen?"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.browser.chromium import Page

PAPERS = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
NARROW = 320
"""CSS pixels: 1280 at 400 % (WCAG 2.1, 1.4.10 Reflow)."""

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
EDGE_PT = 14.0
"""Half a centimetre: what many printers leave white."""

# Where axe-core cannot tell what lies behind a text (its point may be a blank at a line's end), the colours decide.
_AXE = """
(() => {
  const light = one => one <= 10 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4;
  const brightness = color => {
    const [red, green, blue] = color.match(/[0-9.]+/g).map(Number);
    return 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);
  };
  const behind = one => {
    for (; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (color.startsWith("rgb(")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = one => {
    const both = [brightness(getComputedStyle(one).color), brightness(behind(one))].sort((a, b) => b - a);
    return (both[0] + 0.05) / (both[1] + 0.05);
  };
  const decided = (rule, node) => rule === "color-contrast" && contrast(document.querySelector(node.target[0])) >= 4.5;
  const told = (kind, one) => {
    const nodes = one.nodes.filter(node => kind === "violations" || !decided(one.id, node));
    return {kind, rule: one.id, help: one.help, where: nodes.map(node => node.html.slice(0, 200))};
  };
  const kinds = ["violations", "incomplete"];
  return axe.run(document, {runOnly: RULES, resultTypes: kinds}).then(found =>
    kinds.flatMap(kind => found[kind].map(one => told(kind, one))).filter(one => one.where.length));
})()
"""
_TOO_WIDE = """
[...document.querySelectorAll("body *")].filter(one => {
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  if (style.clipPath !== "none" || style.visibility === "hidden" || !box.width) return false;
  if (style.display === "inline") return false;  // a blank at a line's end hangs out of it
  const cut = style.overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1;
  return cut || (style.position !== "fixed" && (box.right > innerWidth + 1 || box.left < -1));
}).map(one => one.outerHTML.slice(0, 120))
"""
_UNSEEN = """
[...document.querySelectorAll("body *")].filter(one => getComputedStyle(one).clipPath !== "none")
  .map(one => one.innerText).join("")
"""
_CONTROLS = (
    "a[href], area[href], button, input, select, textarea, summary, [tabindex], [contenteditable], audio, iframe"
)
_REACHABLE = f"[...document.querySelectorAll('{_CONTROLS}')]"
_FOCUSED = """
(() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const style = getComputedStyle(one);
  const seen = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  return {at: %s.indexOf(one), seen, html: one.outerHTML.slice(0, 120)};
})()
"""


_NOT_OURS = (
    "script,iframe,object,embed,img,math,form,base,link,audio,video,meta[http-equiv=refresh],"
    "svg:not(figure > svg[role=img][aria-labelledby]),svg :not(title,desc,defs,path,circle,text)"
)
"""What may load, move or run; a chart of ours is one picture to a reader, and holds shapes and words alone."""


@dataclass(frozen=True)
class Finding:
    """One thing that the accessibility checker finds wrong, or cannot decide."""

    kind: str
    rule: str
    help: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class Look:
    """All that was found on a page by the name of the check; every one is empty on a sound page."""

    ran: dict[str, Any]
    accessibility: list[Finding]
    out_of_reach: list[str]
    too_wide: list[str]
    lost_in_print: dict[str, list[str]]
    text: str = field(default="", compare=False)
    """What a person reads on it."""


def look(page: Page, axe: str) -> Look:
    """Return all that there is to find on a page, in one visit."""
    return Look(
        ran=ran(page),
        accessibility=accessibility(page, axe),
        out_of_reach=out_of_reach(page),
        too_wide=too_wide(page, NARROW),
        lost_in_print={paper: lost for paper in PAPERS if (lost := lost_in_print(page, paper))},
    )


def glance(page: Page) -> Look:
    """Return what hostile words could have done to a page, in one visit."""
    return Look(
        ran=ran(page),
        accessibility=[],
        out_of_reach=out_of_reach(page),
        too_wide=too_wide(page, NARROW),
        lost_in_print={"A4": lost} if (lost := lost_in_print(page, "A4")) else {},
        text=page.run("document.body.innerText"),
    )


def accessibility(page: Page, axe: str) -> list[Finding]:
    """Return what axe-core, whose source is `axe`, finds on the page: what is wrong, and what it cannot decide."""
    page.run(f"{axe};0")
    found = page.run(_AXE.replace("RULES", json.dumps(RULES)))
    return [Finding(one["kind"], one["rule"], one["help"], tuple(one["where"])) for one in found]


def too_wide(page: Page, width: int) -> list[str]:
    """Return what sticks out of a window of that width or is cut off in it, and whether the page scrolls sideways."""
    page.resize(width)
    across = page.run("document.scrollingElement.scrollWidth")
    found = [f"the page is {across} pixels wide, not {width}"] if across > width else []
    return found + list(page.run(_TOO_WIDE))


def out_of_reach(page: Page) -> list[str]:
    """Return every control or link that Tab does not reach in its order, or that does not show that it was reached."""
    controls = page.run(f"{_REACHABLE}.map(one => one.outerHTML.slice(0, 120))")
    found = []
    for number, html in enumerate(controls):
        page.press("Tab", 9)
        at = page.run(_FOCUSED % _REACHABLE)
        if at is None or at["at"] != number:
            found.append(f"not reached in its turn: {html}")
        elif not at["seen"]:
            found.append(f"reached, and it does not show: {html}")
    return found


def lost_in_print(page: Page, paper: str) -> list[str]:
    """Return what of the page's text does not arrive on that paper, or lies where a printer does not print."""
    width, height = PAPERS[paper]
    page.as_printed(True)
    found = too_wide(page, round((width - 32) / 25.4 * 96))  # the page's own margins: 16 mm left and right
    said = Counter(page.run("document.body.innerText")) - Counter(page.run(_UNSEEN))
    page.as_printed(False)
    printed, edges = _printed(page.pdf(width, height))
    lost = {one: count for one, count in (said - printed).items() if one.isascii() and one.isalnum()}
    return found + ([f"lost in print: {lost}"] if lost else []) + edges


def _printed(pdf: bytes) -> tuple[Counter[str], list[str]]:
    """Return the letters of a PDF, and a sentence for each page with words at its edge."""
    import pypdfium2

    letters: Counter[str] = Counter()
    found = []
    with pypdfium2.PdfDocument(pdf) as document:
        for number, sheet in enumerate(document, start=1):
            text = sheet.get_textpage()
            said = text.get_text_range()
            letters.update(said)
            stretches = [text.get_rect(place) for place in range(text.count_rects())]
            if any(_at_edge(one, *sheet.get_size()) for one in stretches):
                found.append(f"page {number}: words lie at the paper's edge")
            text.close()
            sheet.close()
    return letters, found


def _at_edge(box: tuple[float, float, float, float], width: float, height: float) -> bool:
    left, bottom, right, top = box
    return left < EDGE_PT or bottom < EDGE_PT or right > width - EDGE_PT or top > height - EDGE_PT


def ran(page: Page) -> dict[str, Any]:
    """Return whatever the page did that a page of words never does; empty where it did nothing."""
    did = {
        "script": page.run("window.__ran || null"),
        "dialogs": page.dialogs(),
        "requests": page.asked_for(),
        "console": page.faults(),
        "handlers": page.run(
            "[...document.querySelectorAll('*')].flatMap(one => [...one.attributes]"
            ".filter(a => /^on/i.test(a.name) || /^\\s*(javascript|data|vbscript):/i.test(a.value))"
            ".map(a => one.tagName + ' ' + a.name))"
        ),
        "elements": page.run(
            f"[...document.querySelectorAll({json.dumps(_NOT_OURS)})].map(one => one.outerHTML.slice(0, 120))"
        ),
    }
    return {what: found for what, found in did.items() if found}
