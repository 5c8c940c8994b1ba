"""Version 0 of the RA tunnel, as small as it can be: the handshake's values and the envelope, over PyNaCl and cbor2."""

import base64
import hashlib
import os

import cbor2
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox


def dumps(message):
    """Shortest forms, byte strings without a tag: not the forms of the JavaScript peer, but equally valid."""
    return cbor2.dumps(message)


def loads(data):
    """What comes may have tag 64 on byte strings."""
    return plain(cbor2.loads(data))


def plain(value):
    if isinstance(value, cbor2.CBORTag) and value.tag == 64:
        return value.value
    if value is cbor2.undefined:
        return None
    # cbor2 makes frozen containers of what is inside of others.
    if hasattr(value, "items"):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def b64(data):
    return base64.b64encode(data).decode()


def report_data(val, iat, key):
    return hashlib.sha512(val + iat + key).digest()


class Sealed:
    """Both directions under one key."""

    def __init__(self, key):
        self.box = SecretBox(key)

    def seal(self, message):
        nonce = os.urandom(24)
        ciphertext = self.box.encrypt(dumps(message), nonce).ciphertext
        return dumps({"type": "enc", "nonce": nonce, "ciphertext": ciphertext})

    def open(self, data):
        envelope = loads(data)
        assert envelope["type"] == "enc", envelope
        return loads(self.box.decrypt(envelope["ciphertext"], envelope["nonce"]))


__all__ = ["PrivateKey", "PublicKey", "SealedBox", "Sealed", "b64", "base64", "dumps", "loads", "os", "report_data"]
