"""Olga answers for a clinic's own, stricter policy: she signs it, it decides, and nobody leaves it unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import Site, make_draft
from withness.errors import PolicyRefused
from withness.packs.policy import load_policy, policy_bytes
from withness.settings import FILE_NAME
from withness.signing import write_signer
from withness.wiring import build

OLGA, PAT = "Practitioner/olga", "Practitioner/p1"
PASSPHRASE = "correct horse battery staple"

SHIPPED = policy_bytes().decode()
ASKED_MORE = '  {id = "fall", text = "Two falls or more in the past month?", yes = "elevated"},\n'
BEFORE = '  {id = "intoxicated", '
STRICTER = (
    SHIPPED.replace(f'version = "{load_policy().version}"', 'version = "1.0.0"')
    .replace('owner = "unassigned"', 'owner = "Dr Olga Example, Example Clinic"')
    .replace('amendment = "P30D"', 'amendment = "P14D"')
    .replace(BEFORE, ASKED_MORE + BEFORE)
)


@pytest.fixture
def clinic(site: Site, tmp_path: Path) -> Site:
    """A clinic on the shipped policy; Olga is enrolled as policy-owner, Pat as clinician, each with a key file."""
    site.enrol()
    site.join(OLGA, "Olga Example", "L-500", "policy-owner")
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n", encoding="utf-8")
    for who in (OLGA, PAT):
        write_signer(site.keys[who], tmp_path / f"{who.partition('/')[2]}.key", PASSPHRASE)
    (tmp_path / "site.toml").write_text(STRICTER, encoding="utf-8")
    return site


def told(site: Site, tmp_path: Path, *arguments: str, who: str = OLGA) -> tuple[int, Any]:
    """Run `withness policy sign` as somebody, with their key file."""
    key = tmp_path / f"{who.partition('/')[2]}.key"
    options = ("--actor", who, "--key", str(key), "--passphrase-file", str(tmp_path / "passphrase"))
    return site.console_json("policy", "sign", *arguments, *options)


def restart(site: Site, policy: Path | None) -> None:
    """Set WITHNESS_POLICY and start everything again; `withness.toml` is for the console."""
    site.desk.close()
    site.settings = replace(site.settings, policy=policy)
    said = f"policy = {json.dumps(str(policy))}\n" if policy else ""
    (site.home / FILE_NAME).write_text(said, encoding="utf-8")
    site.policy = load_policy(policy)
    site.open()
    site.catch_up()


def refusal(site: Site, policy: Path | None) -> PolicyRefused:
    """Return why nothing starts with this policy: neither the desk nor the console."""
    with pytest.raises(PolicyRefused) as refused:
        build(replace(site.settings, policy=policy))
    said = f"policy = {json.dumps(str(policy))}\n" if policy else ""
    (site.home / FILE_NAME).write_text(said, encoding="utf-8")
    code, document = site.console_json("gate", "Patient/rosa")
    assert (code, document["error"], document["message"]) == (2, "policy-refused", refused.value.message)
    return refused.value


def whole(site: Site) -> bool:
    code, said = site.console_json("audit", "verify")
    assert (code, said["damages"]) == (0, [])
    return bool(said["whole"])


def test_a_stricter_policy_from_a_draft_to_a_decision_and_back(clinic: Site, tmp_path: Path) -> None:
    """The whole way, and every short cut refused on it."""
    site, own = clinic, tmp_path / "site.toml"
    assert site.screen()["policy"]["demo"] is True

    # it may be signed: it says so, and what it changes
    code, said = site.console_json("policy", "check", str(own))
    assert (code, said["counts"]["loosens"], said["counts"]["tightens"]) == (0, 0, 1)

    # unsigned it decides nothing
    assert "is not signed" in refusal(site, own).message

    # somebody who does not answer for it cannot sign it, and the attempt is on record
    code, said = told(site, tmp_path, str(own), who=PAT)
    assert (code, said["error"], said["field"]) == (3, "refused", "actor")
    assert site.records(1)[0]["reason"] == "not-policy-owner"
    assert "is not signed" in refusal(site, own).message

    # signed by Olga it decides: under its own digest, with its own question, and as no demo
    code, said = told(site, tmp_path, str(own))
    assert (code, said["signed_by"], said["policy"]["version"]) == (0, OLGA, "1.0.0")
    restart(site, own)
    answer = site.screen()
    assert answer["decision"] == "released"
    assert answer["policy"] == {"version": "1.0.0", "digest": load_policy(own).digest, "demo": False}
    assert site.save()["saved"] is True
    assert not any(_is_test_data(one) for one in site.care_plans())
    assert site.screen("Patient/tom", answers={"medical.fall": "yes"})["decision"] == "held-for-assessment"
    assert site.save(make_draft("Patient/tom"))["saved"] is False

    # a single word edited after the signature, and nothing starts
    own.write_text(STRICTER.replace("Two falls", "Three falls"), encoding="utf-8")
    assert "edited after it was signed" in refusal(site, own).message
    own.write_text(STRICTER, encoding="utf-8")

    # the way back to the shipped policy is signed too
    assert "policy in force is version 1.0.0" in refusal(site, None).message
    code, said = told(site, tmp_path, "--shipped")
    assert (code, said["policy"]["demo"], said["signature"]) == (0, True, None)
    assert "is not in force" in refusal(site, own).message
    restart(site, None)
    assert site.screen()["policy"]["demo"] is True

    # every decision is decided again under the policy that made it
    assert whole(site)
    kinds = [(one["outcome"], one["details"]["version"]) for one in site.records() if one["kind"] == "policy.changed"]
    shipped = load_policy().version
    assert kinds == [
        ("in-force", shipped),
        ("refused", shipped),
        ("policy-signed", "1.0.0"),
        ("shipped-signed", shipped),
    ]


@pytest.mark.parametrize("command", ["check", "sign"])
def test_a_loosened_policy_is_refused_by_its_key(clinic: Site, tmp_path: Path, command: str) -> None:
    """By the check, by the signature, and at start-up, with the same words."""
    own = tmp_path / "site.toml"
    own.write_text(STRICTER.replace('right now?", yes = "acute"', 'right now?", yes = "caution"'), encoding="utf-8")
    if command == "check":
        code, said = clinic.console_json("policy", "check", str(own))
        assert "1 loosening, 0 wider windows, 1 tightening" in said["hint"]
    else:
        code, said = told(clinic, tmp_path, str(own))
    assert (code, said["error"]) == (2, "policy-refused")
    assert said["field"] == "domain.suicide.question.now.yes"
    assert refusal(clinic, own).message == said["message"]


def test_the_owner_reads_every_change_of_wording(clinic: Site, tmp_path: Path) -> None:
    """No rule judges words, so the comparison shows them whole."""
    own = tmp_path / "site.toml"
    own.write_text(STRICTER.replace("Intoxicated now?", "Under the influence of something now?"), encoding="utf-8")
    code, said = clinic.console_json("policy", "diff", str(own))
    assert code == 0
    assert {
        "where": "domain.medical.question.intoxicated.text",
        "before": "Intoxicated now?",
        "after": "Under the influence of something now?",
        "direction": "wording",
    } in said["changes"]
    shown = clinic.console("policy", "diff", str(own)).stdout
    assert "Wording, which no rule judges" in shown
    assert "Under the influence of something now?" in shown
    last_year = tmp_path / "last-year.toml"
    last_year.write_text(STRICTER, encoding="utf-8")
    code, said = clinic.console_json("policy", "diff", str(own), str(last_year))
    assert [one["direction"] for one in said["changes"]] == ["wording"]


def test_each_rule_of_the_sites_policy_has_its_source_attributes(clinic: Site, tmp_path: Path) -> None:
    """The 13 of HTI-1, the site's own question and owner included."""
    (clinic.home / FILE_NAME).write_text(f"policy = {json.dumps(str(tmp_path / 'site.toml'))}\n", encoding="utf-8")
    code, said = clinic.console_json("policy", "sources")
    assert (code, len(said["attributes"])) == (0, 13)
    assert all(set(said["attributes"]) < set(one) for one in said["rules"])
    assert "medical.fall" in [one["rule"] for one in said["rules"]]
    [one] = clinic.console_json("policy", "sources", "medical.fall")[1]["rules"]
    assert "Dr Olga Example" in one["developer"]
    assert len(clinic.console_json("policy", "sources", "medical")[1]["rules"]) == 5
    code, said = clinic.console_json("policy", "sources", "nothing")
    assert (code, said["field"]) == (2, "RULE")


def test_signing_says_what_it_needs(clinic: Site, tmp_path: Path) -> None:
    """Each thing left out is named by its option; nobody waits for a passphrase where there is no terminal."""
    own, key = str(tmp_path / "site.toml"), str(tmp_path / "olga.key")
    for arguments, field in (
        ((), "FILE"),
        ((own, "--shipped"), "FILE"),
        ((own,), "--actor"),
        ((own, "--actor", OLGA), "--key"),
        ((own, "--actor", OLGA, "--key", key), "--passphrase-file"),
        ((own, "--actor", OLGA, "--key", key, "--passphrase-file", key), "--passphrase-file"),
        ((own, "--actor", OLGA, "--key", own, "--passphrase-file", str(tmp_path / "passphrase")), "--key"),
        ((str(tmp_path / "nowhere.toml"), "--actor", OLGA, "--key", key), "FILE"),
    ):
        code, said = clinic.console_json("policy", "sign", *arguments)
        assert (code, said["field"]) == (2, field), arguments
    assert whole(clinic)


def _is_test_data(resource: dict[str, Any]) -> bool:
    return any(one["code"] == "HTEST" for one in resource.get("meta", {}).get("security", ()))
