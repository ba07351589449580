"""JSON from outside: one spelling, a stated size and depth, and a refusal that repeats nothing of what was written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest

from withness.errors import InvalidInput
from withness.strict_json import MAX_BYTES, MAX_DEPTH, check, clean, parse, parse_leniently

NAME = "screen.json"
SECRET = "Rosa said he hit her"


def refused(content: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as found:
        parse(content, name=NAME)
    assert found.value.exit_code == 2
    assert found.value.field
    return found.value


def nested(depth: int) -> bytes:
    """An object of `depth` levels in all."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"{}", {}),
        (b' \n{"a": [1, -2.5, true, null, "x"]}\r\n', {"a": [1, -2.5, True, None, "x"]}),
        (b'{"a": "tab\\tline\\r\\nend"}', {"a": "tab\tline\r\nend"}),
        ('{"ключ": "👩‍👧 أريد"}'.encode(), {"ключ": "👩‍👧 أريد"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": "[[[[{{{{", "b": "\\"]}"}', {"a": "[[[[{{{{", "b": '"]}'}),
        (b'{"a": 9007199254740993}', {"a": 9007199254740993}),
    ],
)
def test_json_is_read_as_it_stands(content: bytes, value: dict[str, Any]) -> None:
    """The base line: nothing is changed. Planted: integers read as floats; caught."""
    assert parse(content, name=NAME) == value


def test_one_byte_order_mark_is_read_over_and_a_second_refused() -> None:
    """RFC 8259, section 8.1: a parser may ignore it. Planted: `lstrip` of any number of them; caught."""
    mark = b"\xef\xbb\xbf"
    assert parse(mark + b'{"a": 1}', name=NAME) == {"a": 1}
    refused(mark + mark + b'{"a": 1}')
    refused(b'{"a": 1}' + mark)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"\x00",
        b"{",
        b'{"a"}',
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 1} {"b": 2}',
        b'{"a": 1}\x00',
        b'{"a": 01}',
        b'{"a": +1}',
        b'{"a": .5}',
        b'{"a": tru}',
        b'// why\n{"a": 1}',
        b'{"a": "line\nbreak"}',
        b'{"a": "\\x41"}',
        b'{"a": "\\u12"}',
        b'"' + SECRET.encode(),
        b"]" * 50,
    ],
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    """RFC 8259, no more. Planted: `strict=False`; caught by the bare line break."""
    refused(content)


@pytest.mark.parametrize("content", [b"[]", b"[{}]", b'"text"', b"1", b"null", b"true"])
def test_only_an_object_is_taken(content: bytes) -> None:
    """A list at the top is nobody's file. Planted: the check left out; caught."""
    assert refused(content).message == f"{NAME} must hold one JSON object."


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "b": 2, "a": 3}}',
        b'{"x": [{"a": 1, "\\u0061": 2}]}',
        b'{"": 1, "": 2}',
    ],
)
def test_a_key_given_twice_is_refused_at_any_depth_and_in_any_spelling(content: bytes) -> None:
    """Two readers would see two values. Planted: the hook for the top level only; the last value taken; both caught."""
    assert "twice" in refused(content).message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400 + ".0"])
def test_a_number_that_json_cannot_hold_is_refused(number: str) -> None:
    """No NaN and no infinity, however it is spelled. Planted: `parse_constant` left out; caught."""
    refused(b'{"a": ' + number.encode() + b"}")


def test_an_integer_of_five_thousand_digits_is_refused() -> None:
    """Turning it into a number takes time that grows with its square. Planted: `ValueError` not caught; caught."""
    assert "number" in refused(b'{"a": ' + b"9" * 5000 + b"}").message


@pytest.mark.parametrize(
    "bad", [b"\xff\xfe{\x00}\x00", b'{"a": "\xe9"}', b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}']
)
def test_what_is_not_utf8_is_refused(bad: bytes) -> None:
    """UTF-16, Latin-1, an overlong form, an encoded surrogate. Planted: `errors="replace"`; caught."""
    assert refused(bad).message == f"{NAME} is not UTF-8 text."


@pytest.mark.parametrize(
    "escape",
    [
        "\\u0000",
        "\\u0001",
        "\\u0008",
        "\\u000b",
        "\\u001f",
        "\\u007f",
        "\\ud800",
        "\\udfff",
        "\\ude00\\ud83d",
        "\\uffff",
    ],
)
@pytest.mark.parametrize(
    ("form", "where"),
    [
        ('{"a": "x%sy"}', "a"),
        ('{"a": {"b": [1, "%s"]}}', "a.b[1]"),
        ('{"a%s": 1}', NAME),
        ('{"a": [{"%s": 1}]}', NAME),
    ],
)
def test_a_character_that_a_chart_cannot_hold_is_refused_with_its_place(form: str, where: str, escape: str) -> None:
    """NUL, controls, lone surrogates, in values and in keys. Planted: keys not looked at; lists not; both caught."""
    assert refused((form % escape).encode()).field == where


def test_the_largest_file_is_taken_and_one_byte_more_refused() -> None:
    """MAX_BYTES, exact. Planted: `>=`; caught."""
    largest = b'{"a": "' + b"x" * (MAX_BYTES - 9) + b'"}'
    assert len(largest) == MAX_BYTES
    assert len(parse(largest, name=NAME)["a"]) == MAX_BYTES - 9
    assert "limit" in refused(largest + b" ").message


def test_ten_megabytes_are_refused_by_their_size_alone() -> None:
    """Nothing of them is decoded. Planted: the size looked at after parsing; caught (not UTF-8 was said)."""
    assert refused(b"\xff" * 10 * 1024 * 1024).message == f"{NAME} has 10.0 MB; the limit is 2 MB."


def test_the_deepest_nesting_is_taken_and_one_level_more_refused() -> None:
    """MAX_DEPTH, exact. Planted: `>=`; caught."""
    parse(nested(MAX_DEPTH), name=NAME)
    assert "deeper" in refused(nested(MAX_DEPTH + 1)).message


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 100_000, nested(100_000), b'["' + b"[" * 99 + b'",' + b"[" * 99]
)
def test_hostile_nesting_is_refused_without_a_traceback(content: bytes) -> None:
    """The parser itself recurses. Planted: depth looked at after parsing; caught (RecursionError)."""
    assert "deeper" in refused(content).message


def test_brackets_in_a_string_are_no_depth() -> None:
    """A quoted or escaped bracket nests nothing. Planted: brackets counted everywhere; caught."""
    text = '\\"' + "[" * 500
    assert parse(json.dumps({"a": text}).encode(), name=NAME) == {"a": text}


@pytest.mark.parametrize("filling", ['\\"', "\\\\", '\\"[', 'x\\"', '\\\n"'], ids=ascii)
def test_an_unclosed_string_is_refused_in_no_time(filling: str) -> None:
    """Time grows with the size, not with its square. Planted: a pattern that tries every way to go back; caught.

    A quarter of a megabyte in another process, so that a slow reading can be ended after five seconds.
    """
    said = (
        "import sys\nfrom withness.errors import InvalidInput\nfrom withness.strict_json import parse\n"
        "try:\n    parse(sys.stdin.buffer.read(), name='x')\nexcept InvalidInput:\n    sys.exit(2)\n"
    )
    content = ('{"a": "' + filling * (256 * 1024 // len(filling))).encode()
    try:
        done = subprocess.run([sys.executable, "-c", said], input=content, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("reading a quarter of a megabyte took more than five seconds")
    assert done.returncode == 2


@pytest.mark.parametrize(
    "content",
    [
        SECRET.encode(),
        f'{{"a": "{SECRET}"'.encode(),
        f'{{"a": "{SECRET}\\u0000"}}'.encode(),
        f'{{"{SECRET}": 1, "{SECRET}": 2}}'.encode(),
        f'{{"{SECRET}": "\\u0000"}}'.encode(),
        f'{{"{SECRET}\\u0000": "x"}}'.encode(),
        f'["{SECRET}"]'.encode(),
        f'{{"a": "{SECRET}'.encode() + b"\xff",
    ],
)
def test_a_refusal_never_repeats_the_content(content: bytes) -> None:
    """I9: neither a value nor a key that is a sentence. Planted: the decoder's own message passed on; caught."""
    error = refused(content)
    for told in (error.message, error.field, error.hint):
        assert "Rosa" not in told
        assert "hit" not in told


class TestInMemory:
    """`check` holds values handed over by a program against the same rules."""

    @pytest.mark.parametrize("value", [{}, {"a": [{"b": None}, 1, 1.5, True, []]}, {"a": "\t\r\n👩‍👧"}])
    def test_json_values_are_taken(self, value: Any) -> None:
        """The base line. Planted: None refused; caught."""
        check(value, name=NAME)

    @pytest.mark.parametrize("value", [[], [{}], None, "x", 1, True])
    def test_only_an_object_is_taken(self, value: Any) -> None:
        """As of a file. Planted: the check left out; caught."""
        with pytest.raises(InvalidInput):
            check(value, name=NAME)

    @pytest.mark.parametrize(
        "value",
        [
            {"a": {1, 2}},
            {"a": b"x"},
            {"a": ...},
            {"a": float("nan")},
            {"a": float("inf")},
            {"a": [-float("inf")]},
            {"a": 1j},
            {"a": MappingProxyType({})},
            {("a", "b"): 1},
            {1: "a"},
            {None: "a"},
            {True: "a"},
            {1.5: "a"},
            {"a": {2: "b"}},
        ],
        ids=repr,
    )
    def test_other_values_are_refused(self, value: Any) -> None:
        """Sets, bytes, NaN, keys that are no strings. Planted: `allow_nan` left out; caught."""
        with pytest.raises(InvalidInput):
            check(value, name=NAME)

    @pytest.mark.parametrize(
        "hide", [lambda bad: bad, lambda bad: [bad], lambda bad: {"b": bad}, lambda bad: {bad: 1}, lambda bad: (bad,)]
    )
    @pytest.mark.parametrize("bad", ["\x00", "\x1f", "\ud800", "\uffff"], ids=ascii)
    def test_a_forbidden_character_is_refused_wherever_it_stands(self, bad: str, hide: Callable[[str], Any]) -> None:
        """In a tuple too, which JSON writes as a list. Planted: keys not looked at; caught."""
        with pytest.raises(InvalidInput):
            check({"a": hide(bad)}, name=NAME)

    def test_a_value_that_holds_itself_is_refused(self) -> None:
        """A cycle has no end. Planted: `ValueError` not caught; caught."""
        value: dict[str, Any] = {}
        value["a"] = [value]
        with pytest.raises(InvalidInput):
            check(value, name=NAME)

    def test_depth_and_size_hold_here_too(self) -> None:
        """The same limits. Planted: each of the two checks left out; both caught."""
        deep: Any = []
        for _ in range(100_000):
            deep = [deep]
        one_too_deep = json.loads(nested(MAX_DEPTH + 1))
        for value in ({"a": deep}, one_too_deep, {"a": "x" * MAX_BYTES}, {"a": ["é" * (MAX_BYTES // 2)]}):
            with pytest.raises(InvalidInput):
                check(value, name=NAME)

    def test_a_string_of_an_enumeration_is_a_string(self) -> None:
        """A host may hand over its own constants. Planted: `type(value) is str`; caught."""

        class Said(StrEnum):
            NO = "no"

        check({"a": Said.NO}, name=NAME)

    def test_a_refusal_never_repeats_the_value(self) -> None:
        """I9. Planted: `repr(value)` in the message; caught."""
        for value in ({"a": {SECRET}}, {"a": SECRET + "\x00"}, {SECRET: {1}}):
            with pytest.raises(InvalidInput) as found:
                check(value, name=NAME)
            assert "Rosa" not in found.value.message + found.value.field


class TestLeniently:
    """A screen is recorded whatever is wrong with it: what cannot be read is taken out, and each blemish is said."""

    def test_what_is_well_formed_has_no_blemish(self) -> None:
        """The base line. Planted: a blemish for every float; caught."""
        content = '{"a": ["👩‍👧", 1, 1.5, null, true], "b": {"c": "line\\r\\n"}}'.encode()
        assert parse_leniently(content, name=NAME) == (parse(content, name=NAME), ())

    @pytest.mark.parametrize(
        ("content", "value"),
        [
            (b'{"a": "x\\u0000y"}', {"a": "x\ufffdy"}),
            (b'{"a": "\\ud800"}', {"a": "\ufffd"}),
            (b'{"a\\u0000": 1}', {"a\ufffd": 1}),
            (b'{"a": NaN}', {"a": None}),
            (b'{"a": [1e999, -Infinity]}', {"a": [None, None]}),
            (b'{"a": 1, "a": 2}', {"a": 2}),
        ],
    )
    def test_each_blemish_is_said_and_taken_out(self, content: bytes, value: dict[str, Any]) -> None:
        """None is silent: each makes the screen hold. Planted: a key given twice without a blemish; caught."""
        found, blemishes = parse_leniently(content, name=NAME)
        assert found == value
        assert blemishes
        check(found, name=NAME)

    def test_what_is_nested_too_deep_is_cut_off_and_said(self) -> None:
        """MAX_DEPTH, exact. Planted: the cut without a blemish; one level later; both caught."""
        assert parse_leniently(nested(MAX_DEPTH), name=NAME)[1] == ()
        found, blemishes = parse_leniently(nested(MAX_DEPTH + 1), name=NAME)
        assert blemishes
        check(found, name=NAME)

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"a":' * 100_000, b"x" * (MAX_BYTES + 1)])
    def test_what_cannot_be_read_as_a_whole_is_refused(self, content: bytes) -> None:
        """Never a traceback. Planted: depth not looked at; caught (RecursionError)."""
        with pytest.raises(InvalidInput):
            parse_leniently(content, name=NAME)

    @pytest.mark.parametrize("bad", [{1}, b"x", ..., float("nan"), 1j], ids=repr)
    def test_a_value_of_no_json_type_is_taken_out_and_said(self, bad: Any) -> None:
        """A host's own objects are no answers. Planted: `str(value)` in its place; caught."""
        assert clean({"a": [bad, "no"]})[0] == {"a": [None, "no"]}
        assert clean({"a": [bad, "no"]})[1]

    def test_a_value_that_holds_itself_is_cut_off_in_no_time(self) -> None:
        """A cycle that branches is a blemish, not the end of the service. Planted: no limit on parts; caught."""
        said = "from withness.strict_json import clean\nloop = []\nloop += [loop, loop]\nassert clean({'a': loop})[1]\n"
        try:
            subprocess.run([sys.executable, "-c", said], timeout=5, check=True)
        except subprocess.TimeoutExpired:
            pytest.fail("a list that holds itself twice took more than five seconds")
