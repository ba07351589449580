"""A body's syntax tree, read node by node: what is not of the language, and what it might leave out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from jinja2 import nodes

from withness.core.note import LISTS, FieldKind, NoteField, NoteTemplate
from withness.packs.note_language import FUNCTIONS, MAX_LOOPS, Fault, Plain, not_ours

_TAGS: Final = {
    nodes.Include: "{% include %}",
    nodes.Import: "{% import %}",
    nodes.FromImport: "{% from … import %}",
    nodes.Extends: "{% extends %}",
    nodes.Block: "{% block %}",
    nodes.Macro: "{% macro %}",
    nodes.CallBlock: "{% call %}",
    nodes.FilterBlock: "{% filter %}",
    nodes.Assign: "{% set %}",
    nodes.AssignBlock: "{% set %}",
    nodes.With: "{% with %}",
    nodes.Scope: "{% autoescape %}",
    nodes.CondExpr: "an inline if",
    nodes.Getitem: "a subscript [ ]",
    nodes.Slice: "a slice",
    nodes.List: "a list",
    nodes.Tuple: "a list",
    nodes.Dict: "a dictionary",
    nodes.Concat: "~",
    nodes.Test: "a test with is",
    nodes.Call: "calling something in a test",
    nodes.Const: "a fixed value between {{ }}",
}
_COMPARED: Final = (FieldKind.TEXT, FieldKind.CHOICE, FieldKind.DATE, FieldKind.NUMBER)
_SURE: Final = tuple(kind for kind in FieldKind if kind not in (FieldKind.FLAG, FieldKind.NUMBER))
"""Kinds whose values are true in a test whenever something was written: a no and a zero are not."""

SECTIONS: Final = "sections()"


class Reader:
    """Reads one body against the fields that its template declares."""

    def __init__(self, template: NoteTemplate) -> None:
        self.template = template
        self.declared = {one.id: one for _, one in template.fields()}
        self.sections = {one.id: one for one in template.sections}
        self.several = template.units != ("individual",)
        self.loops: dict[str, NoteField] = {}
        self.plain = Plain()
        self.found: list[Fault] = []

    def read(self, tree: nodes.Template) -> Iterator[Fault]:
        """Yield every fault of the tree."""
        shown = self._all(tree.body)
        self.plain.end()
        yield from (*self.found, *self.plain.faults)
        if not (self.found or self.plain.faults):
            yield from self._left_out(shown)

    def _left_out(self, shown: frozenset[str]) -> Iterator[Fault]:
        for id in self.declared:
            if id not in shown:
                yield Fault(0, f'the field {id!r} might be left out; show it with {{{{ block("{id}") }}}}')
        for id in self.template.statements:
            if _statement(id) not in shown:
                yield Fault(0, f'the statement {id!r} must always be shown: {{{{ statement("{id}") }}}}')
        if self.template.layouts and SECTIONS not in shown:
            yield Fault(0, "a template with layouts must always show {{ sections() }}")

    def _refuse(self, node: nodes.Node, said: str = "") -> frozenset[str]:
        self.found.append(Fault(node.lineno, said or not_ours(_named(node))))
        return frozenset()

    # -- what is always shown: by each of a run of nodes, by both branches, or by the branch of a field about itself

    def _all(self, run: Sequence[nodes.Node]) -> frozenset[str]:
        return frozenset().union(*(self._node(one) for one in run))

    def _node(self, node: nodes.Node) -> frozenset[str]:
        match node:
            case nodes.Output():
                return frozenset().union(*(self._output(one) for one in node.nodes))
            case nodes.If():
                return self._if(node)
            case nodes.For():
                return self._for(node)
            case _:
                return self._refuse(node)

    def _if(self, node: nodes.If) -> frozenset[str]:
        branches = []
        for one in (node, *node.elif_):
            sure, unsure = self._test(one.test)
            branches.append((sure, unsure, self._all(one.body)))
        otherwise = self._all(node.else_)
        always = otherwise.intersection(*(shown for *_, shown in branches))
        sure, unsure, shown = branches[0]
        if len(branches) == 1:
            always |= unsure & otherwise
        return always | (sure & shown)

    def _test(self, test: nodes.Node) -> tuple[frozenset[str], frozenset[str]]:
        """Return the names that make the test true whenever they are filled, and those that make it false."""
        match test:
            case nodes.Name() | nodes.Getattr():
                kind = self._kind(test)
                return frozenset((_key(test),) if kind in _SURE else ()), frozenset()
            case nodes.Not():
                true, false = self._test(test.node)
                return false, true
            case nodes.Or():
                left, right = self._test(test.left), self._test(test.right)
                return left[0] | right[0], left[1] & right[1]
            case nodes.And():
                left, right = self._test(test.left), self._test(test.right)
                return left[0] & right[0], left[1] | right[1]
            case nodes.Compare():
                self._compare(test)
            case _:
                self._refuse(test)
        return frozenset(), frozenset()

    def _compare(self, test: nodes.Compare) -> None:
        """A field, or a loop's value, against one fixed value."""
        if len(test.ops) != 1 or test.ops[0].op not in ("eq", "ne"):
            self._refuse(test, "a comparison is one == or != to a fixed value")
            return
        sides = [test.expr, test.ops[0].expr]
        fixed = [one for one in sides if isinstance(one, nodes.Const)]
        named = [one for one in sides if isinstance(one, nodes.Name | nodes.Getattr)]
        if len(fixed) != 1 or len(named) != 1:
            self._refuse(test, "a comparison is between a field and a fixed value")
            return
        kind, value = self._kind(named[0]), fixed[0].value
        if kind is not None and kind not in _COMPARED:
            self._refuse(test, f"a field of kind {kind.value!r} is not compared; write its name alone")
        elif kind is not None and type(value) is not (int if kind is FieldKind.NUMBER else str):
            self._refuse(test, "the fixed value is not of the field's kind")
        elif kind is FieldKind.CHOICE and value not in [option.code for option in self._field(named[0]).options]:
            self._refuse(test, f"{value!r} is no answer of this field")

    def _for(self, node: nodes.For) -> frozenset[str]:
        if node.recursive or node.test is not None or node.else_:
            return self._refuse(node, not_ours("a for with recursive, if or else"))
        if not isinstance(node.target, nodes.Name) or not isinstance(node.iter, nodes.Name):
            return self._refuse(node, "a for goes over one declared field, by one name")
        name, over = node.target.name, self.declared.get(node.iter.name)
        if over is None or over.kind not in LISTS or node.iter.name in self.loops:
            return self._refuse(node, "a for goes over a declared field of voices, entries or choices")
        if name in self.declared or name in self.loops or name in (*FUNCTIONS, "loop"):
            return self._refuse(node, f"the name {name!r} means something already")
        if over in self.loops.values() or len(self.loops) == MAX_LOOPS:
            return self._refuse(node, f"a for may stand in another one {MAX_LOOPS} deep, and not over the same field")
        self.loops[name] = over
        shown = self._all(node.body)
        del self.loops[name]
        return frozenset((over.id,) if self._whole(name, over, shown) else ())

    def _whole(self, name: str, over: NoteField, shown: frozenset[str]) -> bool:
        """Whether a loop's body always shows all that one value of the field holds."""
        if over.kind is FieldKind.CHOICES:
            return name in shown
        who = bool({f"{name}.who", f"{name}.name"} & shown)
        if over.kind is FieldKind.VOICES:
            return f"{name}.words" in shown and (who or not self.several)
        return all(who if part.id == "who" else f"{name}.{part.id}" in shown for part in over.parts)

    # -- what {{ }} shows

    def _output(self, node: nodes.Expr) -> frozenset[str]:
        match node:
            case nodes.TemplateData():
                self.plain.text(node.data, node.lineno)
                return frozenset()
            case nodes.Call():
                return self._call(node)
            case nodes.Filter():
                return self._quote(node)
            case nodes.Name() | nodes.Getattr():
                return self._value(node)
            case _:
                return self._refuse(node)

    def _value(self, node: nodes.Name | nodes.Getattr) -> frozenset[str]:
        kind = self._kind(node)
        self.plain.hole(node.lineno, one_line=kind not in (FieldKind.TEXT, None) or _key(node).endswith(".name"))
        if kind in LISTS:
            return self._refuse(node, f'{_key(node)!r} is a list; loop over it or use block("{_key(node)}")')
        return frozenset((_key(node),))

    def _quote(self, node: nodes.Filter) -> frozenset[str]:
        plain = not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)
        if node.name != "quote" or not plain:
            return self._refuse(node, not_ours(f"the filter {node.name!r}" if plain else "a filter with arguments"))
        if not isinstance(node.node, nodes.Name | nodes.Getattr):
            return self._refuse(node, "quote is for a field's words")
        kind = self._kind(node.node)
        if kind not in (FieldKind.TEXT, None):
            return self._refuse(node, f"quote is for words, not for a field of kind {kind.value!r}")
        self.plain.hole(node.lineno, one_line=False)
        return frozenset((_key(node.node),))

    def _call(self, node: nodes.Call) -> frozenset[str]:
        if not isinstance(node.node, nodes.Name) or node.node.name not in FUNCTIONS:
            return self._refuse(node, not_ours("calling anything but block, section, sections and statement"))
        if self.loops:
            return self._refuse(node, f"{node.node.name}() may not stand in a for")
        values = [one.value for one in node.args if isinstance(one, nodes.Const) and isinstance(one.value, str)]
        wanted = 0 if node.node.name == "sections" else 1
        if not len(node.args) == len(values) == wanted or node.kwargs or node.dyn_args or node.dyn_kwargs:
            return self._refuse(node, f"{node.node.name}() takes {'one fixed id' if wanted else 'nothing'}")
        self.plain.hole(node.lineno, one_line=False)
        return self._called(node, node.node.name, *values)

    def _called(self, node: nodes.Call, function: str, id: str = "") -> frozenset[str]:
        match function:
            case "sections":
                return frozenset((SECTIONS, *self.declared))
            case "section" if id in self.sections:
                return frozenset(one.id for one in self.sections[id].fields)
            case "block" if id in self.declared:
                return frozenset((id,))
            case "statement" if id in self.template.statements:
                return frozenset((_statement(id),))
            case _:
                what = {"section": "section", "block": "field"}.get(function, "statement")
                return self._refuse(node, f"there is no {what} {id!r} in template.toml")

    # -- names

    def _field(self, node: nodes.Name | nodes.Getattr) -> NoteField:
        return self.declared[node.name] if isinstance(node, nodes.Name) else self.loops[node.node.name]  # type: ignore

    def _kind(self, node: nodes.Name | nodes.Getattr) -> FieldKind | None:
        """Return the kind of what a name stands for; None, and a fault, where it stands for nothing."""
        match node:
            case nodes.Name() if node.name in self.loops:
                over = self.loops[node.name]
                if over.kind is FieldKind.CHOICES:
                    return FieldKind.TEXT
                self._refuse(node, f"{node.name!r} has parts; write {node.name}.part")
            case nodes.Name() if node.name in self.declared:
                return self.declared[node.name].kind
            case nodes.Name():
                self._refuse(node, f"there is no field {node.name!r} in template.toml")
            case nodes.Getattr() if isinstance(node.node, nodes.Name) and node.node.name in self.loops:
                over = self.loops[node.node.name]
                if node.attr in parts_of(over):
                    return FieldKind.TEXT
                self._refuse(node, f"there is no {node.attr!r} in an entry of {over.id!r}")
            case _:
                self._refuse(node, not_ours("a dot after anything but the name of a for"))
        return None


def parts_of(field: NoteField) -> tuple[str, ...]:
    """Return what stands behind the dot in a loop over the field."""
    match field.kind:
        case FieldKind.VOICES:
            return ("who", "name", "words")
        case FieldKind.ENTRIES:
            ids = tuple(part.id for part in field.parts)
            return (*ids, "name") if "who" in ids else ids
        case _:
            return ()


def _key(node: nodes.Name | nodes.Getattr) -> str:
    if isinstance(node, nodes.Name):
        return str(node.name)
    return f"{node.node.name}.{node.attr}" if isinstance(node.node, nodes.Name) else f"?.{node.attr}"


def _statement(id: str) -> str:
    return f'statement("{id}")'


def _named(node: Any) -> str:
    """Return a construct as a person who writes templates calls it."""
    for kind, said in _TAGS.items():
        if isinstance(node, kind):
            return said
    if isinstance(node, nodes.BinExpr | nodes.UnaryExpr):
        return f"{node.operator} at this place"
    if isinstance(node, nodes.Filter):
        return f"the filter {node.name!r} at this place"
    return f"{type(node).__name__.lower()} at this place"
