"""The offline verifier: one file, nothing of Withness; what was changed anywhere is named and never passes."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.exports import (
    DATA_ID,
    KEY,
    NAME,
    OTHER,
    OTHER_VKEY,
    VKEY,
    consistency_of,
    export_of,
    line,
    make_leaves,
    note_of,
    proof_of,
)

from withness.audit import checkpoint, offline_verifier
from withness.audit.checkpoint import Checkpoint
from withness.audit.merkle import leaf_hash
from withness.audit.record import Leaf, canonical

LEAVES = make_leaves(11)
Says = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Says:
    """Run the verifier on texts: an export, and lists of what its options name; return exit code and document."""

    def run(
        export: str | bytes | None = None, *more: str, keys: tuple[str, ...] = (VKEY,), **files: list[str | bytes]
    ) -> tuple[int, dict[str, Any]]:
        arguments = [*more, "--json"]
        given = {"export": [export] if export is not None else [], **files}
        for name, texts in given.items():
            for number, text in enumerate(texts):
                path = tmp_path / f"{name}-{number}"
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
                arguments += [str(path)] if name == "export" else [f"--{name}", str(path)]
        code = offline_verifier.main([*arguments, *(f"--vkey={key}" for key in keys)])
        out = capsys.readouterr()
        assert out.err == ""
        document = json.loads(out.out)
        assert document["exit"] == code
        return code, document

    return run


def edited(leaf: Leaf, **changes: Any) -> Leaf:
    """A record with other words, hashed anew, as whoever rewrites the database would leave it."""
    body = canonical({**json.loads(leaf.body), **changes})
    return replace(leaf, body=body, leaf_hash=leaf_hash(body))


def rows(text: str) -> list[str]:
    """The lines of an export: at line feeds, and not at what else may look like a line's end."""
    return [f"{one}\n" for one in text.split("\n")[:-1]]


class TestWhole:
    @pytest.mark.parametrize(("first", "last"), [(0, 11), (0, 1), (10, 11), (3, 8), (4, 8), (0, 8), (7, 11)])
    def test_a_whole_export_and_any_period_of_it_prove_themselves(self, says: Says, first: int, last: int) -> None:
        """Planted: the right side's subtrees taken as leaves; caught."""
        code, said = says(export_of(LEAVES, first, last))
        assert (code, said["verdict"], said["damage"], said["doubts"]) == (0, "whole", None, [])
        scope = "all that" if (first, last) == (0, 11) else f"{last - first} of the 11"
        assert f"Records {first} to {last - 1} are whole: {scope}" in said["holds"][0]

    def test_two_segments_follow_each_other(self, says: Says) -> None:
        """A log that went on after a break. Planted: a part that begins in its middle taken; caught."""
        leaves = make_leaves(9, fresh_at=5)
        one, two = leaves[:5], leaves[5:]
        assert says(export_of(one) + export_of(two))[0] == 0
        assert says(export_of(one, 2) + export_of(two, 0, 3))[0] == 0
        for wrong in (export_of(one, 0, 4) + export_of(two), export_of(one) + export_of(two, 1), export_of(one) * 2):
            code, said = says(wrong)
            assert (code, said["damage"]["kind"]) == (4, "missing")

    def test_the_proof_of_one_record(self, says: Says) -> None:
        """Planted: the checkpoint's size taken from the proof; caught by the mutations below."""
        for index in range(11):
            code, said = says(proof=[proof_of(LEAVES, index)])
            assert code == 0
            about = f"Record {index} (gate.decided, {LEAVES[index].recorded_at})"
            assert said["holds"] == [f"{about} is one of the 11 records under the checkpoint."]

    def test_every_size_of_a_log(self, says: Says) -> None:
        """Around powers of two. Planted: peaks joined from the left; caught."""
        for size in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17):
            assert says(export_of(make_leaves(size)))[0] == 0


class TestDamage:
    @pytest.mark.parametrize("number", [0, 1, 2, 3])
    def test_the_first_bad_record_is_named(self, says: Says, number: int) -> None:
        """Planted: every record's number given from the export's first; caught."""
        lines = rows(export_of(LEAVES, 2, 6))
        lines[number + 1] = lines[number + 1].replace("released", "recalled")
        code, said = says("".join(lines))
        assert (code, said["damage"]["kind"], said["damage"]["record"]) == (4, "edited", number + 2)
        assert said["damage"]["what"] == f"Record {number + 2}: its text does not fit its hash."

    def test_a_record_rewritten_with_its_hash_changes_the_root(self, says: Says) -> None:
        """Planted: the root compared with the header's own; caught."""
        rewritten = [*LEAVES[:4], edited(LEAVES[4], outcome="held"), *LEAVES[5:]]
        code, said = says(export_of(rewritten, checkpoint=note_of(LEAVES)))
        assert (code, said["damage"]["kind"]) == (4, "root")

    def test_a_log_rewritten_and_signed_again_does_not_fit_what_somebody_kept(self, says: Says) -> None:
        """Whoever holds the key and the database can do that. Planted: sizes compared alone; caught."""
        rewritten = [*LEAVES[:4], edited(LEAVES[4], outcome="held"), *LEAVES[5:]]
        for size in (5, 8, 11):
            code, said = says(export_of(rewritten), checkpoint=[note_of(LEAVES, size)])
            assert (code, said["damage"]["kind"]) == (4, "consistency")
            assert "the log was rewritten, or there are two" in said["damage"]["what"]
        assert says(export_of(rewritten), checkpoint=[note_of(LEAVES, 4)])[0] == 0

    @pytest.mark.parametrize("drop", range(1, 11))
    def test_a_record_left_out_is_missing(self, says: Says, drop: int) -> None:
        """Planted: the index read from the line and not counted; caught."""
        lines = rows(export_of(LEAVES))
        code, said = says("".join([*lines[:drop], *lines[drop + 1 :]]))
        assert (code, said["damage"]["kind"], said["damage"]["record"]) == (4, "missing", drop - 1)

    def test_records_out_of_order_doubled_or_added(self, says: Says) -> None:
        """Planted: lines behind the last record ignored; caught."""
        lines = rows(export_of(LEAVES))
        swapped = [*lines[:3], lines[4], lines[3], *lines[5:]]
        for wrong in (swapped, [*lines[:3], lines[2], *lines[3:]], [*lines, lines[-1]], [*lines, "\n"]):
            assert says("".join(wrong))[0] == 4

    def test_a_record_that_stands_elsewhere_than_it_says(self, says: Says) -> None:
        """Two bodies that changed places, hashes too. Planted: seq not compared; caught."""
        moved = [*LEAVES[:3], replace(LEAVES[4], seq=3), replace(LEAVES[3], seq=4), *LEAVES[5:]]
        code, said = says(export_of(moved))
        assert (code, said["damage"]["kind"], said["damage"]["record"]) == (4, "out-of-place", 3)

    @pytest.mark.parametrize(
        "text",
        [
            '{ "a":1}',
            '{"b":1,"a":1}',
            '{"a":1,"a":1}',
            '{"a":1.0}',
            '{"a":1E2}',
            '{"a":9007199254740993}',
            '{"a":"\\u0041"}',
            '{"a":NaN}',
            '{"a":-0}',
            '{"a":"\\ud800"}',
            '["' + '","' * 9 + '"]',
            "[" * 100_000,
            "1" * 5000,
            "",
        ],
    )
    def test_a_record_that_is_not_canonical_or_no_record(self, says: Says, text: str) -> None:
        """Planted: nesting left to the interpreter's own error; caught."""
        body = text.encode()
        leaves = [*LEAVES[:3], replace(LEAVES[3], body=body, leaf_hash=leaf_hash(body)), *LEAVES[4:]]
        code, said = says(export_of(leaves))
        assert (code, said["damage"]["record"]) == (4, 3)
        assert said["damage"]["kind"] in ("not-canonical", "unreadable")

    @pytest.mark.parametrize(
        "respelled",
        [
            lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True),
            lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")),
            lambda value: json.dumps(dict(reversed(value.items())), ensure_ascii=False, separators=(",", ":")),
            lambda value: line(value).replace('"seq":3', '"seq":3.0').rstrip("\n"),
        ],
    )
    def test_a_record_has_one_spelling(self, says: Says, respelled: Callable[[dict[str, Any]], str]) -> None:
        """Spaces, escapes, order, another number. Planted: the text not spelled again; caught."""
        body = respelled(json.loads(LEAVES[3].body)).encode()
        assert json.loads(body) == json.loads(LEAVES[3].body)
        leaves = [*LEAVES[:3], replace(LEAVES[3], body=body, leaf_hash=leaf_hash(body)), *LEAVES[4:]]
        code, said = says(export_of(leaves))
        assert (code, said["damage"]["kind"], said["damage"]["record"]) == (4, "not-canonical", 3)

    def test_a_file_has_one_spelling(self, says: Says) -> None:
        """Lines with spaces, proofs indented otherwise. Planted: lines not spelled again; caught."""
        lines = rows(export_of(LEAVES))
        for number in (0, 3):
            spaced = [
                *lines[:number],
                json.dumps(json.loads(lines[number]), sort_keys=True) + "\n",
                *lines[number + 1 :],
            ]
            assert says("".join(spaced))[0] == 4
        assert says("".join([*lines[:3], lines[3].replace("\n", "\r\n"), *lines[4:]]))[0] == 4
        for text in (proof_of(LEAVES, 3), consistency_of(LEAVES, 3, 7)):
            again = json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True) + "\n"
            assert says(**{"consistency" if "consistency" in text else "proof": [again]})[0] == 4

    @pytest.mark.parametrize(
        "change",
        [
            {"actor": None},
            {"asserted": 1},
            {"at": "yesterday"},
            {"details": []},
            {"extra": 1},
            {"seq": True},
            {"v": 0},
            {"patient": 7},
        ],
    )
    def test_a_record_of_another_shape(self, says: Says, change: dict[str, Any]) -> None:
        """Planted: only the names of the members looked at; caught."""
        leaves = [*LEAVES[:3], edited(LEAVES[3], **change), *LEAVES[4:]]
        code, said = says(export_of(leaves))
        assert (code, said["damage"]["record"]) == (4, 3)

    def test_a_form_of_tomorrow_is_no_damage(self, says: Says) -> None:
        """Planted: an unknown form called damaged; caught."""
        leaves = [*LEAVES[:3], edited(LEAVES[3], v=2, more=1), *LEAVES[4:]]
        code, said = says(export_of(leaves))
        assert (code, said["doubts"]) == (7, ["Record 3 is of form 2, which this verifier does not know."])
        assert says(export_of(LEAVES, format="withness-audit-export/2"))[0] == 7


class TestAnExportThatAdmitsDamage:
    """What no checkpoint covers is counted; numbers that no record has are one line, however many they are."""

    MARK = line(
        {"at": "2026-11-23T09:00:00.000000Z", "data_id": DATA_ID, "finding": "x", "format": "withness-audit-damaged/1"}
        | {"vkey": VKEY}
    )
    FAR = 2**63 - 2

    def rest(self, first: Any, records: Any, *more: dict[str, Any]) -> str:
        header = {"first": first, "format": "withness-audit-rest/1", "records": records}
        return self.MARK + "".join(map(line, [header, *more]))

    def test_a_run_of_missing_records_is_one_line_and_one_is_what_it_was(self, says: Says) -> None:
        """With numbers beyond what canonical JSON writes, too. Planted: a line for each number asked for, and such a
        number refused; both were caught."""
        one, run = {"missing": True, "seq": 8}, {"missing": True, "seq": 9, "to": str(self.FAR - 1)}
        last = {"hash": "", "record": "x", "seq": str(self.FAR)}
        code, said = says(self.rest(8, str(self.FAR - 7), one, run, last))
        assert (code, said["damage"]["kind"]) == (4, "admitted")
        told = (
            f"Of 1 record from 8 on nothing can be told: no checkpoint covers them (0 fit their hash, {self.FAR - 8} "
        )
        assert said["doubts"][0] == told + "numbers in between have no record)."

    @pytest.mark.parametrize("to", [9, 8, 12, -1, "10", "09", True, None, 10.0])
    def test_a_run_that_is_none_is_not_believed(self, says: Says, to: Any) -> None:
        """Planted: one past the end taken; caught."""
        last = {"hash": "", "record": "x", "seq": 11}
        code, said = says(self.rest(9, 3, {"missing": True, "seq": 9, "to": to}, last))
        assert (code, said["damage"]["kind"], said["damage"]["record"]) == (4, "unreadable", 9)
        whole = {"missing": True, "seq": 9, "to": 10}
        assert says(self.rest(9, 3, whole, last))[1]["damage"]["kind"] == "admitted"
        for wrong in ({**whole, "record": "x"}, {**whole, "missing": False}):
            assert says(self.rest(9, 3, wrong, last))[1]["damage"]["kind"] == "unreadable"

    def test_a_run_under_a_checkpoint_is_named_whole(self, says: Says) -> None:
        """Planted: only its first record named; caught. No export that admits nothing has one."""
        lines = rows(export_of(LEAVES))
        lines[4:7] = [line({"index": 3, "missing": True, "to": 5})]
        code, said = says(self.MARK + "".join(lines))
        those = "Record 3: it and those up to record 5 are missing from the trail."
        assert (code, said["damage"]["what"]) == (4, those)
        assert says("".join(lines))[1]["damage"]["kind"] == "unreadable"


class TestWhatIsNoDamage:
    """A wrong key, a wrong file, half a download, somebody else's proof: one sentence, and nobody is accused."""

    ELSEWHERE = "withness/00000000-0000-4000-8000-000000000000"
    WRONG_LOG = checkpoint.vkey(ELSEWHERE, KEY.public_key().public_bytes_raw())

    @pytest.mark.parametrize("content", ["", "seq,kind\r\n0,gate.decided\r\n", b"%PDF-1.7\n\xff\xfe\x00", "{}\n", "\n"])
    def test_a_file_that_is_none_of_ours_is_not_usable(self, says: Says, content: str | bytes) -> None:
        """Planted: the first line that does not parse called damaged; caught."""
        for files in ({"export": content}, {"proof": [content]}, {"consistency": [content]}):
            code, said = says(**files)  # type: ignore[arg-type]
            assert (code, said["damage"], len(said["doubts"])) == (2, None, 1)
            assert said["doubts"][0].endswith("look whether it is the right file.")

    def test_one_of_our_files_at_the_wrong_option_is_told_which(self, says: Says) -> None:
        """Planted: nobody told which option it is for; caught."""
        code, said = says(proof_of(LEAVES, 2))
        assert (code, said["doubts"][0].endswith("name it with --proof.")) == (2, True)
        code, said = says(proof=[export_of(LEAVES)])
        assert (code, said["doubts"][0].endswith("name it without an option.")) == (2, True)

    def test_half_a_download_cannot_be_told(self, says: Says) -> None:
        """At a line's end and in its middle. Planted: the records that did not come called missing; caught."""
        whole = export_of(LEAVES)
        for part in (whole[:-1], whole[: len(whole) // 2], "".join(rows(whole)[:-1]), whole[:400]):
            code, said = says(part)
            assert (code, said["damage"]) == (7, None), part[-60:]
            assert said["doubts"][-1].endswith("Fetch it again.")
        for text, option in ((proof_of(LEAVES, 2), "proof"), (consistency_of(LEAVES, 3, 7), "consistency")):
            assert says(**{option: [text[:-20]]})[0] == 7

    @pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n", b" "])
    @pytest.mark.parametrize("after", [b"", b"\n", b"\n\n", b"\r\n", b" \n"])
    @pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
    def test_what_a_mail_program_does_to_a_proof_is_nothing(
        self, says: Says, before: bytes, after: bytes, ends: bytes
    ) -> None:
        """Seen: "cut off", and DAMAGED. Planted: each of the three taken no more; caught."""
        for text, option in ((proof_of(LEAVES, 2), "proof"), (consistency_of(LEAVES, 3, 7), "consistency")):
            sent = before + text.encode().rstrip().replace(b"\n", ends) + after
            assert says(**{option: [sent]})[0] == 0

    def test_a_proof_that_ends_early_is_cut_off_wherever_that_is(self, says: Says) -> None:
        """Behind a brace in its record, too. Planted: a brace at the end taken for the document's own; caught."""
        text = proof_of(LEAVES, 2)
        ends = [place for place, one in enumerate(text[:-2], start=1) if one == "}"]
        assert ends
        for end in [*ends, len(text) - 2, len(text) // 2]:
            for more in ("", "\n", "\r\n"):
                code, said = says(proof=[text[:end] + more])
                assert (code, said["damage"]) == (7, None)
                assert said["doubts"] == ["The proof ends in its middle: it was cut off. Fetch it again."]

    @pytest.mark.parametrize("other", ['{\n  "seq": 2,', "{\n\n", "{\r", "\ufeff{", "\x0c{", "{\n   "])
    def test_another_spelling_inside_a_proof_stays_refused(self, says: Says, other: str) -> None:
        """Planted: what was read held against nothing; caught."""
        code, said = says(proof=["\ufeff" + proof_of(LEAVES, 2).replace("{\n", other, 1)])
        assert code == (4 if said["damage"] else 7) != 0
        assert said["damage"]["what"] == "The proof is not one that Withness wrote."

    @pytest.mark.parametrize("known", [True, False])
    def test_an_export_whose_lines_a_program_has_changed_is_fetched_again(self, says: Says, known: bool) -> None:
        """Seen: DAMAGED, "the first line is not an export's header". Planted: either taken as it is; caught."""
        whole = export_of(LEAVES) if known else TestAnExportThatAdmitsDamage.MARK + export_of(LEAVES)
        for text in (whole.replace("\n", "\r\n"), "\ufeff" + whole, "\ufeff" + whole.replace("\n", "\r\n")):
            code, said = says(text)
            assert (code, said["damage"], len(said["doubts"])) == (7, None, 1)
            assert said["doubts"][0].startswith("A program has changed the ends of the export's lines")

    def test_a_key_of_another_log_and_another_key_of_this_one(self, says: Says) -> None:
        """Planted: both called damaged; caught."""
        for files in ({"export": export_of(LEAVES)}, {"proof": [proof_of(LEAVES, 2)]}):
            code, said = says(keys=(self.WRONG_LOG,), **files)  # type: ignore[arg-type]
            assert (code, said["damage"]) == (2, None)
            assert "of another log" in said["doubts"][0]
            code, said = says(keys=(OTHER_VKEY,), **files)  # type: ignore[arg-type]
            assert (code, said["damage"]) == (7, None)
        assert says(consistency=[consistency_of(LEAVES, 3, 7)], keys=(OTHER_VKEY,))[0] == 7

    @pytest.mark.parametrize("name", ["export", "proof", "consistency"])
    def test_nesting_that_no_parser_bears_is_no_traceback(self, says: Says, name: str) -> None:
        """Planted: the interpreter's own error let through; caught."""
        deep = f'{{"format":"withness-audit-{name}/1","x":{"[" * 100_000}}}\n'
        assert says(**{name: deep if name == "export" else [deep]})[0] == 4  # type: ignore[arg-type]

    @settings(deadline=None, max_examples=200)
    @given(st.data())
    def test_no_bytes_at_all_are_a_traceback_or_whole(self, data: st.DataObject) -> None:
        """Any bytes, and ours with any bytes in them. Planted: a nesting that no parser bears; caught."""
        ours = [export_of(LEAVES[:3]), proof_of(LEAVES[:3], 1), consistency_of(LEAVES, 3, 7), note_of(LEAVES)]
        text = data.draw(st.sampled_from(["", *ours])).encode()
        low = data.draw(st.integers(0, len(text)))
        high = data.draw(st.integers(low, len(text)))
        deep = st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"1" * 5000, b'"\\ud800"', b"1e999", b"\xff" * 9])
        content = text[:low] + data.draw(st.binary(max_size=40) | deep) + text[high:]
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            path = Path(folder) / "given"
            path.write_bytes(content)
            for option in ([], ["--proof"], ["--consistency"], [str(path), "--checkpoint"]):
                code = offline_verifier.main([*option, str(path), "--vkey", VKEY])
                same = offline_verifier._as_written(content) in [one.encode() for one in ours]
                assert code in ((0, 2, 4, 7) if same else (2, 4, 7))
        assert "Traceback" not in said.getvalue()


class TestMutations:
    EXPORT = export_of(LEAVES[:5], 1, 3).encode()
    PROOF = proof_of(LEAVES[:5], 2).encode()
    CONSISTENCY = consistency_of(LEAVES, 3, 7).encode()

    @staticmethod
    def verdict(name: str, content: bytes) -> str:
        """What the verifier makes of these bytes; anything but its own two errors would fail the test."""
        findings = offline_verifier.Findings([offline_verifier.read_key(VKEY)])
        try:
            if name == "EXPORT":
                offline_verifier.check_export(iter(io.BytesIO(content).readlines()), findings)
            elif name == "PROOF":
                offline_verifier.check_proof(content, findings)
            else:
                offline_verifier.check_consistency(content, findings)
        except offline_verifier.Damaged as found:
            return "damaged" if found.sentence().endswith(".") else "no sentence"
        except offline_verifier.Unknown:
            return "unknown"
        return "doubt" if findings.doubts else "whole"

    @pytest.mark.parametrize("name", ["EXPORT", "PROOF", "CONSISTENCY"])
    def test_each_flipped_byte_is_refused(self, name: str) -> None:
        """Every byte of each file, two of its bits. Planted: a proof's sentences not compared; caught."""
        content = getattr(self, name)
        assert self.verdict(name, content) == "whole"
        for place in range(len(content)):
            for bits in (1, 1 << (1 + place % 7)):
                wrong = bytearray(content)
                wrong[place] ^= bits
                assert self.verdict(name, bytes(wrong)) in ("damaged", "unknown"), (place, bits, bytes(wrong))

    @pytest.mark.parametrize("name", ["EXPORT", "PROOF", "CONSISTENCY"])
    def test_each_cut_and_each_byte_left_out_or_doubled_is_refused(self, name: str) -> None:
        """But for the line feed at a document's end. Planted: a last line without its line feed taken; caught."""
        content = getattr(self, name)
        inside = content if name == "EXPORT" else content.rstrip(b"\n")
        for place in range(len(inside)):
            assert self.verdict(name, content[:place]) != "whole"
            assert self.verdict(name, content[:place] + content[place + 1 :]) != "whole"
            assert self.verdict(name, content[: place + 1] + content[place:]) != "whole"

    @settings(deadline=None)
    @given(st.sampled_from(["EXPORT", "PROOF", "CONSISTENCY"]), st.data())
    def test_any_other_value_of_any_member_is_refused(self, name: str, data: st.DataObject) -> None:
        """Numbers, texts, lists of any kind, spelled as they should be. Planted: types not looked at; caught."""
        content = getattr(self, name).decode()
        head = json.loads(content.split("\n")[0] if name == "EXPORT" else content)
        member = data.draw(st.sampled_from(sorted(head)))
        json_values = st.recursive(
            st.none() | st.booleans() | st.integers(-3, 2**60) | st.text(max_size=8) | st.floats(allow_nan=False),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=5,
        )
        value = data.draw(json_values | st.integers(0, 8))
        if value == head[member] and type(value) is type(head[member]):
            return
        wrong = {**head, member: value}
        if name == "EXPORT":
            text = line(wrong) + content.split("\n", 1)[1]
        else:
            text = json.dumps(wrong, ensure_ascii=False, sort_keys=True, indent=2) + "\n"
        assert self.verdict(name, text.encode("utf-8", "surrogatepass")) in ("damaged", "unknown")

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=300), st.integers(0, 3))
    def test_whatever_is_given_there_is_never_a_traceback(self, content: bytes, where: int) -> None:
        """Planted: a header that is a list; caught."""
        lines = io.BytesIO(self.EXPORT).readlines()
        lines[where:where] = [content]
        for text in (content, b"".join(lines), content + b"\n", b"[]\n", b"{}\n", b"null\n"):
            for name in ("EXPORT", "PROOF", "CONSISTENCY"):
                assert self.verdict(name, text) != "whole" or text == self.EXPORT


class TestKeysAndCheckpoints:
    def test_a_key_that_nobody_told_proves_nothing(self, says: Says) -> None:
        """Planted: the key in the export believed; caught."""
        code, said = says(export_of(LEAVES), keys=())
        assert code == 7
        assert said["doubts"][0].startswith("Nobody said which key")
        assert says(proof=[proof_of(LEAVES, 2)], keys=())[0] == 7

    def test_another_key_than_the_one_told(self, says: Says) -> None:
        """A whole log made up by somebody else. Planted: only the name of the key compared; caught."""
        forged = export_of(LEAVES, checkpoint=note_of(LEAVES, key=OTHER), vkey=OTHER_VKEY)
        code, said = says(forged)
        assert (code, "names another key" in said["doubts"][0]) == (7, True)
        assert says(forged, keys=(OTHER_VKEY,))[0] == 0
        half = export_of(LEAVES, checkpoint=note_of(LEAVES, key=OTHER))
        assert (says(half)[0], says(half)[1]["damage"]["kind"]) == (4, "signature")
        assert says(export_of(LEAVES, vkey=OTHER_VKEY))[0] == says(proof=[proof_of(LEAVES, 2, vkey=OTHER_VKEY)])[0] == 7
        assert says(export_of(LEAVES), keys=(VKEY, OTHER_VKEY))[0] == 0

    def test_a_signature_that_does_not_fit(self, says: Says) -> None:
        """Planted: the signature not verified; caught."""
        note = note_of(LEAVES).replace("\n11\n", "\n12\n")
        code, said = says(export_of(LEAVES, checkpoint=note))
        assert (code, said["damage"]["kind"]) == (4, "signature")

    def test_without_cryptography_it_says_so(self, says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
        """Planted: counted as checked; caught. Damage is still damage."""
        monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
        code, said = says(export_of(LEAVES))
        assert code == 7
        assert said["doubts"] == ["Signatures were not checked: the Python package cryptography is not installed here."]
        assert says(export_of(LEAVES).replace("released", "recalled"))[0] == 4

    @pytest.mark.parametrize("size", [0, 1, 5, 8, 10, 11])
    def test_a_kept_checkpoint_is_worked_out_again_from_the_records(self, says: Says, size: int) -> None:
        """Planted: the root taken after the next record; caught."""
        code, said = says(export_of(LEAVES), checkpoint=[note_of(LEAVES, size)])
        assert code == 0
        assert said["holds"][-1].endswith("is a checkpoint of this very log.")
        assert says(export_of(LEAVES), earlier=[note_of(LEAVES, size)])[0] == 0

    def test_what_cannot_be_worked_out_needs_a_consistency_proof(self, says: Says) -> None:
        """A period's export knows no earlier root; a shorter one no later. Planted: either passed as whole; caught."""
        part, short = export_of(LEAVES, 6, 9), export_of(LEAVES[:7])
        assert says(part, checkpoint=[note_of(LEAVES, 7)])[0] == 0
        code, said = says(part, checkpoint=[note_of(LEAVES, 3)])
        assert (code, "cannot be told without a consistency proof" in said["doubts"][0]) == (7, True)
        proofs: list[str | bytes] = [consistency_of(LEAVES, 3, 5), consistency_of(LEAVES, 5, 11)]
        assert says(part, checkpoint=[note_of(LEAVES, 3)], consistency=proofs)[0] == 0
        assert says(part, checkpoint=[note_of(LEAVES, 3)], consistency=proofs[:1])[0] == 7
        code, said = says(short, checkpoint=[note_of(LEAVES)])
        assert (code, "whether records were cut off" in said["doubts"][0]) == (7, True)
        assert says(short, checkpoint=[note_of(LEAVES)], consistency=[consistency_of(LEAVES, 7, 11)])[0] == 0

    def test_two_stories_have_no_consistency_proof(self, says: Says) -> None:
        """Planted: only the new root worked out; caught."""
        rewritten = [*LEAVES[:2], edited(LEAVES[2], outcome="held"), *LEAVES[3:]]
        wrong = consistency_of(LEAVES, 5, 11, **{"from": note_of(rewritten, 5)})
        code, said = says(consistency=[wrong])
        assert (code, said["damage"]["kind"]) == (4, "consistency")

    def test_a_checkpoint_of_another_log_or_segment(self, says: Says) -> None:
        """Whether its key was given or not. Planted: any note of the key taken; caught. Seen without it: exit 7."""
        other = "withness/00000000-0000-4000-8000-000000000000"
        note = checkpoint.sign(Checkpoint(f"{other}/0", 3, b"r" * 32), other, KEY)
        key = checkpoint.vkey(other, KEY.public_key().public_bytes_raw())
        for keys in ((VKEY, key), (VKEY,)):
            code, said = says(export_of(LEAVES), checkpoint=[note], keys=keys)
            assert (code, said["verdict"], "of another log" in said["doubts"][-1]) == (2, "not usable", True)
        damaged = export_of(LEAVES).replace("released", "recalled", 1)
        assert damaged != export_of(LEAVES)
        for keys in ((VKEY, key), (VKEY,), ()):
            assert says(damaged, checkpoint=[note], keys=keys)[0] == 4, "what it is held against hides no damage"
        elsewhere = checkpoint.sign(Checkpoint(f"{NAME}/1", 3, b"r" * 32), NAME, KEY)
        code, said = says(export_of(LEAVES), checkpoint=[elsewhere])
        assert (code, "a segment of which nothing was given" in said["doubts"][0]) == (7, True)
        assert says(export_of(LEAVES, data_id="another"))[0] == 4
        assert says(export_of(LEAVES), checkpoint=["no note"])[0] == 2


class TestTheFile:
    def test_it_imports_nothing_of_withness(self) -> None:
        """Planted: `from withness.audit.merkle import node_hash`; caught."""
        tree = ast.parse(Path(offline_verifier.__file__).read_text(encoding="utf-8"))
        named = {
            name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else [str(node.module)])
        }
        assert named - {"cryptography"} <= sys.stdlib_module_names

    def test_a_copy_of_it_runs_alone(self, tmp_path: Path) -> None:
        """From another folder, with nothing of Withness on the path. Planted: a relative import; caught."""
        copy = tmp_path / "verify.py"
        copy.write_bytes(Path(offline_verifier.__file__).read_bytes())
        (tmp_path / "e.ndjson").write_text(export_of(LEAVES), encoding="utf-8")
        command = [sys.executable, "-I", str(copy), str(tmp_path / "e.ndjson")]
        done = subprocess.run([*command, "--vkey", VKEY], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-1] == "WHOLE. All of it holds."
        (tmp_path / "e.ndjson").write_text(export_of(LEAVES).replace("released", "recalled", 1), encoding="utf-8")
        done = subprocess.run([*command, "--vkey", VKEY], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (4, "DAMAGED. Record 0: its text does not fit its hash.\n")

    def test_usage(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """Planted: nothing to check counted as whole; caught. A file that is not there is no traceback."""
        for wrong in ([], ["--vkey", "no key", "x"]):
            with pytest.raises(SystemExit) as stopped:
                offline_verifier.main(wrong)
            assert stopped.value.code == 2
        for name in (str(tmp_path / "none"), str(tmp_path), "a\0b"):
            assert offline_verifier.main([name, "--vkey", VKEY]) == 2
        assert "cannot be read" in capsys.readouterr().out

    @settings(deadline=None)
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**53) + 1, 2**53 - 1)
            | st.text(max_size=9)
            | st.floats(allow_nan=False, allow_infinity=False),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
            max_leaves=9,
        )
    )
    def test_its_canonical_json_is_that_of_the_records(self, value: Any) -> None:
        """Against the library that the log uses. Planted: keys by code point, exponents from 1e16 on; both caught."""
        try:
            wanted = rfc8785.dumps(value).decode()
        except (rfc8785.CanonicalizationError, UnicodeEncodeError):
            return
        assert offline_verifier.canonical(value) == wanted


def test_the_data_directorys_id_stands_in_the_export() -> None:
    """What the reader compares by eye."""
    assert json.loads(export_of(LEAVES).split("\n")[0])["data_id"] == DATA_ID


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("seq,segment,recorded_at,kind,outcome,reason_code\r\n1,0,x,y,z,\r\n", "Withness's CSV"),
        ('{"resourceType": "Bundle", "id": "1", "type": "collection", "entry": [\n', "Bundle of AuditEvents"),
    ],
)
def test_the_other_forms_of_an_export_are_told_from_a_wrong_file(says: Says, content: str, form: str) -> None:
    """Seen: "none that Withness wrote", of what Withness wrote."""
    code, said = says(content)
    assert code == 2
    assert form in said["doubts"][0]
    assert said["doubts"][0].endswith("only an export in NDJSON proves itself.")
    code, said = says(proof=[content])
    assert (code, form in said["doubts"][0]) == (2, True)


def test_another_key_says_that_there_may_be_several(says: Says, capsys: pytest.CaptureFixture[str]) -> None:
    """After a change of keys both are needed. Seen: nothing said so."""
    code, said = says(export_of(LEAVES), keys=(OTHER_VKEY,))
    assert code == 7
    assert "give --vkey several times, older keys too" in said["doubts"][0]
    assert says(export_of(LEAVES), keys=(OTHER_VKEY, VKEY))[0] == 0
    with pytest.raises(SystemExit):
        offline_verifier.main(["--help"])
    assert "several times, older keys too" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("option", [[], ["--proof"], ["--consistency"], ["--proof", "/dev/null", "--checkpoint"]])
def test_a_pipe_makes_nobody_wait(tmp_path: Path, option: list[str]) -> None:
    """Seen: it hung."""
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, str(Path(offline_verifier.__file__)), *option, str(tmp_path / "pipe")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, "not a regular file" in done.stdout) == (2, True)
