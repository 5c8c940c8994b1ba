"""EHBP written anew from its description, on primitives and sockets alone, against a server that a test started.

    by_hand.py HOST PORT

For what the published package does not do: content in several frames, both directions at once, frames of 8 KiB.
"""

import socket
import struct
import sys
from hashlib import sha256
from hmac import digest as hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM = b"KEM\x00\x20"
HPKE = b"HPKE\x00\x20\x00\x01\x00\x02"


def expand(prk, info, length):
    out, block, count = b"", b"", 0
    while len(out) < length:
        count += 1
        block = hmac(prk, block + info + bytes([count]), "sha256")
        out += block
    return out[:length]


def labeled_extract(suite, salt, label, ikm):
    return hmac(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def labeled_expand(suite, prk, label, info, length):
    return expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


class Sequence:
    def __init__(self, key, nonce):
        self.aead, self.nonce, self.next = AESGCM(key), nonce, 0

    def step(self):
        number = self.next.to_bytes(12, "big")
        self.next += 1
        return bytes(a ^ b for a, b in zip(self.nonce, number))

    def frame(self, content):
        sealed = self.aead.encrypt(self.step(), content, b"")
        return struct.pack(">I", len(sealed)) + sealed

    def open(self, sealed):
        return self.aead.decrypt(self.step(), sealed, b"")


class Request:
    def __init__(self, public_key):
        ephemeral = X25519PrivateKey.generate()
        self.enc = ephemeral.public_key().public_bytes_raw()
        dh = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
        prk = labeled_extract(KEM, b"", b"eae_prk", dh)
        shared = labeled_expand(KEM, prk, b"shared_secret", self.enc + public_key, 32)
        context = b"\x00" + labeled_extract(HPKE, b"", b"psk_id_hash", b"")
        context += labeled_extract(HPKE, b"", b"info_hash", b"ehbp request")
        secret = labeled_extract(HPKE, shared, b"secret", b"")
        key = labeled_expand(HPKE, secret, b"key", context, 32)
        nonce = labeled_expand(HPKE, secret, b"base_nonce", context, 12)
        exporter = labeled_expand(HPKE, secret, b"exp", context, 32)
        self.frames = Sequence(key, nonce)
        self.exported = labeled_expand(HPKE, exporter, b"sec", b"ehbp response", 32)

    def answer(self, nonce):
        prk = hmac(self.enc + nonce, self.exported, "sha256")
        return Sequence(expand(prk, b"key", 32), expand(prk, b"nonce", 12))


class Connection:
    """HTTP/1.1 with transfer chunks in both directions."""

    def __init__(self, host, port):
        self.host = f"{host}:{port}"
        self.socket = socket.create_connection((host, port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        # opened content that nobody has asked for, and bytes that are no whole frame
        self.content, self.sealed, self.ended = b"", b"", False

    def get(self, path):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nhost: {self.host}\r\n\r\n".encode())
        status, fields = self.head()
        return status, fields, self.stream.read(int(fields["content-length"]))

    def begin(self, path, request):
        self.content, self.sealed, self.ended = b"", b"", False
        self.socket.sendall(
            f"POST {path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-type: application/octet-stream\r\n"
            f"transfer-encoding: chunked\r\nehbp-encapsulated-key: {request.enc.hex()}\r\n\r\n".encode()
        )

    def send(self, data):
        self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end(self):
        self.socket.sendall(b"0\r\n\r\n")

    def head(self):
        status = int(self.stream.readline().split()[1])
        fields = {}
        while (line := self.stream.readline()) != b"\r\n":
            name, value = line.decode().split(":", 1)
            fields[name.lower()] = value.strip()
        return status, fields

    def frame(self, answer):
        """The content of the next frame; None at the end."""
        while True:
            if len(self.sealed) >= 4:
                (length,) = struct.unpack_from(">I", self.sealed)
                if len(self.sealed) >= 4 + length:
                    frame, self.sealed = self.sealed[4 : 4 + length], self.sealed[4 + length :]
                    return answer.open(frame)
            if self.ended:
                assert self.sealed == b"", "cut inside a frame"
                return None
            size = int(self.stream.readline(), 16)
            self.sealed += self.stream.read(size)
            self.stream.readline()
            self.ended = size == 0

    def read(self, answer, length):
        while len(self.content) < length:
            frame = self.frame(answer)
            assert frame is not None, "ended early"
            self.content += frame
        content, self.content = self.content[:length], self.content[length:]
        return content


def opened(connection, request):
    status, fields = connection.head()
    assert status == 200, status
    return request.answer(bytes.fromhex(fields["ehbp-response-nonce"]))


def main(host, port):
    connection = Connection(host, port)
    status, fields, config = connection.get("/.well-known/hpke-keys")
    assert (status, fields["content-type"], len(config)) == (200, "application/ohttp-keys", 41)
    assert config[:3] == b"\x00\x00\x20" and config[35:] == bytes.fromhex("000400010002")
    key = config[3:35]

    # 64 frames of 8 KiB, with empty ones between, all at once.
    request = Request(key)
    content = b"".join(sha256(number.to_bytes(4, "big")).digest() * 256 for number in range(64))
    connection.begin("/echo", request)
    for start in range(0, len(content), 8192):
        connection.send(bytes(4) + request.frames.frame(content[start : start + 8192]))
    connection.end()
    answer = opened(connection, request)
    assert connection.read(answer, len(content)) == content
    assert connection.frame(answer) is None

    # Both directions at once: each frame is answered before the next one is sent.
    request = Request(key)
    connection.begin("/duplex", request)
    connection.send(request.frames.frame(b"0"))
    answer = opened(connection, request)
    assert connection.read(answer, 1) == b"0"
    for number in range(1, 20):
        content = bytes([number]) * 8192
        connection.send(request.frames.frame(content))
        assert connection.read(answer, len(content)) == content
    connection.end()
    assert connection.frame(answer) is None

    # A frame in pieces of one byte.
    request = Request(key)
    connection.begin("/echo", request)
    for byte in request.frames.frame(b"slowly"):
        connection.send(bytes([byte]))
    connection.end()
    answer = opened(connection, request)
    assert connection.read(answer, 6) == b"slowly"
    assert connection.frame(answer) is None
    print("done")


main(sys.argv[1], int(sys.argv[2]))
