"""Whether the keys at hand are those of the people who sign."""

from __future__ import annotations

from withness.core.people import People, Refusal
from withness.desk.acts import Signatures


def keys_fault(people: People, signatures: Signatures) -> Refusal | None:
    """Return why a key is not its signer's, None when each one fits. Who may sign is asked elsewhere."""
    first, second = signatures.first, signatures.second
    if first is None:
        return Refusal("not-signed", "This needs a signature: --key names the signer's key file.", "key")
    if second is not None and second.who != first.who and second.public == first.public:
        return Refusal("same-key", "Both signatures come from one key: two signers have two keys.", "second_key")
    for signer, field in ((first, "key"), (second, "second_key")):
        if signer is not None and signer.who in people and people[signer.who].key != signer.public:
            return Refusal("foreign-key", f"The key given is not the one that {signer.who} enrolled with.", field)
    return None
