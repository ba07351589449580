"""Signing a policy: whose signature counts, what it covers, and what start-up makes of each thing that is amiss."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import pytest
from tests.system.site import COMPLIANCE, Site

from withness import content
from withness.audit.record import canonical
from withness.core.acts import ActKind
from withness.desk import policies
from withness.desk.asking import actor_of
from withness.desk.policies import Signature, signature_file
from withness.desk.verify import verify
from withness.errors import CannotTell, InvalidInput, PolicyRefused, Refused
from withness.packs.policy import DIGEST_FILE, FILE, load_policy, policy_bytes
from withness.signing import Signer, new_signer, verifies
from withness.store.sql import CommitUnknown
from withness.wiring import build, build_for_signing

OLGA, OTTO = "Practitioner/olga", "Practitioner/otto"
OWN = (
    policy_bytes()
    .decode()
    .replace(f'version = "{load_policy().version}"', 'version = "1.0.0"')
    .replace('"unassigned"', '"Dr Olga Example"')
)


@pytest.fixture
def own(site: Site, tmp_path: Path) -> Path:
    """A site's own policy, and Olga and Otto enrolled to sign it."""
    site.enrol()
    site.join(OLGA, "Olga Example", "L-500", "policy-owner")
    site.join(OTTO, "Otto Example", "L-600", "policy-owner", "clinician")
    path = tmp_path / "site.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def sign(site: Site, path: Path | None, signer: Signer | str = OLGA) -> None:
    """Sign the file as it is now, or (None) the return to the shipped policy."""
    who = site.keys[signer] if isinstance(signer, str) else signer
    context = replace(build_for_signing(site.settings), now=lambda: site.at)
    try:
        text = path.read_bytes() if path else policy_bytes()
        policies.sign(context, path, text, who, actor_of(who.who))
    finally:
        context.store.close()


def start(site: Site, path: Path | None) -> None:
    """Open the desk again with WITHNESS_POLICY set to `path`."""
    site.desk.close()
    site.settings, site.policy = replace(site.settings, policy=path), load_policy(path)
    site.open()


def whole(site: Site) -> bool | None:
    return verify(site.context.store, actor_of(OLGA), site.at).whole


class TestTheSignature:
    def test_it_stands_beside_the_policy_and_covers_digest_version_and_directory(self, site: Site, own: Path) -> None:
        """Planted: the directory left out of the statement; caught."""
        sign(site, own)
        found = json.loads(signature_file(own).read_text(encoding="utf-8"))
        assert found.keys() == {"policy", "version", "who", "key", "at", "signature"}
        policy = load_policy(own)
        assert (found["policy"], found["version"], found["who"]) == (policy.digest, "1.0.0", OLGA)
        with site.context.store.transaction() as tx:
            directory = tx.facts()["data_id"]
        stated = {name: value for name, value in found.items() if name != "signature"}
        statement = canonical({**stated, "v": 1, "kind": "policy-file", "directory": directory})
        assert verifies(site.keys[OLGA].public, statement, found["signature"])
        assert sorted(one.name for one in own.parent.glob("*site.toml*")) == ["site.toml", "site.toml.sig"]

    def test_the_record_is_a_signed_act_and_says_what_came_into_force(self, site: Site, own: Path) -> None:
        """One record, for the person who signed and for the policy."""
        sign(site, own)
        [*_, record] = site.records()
        policy = load_policy(own)
        assert (record["kind"], record["outcome"], record["policy"]) == (
            "policy.changed",
            "policy-signed",
            policy.digest,
        )
        assert (record["actor"], record["patient"], record["asserted"]) == (OLGA, OLGA, False)
        details = record["details"]
        assert (details["version"], details["owner"], details["demo"]) == ("1.0.0", "Dr Olga Example", False)
        with site.context.store.transaction() as tx:
            row = tx.act(details["act"])
            assert tx.policy(policy.digest) == own.read_bytes()
            assert tx.named_of(OLGA).acts[-1] == details["act"]
        assert row is not None
        assert row.kind == ActKind.POLICY_SIGNED
        body = {"digest": policy.digest, "version": "1.0.0", "owner": "Dr Olga Example"}
        assert row.content["statement"]["body"] == body
        assert whole(site)

    def test_another_owner_signs_the_same_text_again(self, site: Site, own: Path) -> None:
        """The newer signature takes the place of the older, in the file and in the trail."""
        sign(site, own)
        sign(site, own, OTTO)
        assert json.loads(signature_file(own).read_text(encoding="utf-8"))["who"] == OTTO
        start(site, own)
        assert whole(site)

    def test_what_an_owner_signed_outlives_their_enrolment(self, site: Site, own: Path) -> None:
        """Else a clinic whose owner left could start no more, not even to enrol the next one."""
        sign(site, own)
        start(site, own)
        site.desk.revoke(OLGA, reason="Left the practice.", by=site.keys[COMPLIANCE])
        start(site, own)
        assert site.context.policy.version == "1.0.0"
        with pytest.raises(Refused, match="not enrolled"):
            sign(site, own)
        start(site, own)
        assert whole(site)


class TestWhoMaySign:
    @pytest.mark.parametrize(
        ("who", "reason"), [(COMPLIANCE, "not-policy-owner"), ("Practitioner/nobody", "not-enrolled")]
    )
    def test_nobody_else_signs_and_the_attempt_is_on_record(self, site: Site, own: Path, who: str, reason: str) -> None:
        """What was in force stays in force. Planted: a refusal counted as a change of policy; caught."""
        sign(site, own)
        before = signature_file(own).read_bytes()
        with pytest.raises(Refused):
            sign(site, own, new_signer(who) if who not in site.keys else who)
        [*_, record] = site.records()
        assert (record["kind"], record["outcome"], record["reason"]) == ("policy.changed", "refused", reason)
        assert record["policy"] == load_policy(own).digest
        assert signature_file(own).read_bytes() == before
        start(site, own)
        assert whole(site)

    def test_a_name_with_anothers_key_is_refused(self, site: Site, own: Path) -> None:
        """A role belongs to a key, not to a name."""
        with pytest.raises(Refused, match="not the one"):
            sign(site, own, Signer(OLGA, site.keys[OTTO].key))
        assert not signature_file(own).exists()
        assert whole(site)

    def test_a_refusal_is_the_first_record_where_nothing_was_recorded_yet(self, site: Site, tmp_path: Path) -> None:
        """The shipped policy is in force then, and on record before the refusal."""
        path = tmp_path / "site.toml"
        path.write_text(OWN, encoding="utf-8")
        with pytest.raises(Refused):
            sign(site, path, new_signer(OLGA))
        assert [(one["kind"], one["outcome"]) for one in site.records()] == [
            ("policy.changed", "in-force"),
            ("policy.changed", "refused"),
        ]
        assert whole(site)


class TestWhatIsSigned:
    def test_one_version_is_one_text(self, site: Site, own: Path) -> None:
        """The trail knows version 1.0.0 with another text."""
        sign(site, own)
        own.write_text(OWN + "# one more word\n", encoding="utf-8")
        with pytest.raises(PolicyRefused, match=r"version 1\.0\.0") as refused:
            sign(site, own)
        assert refused.value.field == "version"

    def test_a_loosened_policy_is_not_signed(self, site: Site, own: Path) -> None:
        """By nobody."""
        own.write_text(OWN.replace('now?", yes = "acute"', 'now?", yes = "elevated"'), encoding="utf-8")
        with pytest.raises(PolicyRefused, match=r"domain\.suicide\.question\.now\.yes loosens"):
            sign(site, own)
        assert not signature_file(own).exists()

    def test_the_shipped_policy_is_signed_by_its_own_option(self, site: Site, own: Path) -> None:
        """A copy of it needs no signature file."""
        own.write_bytes(policy_bytes())
        with pytest.raises(InvalidInput, match="shipped policy"):
            sign(site, own)

    def test_without_room_for_its_signature_file_nothing_is_signed(self, site: Site, own: Path) -> None:
        """Planted: the record made before the file; caught."""
        before, gone = site.records(), own.parent / "gone" / "site.toml"
        context = build_for_signing(site.settings)
        with pytest.raises(InvalidInput, match=r"site\.toml\.sig cannot be written .* nothing was signed"):
            policies.sign(context, gone, own.read_bytes(), site.keys[OLGA], actor_of(OLGA))
        context.store.close()
        assert site.records() == before

    def test_a_signature_file_that_cannot_take_its_place_is_said_and_signed_again(self, site: Site, own: Path) -> None:
        """The record stands; the desk waits for the file."""
        signature_file(own).mkdir()
        with pytest.raises(InvalidInput, match="policy is in force, and nothing starts without it"):
            sign(site, own)
        with pytest.raises(PolicyRefused):
            build(replace(site.settings, policy=own))
        signature_file(own).rmdir()
        sign(site, own)
        start(site, own)
        assert sorted(one.name for one in own.parent.glob("*site.toml*")) == ["site.toml", "site.toml.sig"]

    def test_a_commit_that_fails_leaves_the_old_signature(
        self, site: Site, own: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing of the new one is left behind."""
        sign(site, own)
        before = signature_file(own).read_bytes()
        context = build_for_signing(site.settings)

        def fails(connection: Any) -> None:
            context.store._roll_back(connection)
            monkeypatch.undo()
            raise CommitUnknown("The disk is full.")

        context = replace(
            context, new_id=_then(context.new_id, 1, lambda: monkeypatch.setattr(context.store, "_commit", fails))
        )
        with pytest.raises(CannotTell):
            policies.sign(context, own, own.read_bytes(), site.keys[OTTO], actor_of(OTTO))
        context.store.close()
        assert signature_file(own).read_bytes() == before
        assert sorted(one.name for one in own.parent.glob("*site.toml*")) == ["site.toml", "site.toml.sig"]
        start(site, own)
        assert whole(site)


def _then(real: Callable[[], str], calls: int, act: Callable[[], None]) -> Callable[[], str]:
    """An id maker that acts once it was called more than `calls` times."""
    made: list[str] = []

    def new_id() -> str:
        made.append(real())
        if len(made) == calls + 1:
            act()
        return made[-1]

    return new_id


class TestStarting:
    def refused(self, site: Site, path: Path | None) -> str:
        """Start with `path`, and return what the refusal says."""
        with pytest.raises(PolicyRefused) as refused:
            build(replace(site.settings, policy=path))
        assert refused.value.field == "WITHNESS_POLICY"
        assert "withness policy sign" in refused.value.hint
        return refused.value.message

    def test_unsigned(self, site: Site, own: Path) -> None:
        """Nothing stands beside it."""
        assert "is not signed: there is no site.toml.sig" in self.refused(site, own)

    def test_edited_after_it_was_signed(self, site: Site, own: Path) -> None:
        """Version and owner are as they were signed; a comment is an edit too."""
        sign(site, own)
        own.write_text(OWN + "# one more word\n", encoding="utf-8")
        assert "edited after it was signed" in self.refused(site, own)

    def test_signed_but_no_longer_in_force(self, site: Site, own: Path) -> None:
        """A later version was signed: the older file and its signature are good, and not in force."""
        sign(site, own)
        newer = own.with_name("newer.toml")
        newer.write_text(OWN.replace('"1.0.0"', '"1.1.0"'), encoding="utf-8")
        sign(site, newer)
        assert "policy in force is version 1.1.0" in self.refused(site, own)
        start(site, newer)

    @pytest.mark.parametrize("name", ["policy", "version", "who", "key", "at", "signature"])
    def test_a_signature_file_with_one_thing_changed(self, site: Site, own: Path, name: str) -> None:
        """Planted: `may_decide` without the look at the signature; two rows caught it."""
        sign(site, own)
        file = signature_file(own)
        found = json.loads(file.read_text(encoding="utf-8"))
        other = {"who": OTTO, "key": site.keys[OTTO].public, "version": "1.0.1", "at": "2026-01-01T00:00:00.000000Z"}
        found[name] = other.get(name) or found[name][::-1]
        file.write_text(json.dumps(found), encoding="utf-8")
        self.refused(site, own)

    @pytest.mark.parametrize("written", ["", "[]", "{}", "not json", '{"policy": 1}', '{"policy": "a", "policy": "b"}'])
    def test_a_signature_file_that_is_none(self, site: Site, own: Path, written: str) -> None:
        """It is named, and nothing of it is repeated."""
        sign(site, own)
        signature_file(own).write_text(written, encoding="utf-8")
        assert "has a signature file that is none" in self.refused(site, own)

    def test_a_signature_file_that_cannot_be_read(self, site: Site, own: Path) -> None:
        """A folder in its place is no signature."""
        signature_file(own).mkdir()
        assert "cannot be read" in self.refused(site, own)

    def test_an_owners_good_signature_that_the_trail_does_not_know(self, site: Site, own: Path) -> None:
        """Made with the owner's key, for this very directory, and never recorded."""
        policy, olga = load_policy(own), site.keys[OLGA]
        with site.context.store.transaction() as tx:
            directory = tx.facts()["data_id"]
        unsigned = Signature(policy.digest, policy.version, OLGA, olga.public, "2026-11-22T09:00:00.000000Z")
        signed = replace(unsigned, signature=olga.sign(unsigned.statement(directory)))
        signature_file(own).write_text(json.dumps(vars(signed)), encoding="utf-8")
        assert "not in force" in self.refused(site, own)

    def test_the_signature_of_another_data_directory(self, site: Site, own: Path, tmp_path: Path) -> None:
        """Each directory's owner signs for it."""
        with Site(tmp_path / "elsewhere", tmp_path / "keys" / "other.key") as other:
            other.enrol()
            other.join(OLGA, "Olga Example", "L-500", "policy-owner")
            copy = tmp_path / "copy" / "site.toml"
            copy.parent.mkdir()
            copy.write_bytes(own.read_bytes())
            sign(other, copy)
        sign(site, own)
        signature_file(own).write_bytes(signature_file(copy).read_bytes())
        assert "another signature" in self.refused(site, own)

    def test_a_new_data_directory_starts_on_the_shipped_policy(self, site: Site, own: Path, tmp_path: Path) -> None:
        """And is not set up by the attempt."""
        settings = replace(site.settings, home=tmp_path / "new", key_file=tmp_path / "new.key", policy=own)
        with pytest.raises(PolicyRefused, match="starts on the shipped policy"):
            build(settings)
        assert not settings.home.exists()
        assert not (tmp_path / "new.key").exists()

    def test_a_signed_policy_is_not_left_silently(self, site: Site, own: Path) -> None:
        """Neither at start-up with the shipped one, nor by a desk that was open already."""
        sign(site, own)
        assert "policy in force is version 1.0.0" in self.refused(site, None)
        before = site.records()
        with pytest.raises(PolicyRefused, match=r"version 1\.0\.0"):
            site.screen()
        assert site.records() == before
        start(site, own)
        assert site.screen()["policy"]["version"] == "1.0.0"

    def test_signing_works_whatever_the_setting_names(self, site: Site, own: Path) -> None:
        """It is the way out of every refusal above."""
        site.settings = replace(site.settings, policy=own)
        sign(site, own)
        start(site, own)
        site.settings = replace(site.settings, policy=own.with_name("nowhere.toml"))
        sign(site, None)
        start(site, None)
        assert site.context.policy.demo
        assert whole(site)


@contextmanager
def another_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> Iterator[None]:
    """What another release of Withness ships."""
    catalogue = tmp_path / "another-release"
    with as_file(content.folder("catalogue")) as shipped:
        shutil.copytree(shipped, catalogue)
    text = policy_bytes().decode().replace(f'version = "{load_policy().version}"', 'version = "0.9.0"')
    assert old in text
    (catalogue / FILE).write_text(text.replace(old, new), encoding="utf-8")
    digest = hashlib.sha256((catalogue / FILE).read_bytes()).hexdigest()
    (catalogue / DIGEST_FILE).write_text(f"{digest}  {FILE}\n", encoding="utf-8")
    real = content.folder
    with monkeypatch.context() as patched:
        patched.setattr(content, "folder", lambda root: catalogue if root == "catalogue" else real(root))
        yield


class TestAnotherRelease:
    SAME = ("# The risk-screen gate", "# The risk-screen gate")

    def test_from_one_shipped_policy_to_the_next_it_goes_on_by_itself(
        self, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Unsigned before, unsigned after."""
        site.screen()
        with another_release(tmp_path, monkeypatch, *self.SAME):
            start(site, None)
            assert site.screen()["policy"]["version"] == "0.9.0"
            assert whole(site)

    def test_after_a_signed_return_to_the_shipped_policy_too(
        self, site: Site, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is signed there is that the site follows what is shipped. Planted: one outcome for both; caught."""
        sign(site, own)
        sign(site, None)
        with another_release(tmp_path, monkeypatch, *self.SAME):
            start(site, None)
            assert site.screen()["policy"]["version"] == "0.9.0"
            assert whole(site)

    def test_a_signed_policy_stays_in_force_under_the_next_release(
        self, site: Site, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While it does not loosen what is shipped by then; the new shipped one does not take its place."""
        sign(site, own)
        with another_release(tmp_path, monkeypatch, *self.SAME):
            start(site, own)
            assert site.screen()["policy"]["version"] == "1.0.0"
            with pytest.raises(PolicyRefused, match=r"version 1\.0\.0"):
                build(replace(site.settings, policy=None))

    def test_a_signed_policy_that_is_looser_than_the_next_release_is_refused(
        self, site: Site, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The key is named; signing a tightened one is the way on."""
        sign(site, own)
        with another_release(tmp_path, monkeypatch, 'past month?", yes = "elevated"', 'past month?", yes = "acute"'):
            with pytest.raises(PolicyRefused, match=r"domain\.suicide\.question\.ideation\.yes"):
                build(replace(site.settings, policy=own))
            own.write_text(
                OWN.replace('"1.0.0"', '"1.1.0"').replace(
                    'past month?", yes = "elevated"', 'past month?", yes = "acute"'
                ),
                encoding="utf-8",
            )
            sign(site, own)
            start(site, own)
            assert whole(site)
