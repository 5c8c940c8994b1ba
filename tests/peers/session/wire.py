"""The attested session as docs/spec/session.md has it, and from nothing else."""

import base64
import hashlib
import hmac

import cbor
import slh_dsa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PROTOCOL = "sealwire/1"
CLIENT, SERVER = 0, 1


class Refused(Exception):
    """The other side did not keep to the specification."""


def need(condition, what):
    if not condition:
        raise Refused(what)


# Section 2: suites

X25519MLKEM768, SECP384R1MLKEM1024, X25519 = 0x11EC, 0x11ED, 0x001D
ED25519_ML_DSA_65, ED25519, SLH_DSA = 1, 2, 3
IDENTITY = {
    ED25519_ML_DSA_65: ["session-ed25519", "session-ml-dsa-65"],
    ED25519: ["session-ed25519"],
    SLH_DSA: ["session-slh-dsa-sha2-192f"],
}
POINT = {X25519MLKEM768: 32, SECP384R1MLKEM1024: 97, X25519: 32}
ML_KEM = {
    X25519MLKEM768: (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey, 1184),
    SECP384R1MLKEM1024: (mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey, 1568),
}


class Curve:
    """A key of the group's curve."""

    def __init__(self, group, scalar=None):
        self.p384 = group == SECP384R1MLKEM1024
        if self.p384:
            curve = ec.SECP384R1()
            number = scalar and int.from_bytes(scalar, "big")
            self.key = ec.derive_private_key(number, curve) if scalar else ec.generate_private_key(curve)
            self.point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        else:
            generate = x25519.X25519PrivateKey.generate
            self.key = x25519.X25519PrivateKey.from_private_bytes(scalar) if scalar else generate()
            self.point = self.key.public_key().public_bytes_raw()

    def agree(self, point):
        if self.p384:
            need(point[0] == 4, "an uncompressed point")
            peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point)
            return self.key.exchange(ec.ECDH(), peer)
        return self.key.exchange(x25519.X25519PublicKey.from_public_bytes(point))


def join(group, ml_kem, curve):
    return curve + ml_kem if group == SECP384R1MLKEM1024 else ml_kem + curve


def split(group, share):
    """The ML-KEM half and the point."""
    at = POINT[group]
    return (share[at:], share[:at]) if group == SECP384R1MLKEM1024 else (share[:-at], share[-at:])


class Share:
    """The client's half of a key agreement."""

    def __init__(self, group, scalar=None, seed=None):
        self.group, self.curve, self.ml_kem, public = group, Curve(group, scalar), None, b""
        if group in ML_KEM:
            private = ML_KEM[group][0]
            self.ml_kem = private.from_seed_bytes(seed) if seed else private.generate()
            public = self.ml_kem.public_key().public_bytes_raw()
        self.bytes = join(group, public, self.curve.point)

    def complete(self, share):
        ciphertext, point = split(self.group, share)
        ml_kem = self.ml_kem.decapsulate(ciphertext) if self.ml_kem else b""
        return join(self.group, ml_kem, self.curve.agree(point))


def respond(group, share):
    """The server's share, and the secret."""
    public, point = split(group, share)
    curve, secret, ciphertext = Curve(group), b"", b""
    if group in ML_KEM:
        secret, ciphertext = ML_KEM[group][1].from_public_bytes(public).encapsulate()
    return join(group, ciphertext, curve.point), join(group, secret, curve.agree(point))


class Suite:
    """Functions of the AEAD and the hash (section 4)."""

    def __init__(self, aead):
        self.aead = {1: AESGCM, 2: AESGCM, 3: ChaCha20Poly1305}[aead]
        self.key_len, self.algorithm = {1: (16, "sha256"), 2: (32, "sha384"), 3: (32, "sha384")}[aead]
        self.hash_len = hashlib.new(self.algorithm).digest_size

    def hash(self, data):
        return hashlib.new(self.algorithm, data).digest()

    def mac(self, key, *parts):
        return hmac.new(key, b"".join(parts), self.algorithm).digest()

    def extract(self, salt, secret):
        return self.mac(salt, secret)

    def expand_label(self, secret, label, context, length):
        label = b"sealwire/1 " + label.encode()
        info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
        out, block = b"", b""
        for number in range(1, 256):
            block = self.mac(secret, block, info, bytes([number]))
            out += block
            if len(out) >= length:
                return out[:length]

    def derive(self, secret, label, transcript=b""):
        return self.expand_label(secret, label, transcript, self.hash_len)

    def key_iv(self, secret):
        return (
            self.expand_label(secret, "key", b"", self.key_len),
            self.expand_label(secret, "iv", b"", 12),
        )

    def finished_key(self, secret):
        return self.derive(secret, "finished")

    def seal(self, key, iv, number, aad, data):
        return self.aead(key).encrypt(nonce(iv, number), data, aad)

    def open(self, key, iv, number, aad, data):
        return self.aead(key).decrypt(nonce(iv, number), data, aad)


def nonce(iv, number):
    return (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")


# Section 3: the transcript


def item(direction, message):
    return bytes([direction]) + len(message).to_bytes(4, "big") + message


# Sections 5, 9, 10: messages

SIZE = lambda low, high=None: lambda value: isinstance(value, bytes) and low <= len(value) <= (high or low)
UINT = lambda *values: lambda value: isinstance(value, int) and (not values or value in values)
TEXT = lambda value: isinstance(value, str)
BYTES = lambda value: isinstance(value, bytes)
IDS = lambda value: 1 <= len(value) <= 8 and len(set(value)) == len(value) and all(map(UINT(), value))
SHARES = lambda value: len(value) <= 4 and all(len(pair) == 2 and BYTES(pair[1]) for pair in value)

# type: (limit, {key: check}, optional keys)
MESSAGES = {
    1: (
        16384,
        {
            2: SIZE(32),
            3: TEXT,
            4: IDS,
            5: SHARES,
            6: IDS,
            7: IDS,
            8: UINT(0, 1),
            9: UINT(0, 1),
            10: SIZE(48),
            11: UINT(1),
            20: SIZE(1, 8192),
            21: UINT(),
            22: UINT(0, 1),
            23: SIZE(32, 48),
        },
        {10, 11, 20, 21, 22, 23},
    ),
    2: (16384, {2: SIZE(1, 256), 3: UINT()}, {3}),
    3: (32768, {2: BYTES, 3: BYTES, 4: BYTES}, {4}),
    4: (2097152, {2: BYTES, 3: BYTES}, ()),
    5: (
        8192,
        {2: SIZE(32), 3: SIZE(32), 4: UINT(), 5: UINT(0, 1, 2), 6: UINT(0, 1), 7: UINT(), 8: BYTES},
        {7, 8},
    ),
    6: (2097152, {2: SIZE(32), 3: BYTES}, ()),
    7: (16384, {2: BYTES}, ()),
    8: (1024, {2: SIZE(32), 3: UINT(), 4: SIZE(32), 5: SIZE(32)}, ()),
    9: (1024, {2: SIZE(32), 3: SIZE(32)}, ()),
    10: (1024, {2: SIZE(32), 3: SIZE(32)}, ()),
    11: (1024, {2: SIZE(32)}, ()),
}
PARAMETERS = {0: UINT(), 1: UINT(), 2: UINT(), 3: UINT(), 4: UINT()}
SERVER_CREDENTIAL = {0: SIZE(48), 1: BYTES, 2: BYTES, 3: lambda value: fields(value, PARAMETERS), 4: UINT(0, 1, 2)}
CLIENT_CREDENTIAL = {0: SIZE(48), 1: BYTES, 2: BYTES}
PROOF = {0: UINT(1, 2, 3), 1: lambda value: 1 <= len(value) <= 2 and all(map(BYTES, value))}


def fields(value, checks, optional=()):
    for key in value:
        need(key in checks and checks[key](value[key]), f"field {key}")
    for key in checks:
        need(key in value or key in optional, f"no field {key}")
    return value


def message(kind, **numbered):
    """A message of a kind; keyword `_2` is field 2. What is None is left out."""
    numbered = {int(key[1:]): value for key, value in numbered.items() if value is not None}
    return cbor.encode({0: PROTOCOL, 1: kind, **numbered})


def parse(kind, data):
    limit, checks, optional = MESSAGES[kind]
    need(len(data) <= limit, "a message within its limit")
    value = cbor.decode(data)
    need(value.pop(0) == PROTOCOL and value.pop(1) == kind, "the message that is awaited")
    fields(value, checks, optional)
    if kind == 1:
        ticket = [key in value for key in (20, 21, 22, 23)]
        need(all(ticket) or not any(ticket), "20 to 23 together")
        need(11 not in value or all(ticket), "early data with a ticket")
        need(value[5] or value.get(22) == 1, "a share")
        groups = iter(value[4])
        need(all(group in groups for group, _ in value[5]), "shares of a subset, in order")
    if kind == 5:
        need((7 in value) == (8 in value) == (value[5] != 2), "a share")
        need(not value[6] or value[5], "early data in a resumed session")
    return value


def binder(suite, psk, hello):
    """Over all of the hello but its last Nh bytes."""
    key = suite.finished_key(suite.derive(suite.extract(bytes(suite.hash_len), psk), "binder"))
    return suite.mac(key, suite.hash(item(CLIENT, hello[: -suite.hash_len])))


class Schedule:
    """The key schedule as the transcript grows. `secrets` and `keys` hold all that there is, by name."""

    def __init__(self, suite, psk=None):
        self.suite, self.items, self.transcripts, self.keys = suite, b"", [], {}
        zeros = bytes(suite.hash_len)
        self.secrets = {"psk": psk} if psk else {}
        self.early = self.secrets["early"] = suite.extract(zeros, psk or zeros)

    def add(self, direction, data):
        self.items += item(direction, data)
        self.transcripts.append(self.transcript())

    def transcript(self):
        return self.suite.hash(self.items)

    def early_traffic(self):
        """After the client hello, where there is a PSK."""
        self.secrets["binder key"] = self.suite.derive(self.early, "binder")
        self.secrets["early traffic"] = self.suite.derive(self.early, "early", self.transcript())
        return self.secrets["early traffic"]

    def agree(self, shared):
        """After the server hello."""
        if shared:
            self.secrets["shared secret"] = shared
        zeros, derived = bytes(self.suite.hash_len), self.suite.derive(self.early, "derived")
        handshake = self.secrets["handshake"] = self.suite.extract(derived, shared or zeros)
        for side in ("client handshake", "server handshake"):
            self.secrets[side] = self.suite.derive(handshake, side, self.transcript())
        main = self.suite.extract(self.suite.derive(handshake, "derived"), zeros)
        self.secrets["main"] = main

    def finished(self, side):
        key = self.suite.finished_key(self.secrets[side + " handshake"])
        return self.suite.mac(key, self.transcript())

    def seal(self, side, number, aad, data):
        return self.suite.seal(*self.suite.key_iv(self.secrets[side + " handshake"]), number, aad, data)

    def open(self, side, number, aad, data):
        return self.suite.open(*self.suite.key_iv(self.secrets[side + " handshake"]), number, aad, data)

    def complete(self):
        """After the last Finished."""
        for name in ("request", "channel", "close", "exporter", "resumption"):
            self.secrets[name] = self.suite.derive(self.secrets["main"], name, self.transcript())
        psk = self.suite.expand_label(self.secrets["resumption"], "psk", b"", self.suite.hash_len)
        self.secrets["psk of the ticket"] = psk


# Proofs (5.3)


def signed(role, scheme, transcript):
    return b"\x20" * 64 + b"sealwire/1 " + role + b" proof\0" + scheme.to_bytes(2, "big") + transcript


def verify_proof(proof, role, offered, document, now, transcript):
    proof = fields(cbor.decode(proof), PROOF)
    scheme, signatures = proof[0], proof[1]
    need(scheme in offered and len(signatures) == len(IDENTITY[scheme]), "a scheme that was offered")
    data = signed(role, scheme, transcript)
    for purpose, signature in zip(IDENTITY[scheme], signatures):
        live = [key for key in document[7] if key[1] == purpose and key[2] - 60 <= now <= key[3]]
        need(live, "a live identity key")
        key = live[0][4]
        try:
            if purpose == "session-ed25519":
                ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
            elif purpose == "session-ml-dsa-65":
                mldsa.MLDSA65PublicKey.from_public_bytes(key).verify(signature, data)
            else:
                need(slh_dsa.verify(key, data, signature), "SLH-DSA")
        except InvalidSignature:
            raise Refused(purpose) from None
    return scheme


def prove(scheme, role, transcript, ed25519_key, ml_dsa_key):
    data = signed(role, scheme, transcript)
    signatures = [ed25519_key.sign(data)]
    if scheme == ED25519_ML_DSA_65:
        signatures.append(ml_dsa_key.sign(data))
    return cbor.encode({0: scheme, 1: signatures})


# Key documents and evidence (key-document.md)


def document_of(published, role, authority, now):
    """The document of a published form. Its evidence is for a verifier to judge, but it has to be bound to it."""
    published = cbor.decode(published)
    need(published[0] == PROTOCOL, "a published form")
    document = cbor.decode(published[1])
    need(document[0] == PROTOCOL and document[5] == role, "a document of this role")
    need(document[3] <= now + 60 and now <= document[4], "a document of today")
    need(authority is None or authority in document[6], "an authority that is served")
    bound_to(published[2], "key-document", role, published[1])
    return published[1], document


def bound_to(evidence, use, role, bound):
    """Whether the report data of a development report is B (key-document.md section 4)."""
    kind, report, indicator = cbor.decode(evidence)
    need(kind == "application/vnd.sealwire.development-report" and indicator == 4, "evidence")
    need(report[0x50:0x90] == binding(use, role, bound), "evidence that is bound to this")


def binding(use, role, bound):
    sha384 = lambda data: hashlib.sha384(data).digest()
    parts = [PROTOCOL, use, role, "development", sha384(bound), b"", sha384(b"")]
    return hashlib.sha512(cbor.encode(parts)).digest()


# Section 7: requests


def varint(number):
    for prefix, size in enumerate((1, 2, 4, 8)):
        if number < 1 << 8 * size - 2:
            return (prefix << 8 * size - 2 | number).to_bytes(size, "big")
    raise ValueError(number)


def read_varint(data):
    size = 1 << (data[0] >> 6)
    need(len(data) >= size, "a whole varint")
    return int.from_bytes(data[:size], "big") & (1 << 8 * size - 2) - 1, data[size:]


def pad(data, step):
    plain = varint(len(data)) + data
    return plain + bytes(-len(plain) % step if step else 0)


def seal_chunks(suite, key, iv, pieces):
    """Each piece is the plaintext of a chunk, `varint(n) || data || zeros`."""
    out = b""
    for number, piece in enumerate(pieces):
        final = number == len(pieces) - 1
        sealed = suite.seal(key, iv, number, b"final" if final else b"", piece)
        out += (varint(0) if final else varint(len(sealed))) + sealed
    return out


def open_chunks(suite, key, iv, body):
    pieces, final = [], False
    while not final:
        length, body = read_varint(body)
        final = length == 0
        need(final or 16 < length <= len(body), "a whole chunk")
        sealed, body = (body, b"") if final else (body[:length], body[length:])
        pieces.append(suite.open(key, iv, len(pieces), b"final" if final else b"", sealed))
    return pieces


def data_of(plain):
    length, rest = read_varint(plain)
    need(length <= len(rest) and not any(rest[length:]), "padding of zeros")
    return rest[:length]


def listed(method, authority, path, query, names):
    values = [method, authority, path, query] + [text for pair in names for text in pair]
    return b"".join(len(value.encode()).to_bytes(4, "big") + value.encode() for value in values)


def header_mac(suite, request, mode, session, number, random, listed):
    number = number.to_bytes(8, "big")
    return suite.mac(request, b"sealwire/1 header", bytes([mode]), session, number, random, listed)[:32]


def okm(suite, secret, label, context):
    """Key and iv."""
    out = suite.expand_label(secret, label, context, suite.key_len + 12)
    return out[: suite.key_len], out[suite.key_len :]


def byte_sequence(data):
    return b":" + base64.b64encode(data) + b":"


def from_byte_sequence(field):
    need(field[:1] == field[-1:] == b":", "a Byte Sequence")
    return base64.b64decode(field[1:-1], validate=True)


def request_keys(suite, request, ticket):
    return okm(suite, request, "request", ticket[:40])


def answer_keys(suite, request, ticket, random):
    return okm(suite, request, "response", ticket[40:] + random)


def answer_mac(suite, request, ticket, random):
    return suite.expand_label(request, "binder", ticket[40:] + random, 32)


def export(suite, exporter, label, context, length):
    return suite.expand_label(suite.derive(exporter, label), "export", suite.hash(context), length)


# Section 9: channels

DATA, KEY_UPDATE, CLOSE = 0, 1, 2


def channel_secrets(suite, channel, number, client, server):
    """The channel's own secret, and those of the binder, the client and the server."""
    cs = suite.derive(channel, "channel", number.to_bytes(8, "big") + client + server)
    return cs, suite.derive(cs, "binder"), suite.derive(cs, "client"), suite.derive(cs, "server")


class Direction:
    """The records of one side."""

    def __init__(self, suite, secret):
        self.suite, self.secret, self.number = suite, secret, 0
        self.key, self.iv = suite.key_iv(secret)

    def after(self, kind):
        self.number += 1
        if kind == KEY_UPDATE:
            need(self.number > 64, "a key that was used")
            self.__init__(self.suite, self.suite.derive(self.secret, "update"))

    def seal(self, kind, data=b""):
        record = self.suite.seal(self.key, self.iv, self.number, b"", bytes([kind]) + data)
        self.after(kind)
        return record

    def open(self, record):
        plain = self.suite.open(self.key, self.iv, self.number, b"", record)
        kind, data = plain[0], plain[1:]
        need(1 <= len(data) <= 65536 if kind == DATA else kind in (KEY_UPDATE, CLOSE) and not data, "a record")
        self.after(kind)
        return kind, data


# Section 10


def close_mac(suite, close, side, session):
    return suite.mac(close, side, session)[:32]


# Binary HTTP of indeterminate length (RFC 9292)


def string(data):
    return varint(len(data)) + data


def request(method, authority, path, headers, contents):
    """The pieces in which it is written."""
    head = varint(2) + b"".join(map(string, (method, b"https", authority, path)))
    head += b"".join(string(name) + string(value) for name, value in headers) + varint(0)
    return [head, *(string(part) if part else b"" for part in contents), varint(0) + varint(0)]


def response(status, contents):
    head = varint(3) + varint(status) + varint(0)
    return [head, *(string(part) if part else b"" for part in contents), varint(0) + varint(0)]
