"""Makes key-document.json from docs/spec/key-document.md alone, apart from the Rust code that a test holds to it.

    python3 key-document.py > key-document.json

Needs `cryptography` for Ed25519.
"""

import hashlib
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def head(major, value):
    for extra, limit in ((None, 24), (24, 1 << 8), (25, 1 << 16), (26, 1 << 32), (27, 1 << 64)):
        if value < limit:
            if extra is None:
                return bytes([major << 5 | value])
            return bytes([major << 5 | extra]) + value.to_bytes(1 << extra - 24, "big")
    raise ValueError(value)


def cbor(value):
    """Deterministic CBOR (RFC 8949 section 4.2.1) of int, bytes, str, list and dict."""
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    pairs = sorted((cbor(key), cbor(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


def binding(usage, role, kind, bound, challenge, companions):
    sha384 = lambda data: hashlib.sha384(data).digest()
    items = ["sealwire/1", usage, role, kind, sha384(bound), challenge, sha384(companions)]
    return hashlib.sha512(cbor(items)).digest()


SEED = bytes(range(32))
signer = Ed25519PrivateKey.from_private_bytes(SEED)
public = signer.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

config_digest = hashlib.sha384(b"configuration").digest()
measurement = hashlib.sha384(b"measurement").digest()
authorities = ["a.example", "b.example:8443"]
signed = cbor(["sealwire/1 operator statement", authorities, config_digest, measurement])
signature = signer.sign(signed)
statement = {0: public, 1: authorities, 2: config_digest, 3: measurement, 4: signature}

instance = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
key_bytes = bytes.fromhex("01" + "0020" + "00" * 32 + "0004" + "00010001")
document = {
    0: "sealwire/1",
    1: instance,
    2: 7,
    3: 1_800_000_000,
    4: 1_800_003_600,
    5: "gateway",
    # The order of the document is the gateway's; that of the statement is ascending.
    6: ["b.example:8443", "a.example"],
    7: [{0: b"\x01", 1: "oblivious", 2: 1_799_999_000, 3: 1_800_086_400, 4: key_bytes}],
    8: ["oblivious", "demo"],
    9: {"demo": ["one", "two"]},
    10: {"oblivious": 16_777_216, "demo": 65_536},
    11: config_digest,
    12: statement,
}
encoded = cbor(document)
plain = {key: value for key, value in document.items() if key != 12}
challenge = bytes(range(0x40, 0x60))

evidence = b"evidence"
cmw = cbor(["application/vnd.sealwire.development-report", evidence, 4])
certificates, crls = [b"certificate one", b"certificate two"], [b"list"]
published = cbor({0: "sealwire/1", 1: encoded, 2: cmw, 3: certificates, 4: crls})

text = lambda data: data.hex()
print(json.dumps({
    "operator-seed": text(SEED),
    "operator-key": text(public),
    "statement-signed-bytes": text(signed),
    "statement-signature": text(signature),
    "statement": text(cbor(statement)),
    "instance": text(instance),
    "config-digest": text(config_digest),
    "measurement": text(measurement),
    "key-bytes": text(key_bytes),
    "document": text(encoded),
    "document-without-operator": text(cbor(plain)),
    "challenge": text(challenge),
    "report-data": {
        kind: {
            "without-challenge": text(binding("key-document", "gateway", kind, encoded, b"", b"")),
            "with-challenge": text(binding("key-document", "gateway", kind, encoded, challenge, b"")),
        }
        for kind in ("snp", "development")
    },
    "binding-with-companions": text(binding("handshake", "client", "snp", b"bound", challenge, b"companions")),
    "evidence": text(evidence),
    "cmw": text(cmw),
    "certificates": [text(item) for item in certificates],
    "crls": [text(item) for item in crls],
    "published": text(published),
}, indent=2))
