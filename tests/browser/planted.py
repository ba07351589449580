"""Pages with one fault each, to see the checkers catch it."""

from __future__ import annotations

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A page</title>
<style>body {{ margin: 8mm; font: 12pt/1.4 sans-serif; }} {style}</style></head>
<body><main><h1>A page</h1>
<p>{body}</p>
</main></body>
</html>
"""


def planted(body: str = "Words.", style: str = "") -> str:
    """Return a sound page with something in it."""
    return _PAGE.format(body=body, style=style)


PLANTED = {
    "planted-nothing": planted(),
    "planted-image-without-alt": planted('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="20">'),
    "planted-low-contrast": planted('<span style="color: #999">Words.</span>'),
    "planted-skipped-heading": planted("Words.</p><h4>A heading</h4><p>"),
    "planted-no-language": planted().replace(' lang="en"', ""),
    "planted-inline-script": planted("<script>window.__ran = 1</script>"),
    "planted-unclosed": planted("<b>Words."),
    "planted-bad-css": planted(style="p { colour: red }"),
    "planted-stray-end": planted("Words.</div>"),
    "planted-too-wide": planted('<span style="display: inline-block; width: 1200px">Words.</span>'),
    "planted-cut-off": planted(
        '<span style="display: inline-block; overflow: hidden; white-space: nowrap; width: 3em">Words cut off</span>'
    ),
    "planted-beside-the-paper": planted('<span style="position: absolute; right: -16mm">Words.</span>'),
    "planted-not-printed": planted(
        '<span class="gone">Words.</span>', "@media print { .gone { color: #fff; font-size: 0 } }"
    ),
    "planted-handler": planted('<span onclick="void 0">Words.</span>'),
    "planted-dialog": planted("<script>alert('Words.')</script>"),
    "planted-request": planted('<img alt="" src="http://evil.example/x.png">'),
    "planted-fault": planted("<script>nobody()</script>"),
    "planted-drawing-that-is-no-chart": planted('<svg width="9" height="9"><circle r="9"/></svg>'),
    "planted-chart-that-loads": planted(
        '</p><figure><svg role="img" aria-labelledby="t"><title id="t">A</title><use href="#t"/></svg></figure><p>'
    ),
    "planted-hidden-focus": planted('<a href="#here" id="here">Words.</a>', "a { outline: none }"),
    "planted-out-of-order": planted('<a href="#a">One.</a> <a href="#b" tabindex="-1">Two.</a>'),
    "planted-link": planted('<a href="#a" id="a">One.</a> <a href="#b" id="b">Two.</a>'),
}
