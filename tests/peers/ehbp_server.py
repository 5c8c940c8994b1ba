"""A server of EHBP written anew from its description, on primitives and sockets alone. Its port is the first line of output.

Argument: private key (hex). POST /echo gives back what came, in frames of at most 8 KiB; POST /events gives three events, each
but the first after a POST /next; POST /teapot an error; POST /cut half a JSON document; POST /clear an answer in clear; and
POST /forgotten says that the key is another.
"""

import http.server
import struct
import sys
import threading
from hmac import digest as hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM = b"KEM\x00\x20"
HPKE = b"HPKE\x00\x20\x00\x01\x00\x02"
PRIVATE_KEY = X25519PrivateKey.from_private_bytes(bytes.fromhex(sys.argv[1]))
PROBLEM = b'{"type":"urn:ietf:params:ehbp:error:key-config","title":"another key"}'
following = threading.Semaphore(0)


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


class Context:
    def __init__(self, enc):
        self.enc = enc
        dh = PRIVATE_KEY.exchange(X25519PublicKey.from_public_bytes(enc))
        prk = labeled_extract(KEM, b"", b"eae_prk", dh)
        public_key = PRIVATE_KEY.public_key().public_bytes_raw()
        shared = labeled_expand(KEM, prk, b"shared_secret", enc + public_key, 32)
        context = b"\x00" + labeled_extract(HPKE, b"", b"psk_id_hash", b"")
        context += labeled_extract(HPKE, b"", b"info_hash", b"ehbp request")
        secret = labeled_extract(HPKE, shared, b"secret", b"")
        key = labeled_expand(HPKE, secret, b"key", context, 32)
        self.request = Sequence(key, labeled_expand(HPKE, secret, b"base_nonce", context, 12))
        exporter = labeled_expand(HPKE, secret, b"exp", context, 32)
        self.exported = labeled_expand(HPKE, exporter, b"sec", b"ehbp response", 32)

    def answer(self, nonce):
        prk = hmac(self.enc + nonce, self.exported, "sha256")
        return Sequence(expand(prk, b"key", 32), expand(prk, b"nonce", 12))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A head is not to wait for what follows it.
    wbufsize = 0

    def log_message(self, *_):
        pass

    def body(self):
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def opened(self, context):
        sealed, content = self.body(), b""
        while sealed:
            (length,) = struct.unpack_from(">I", sealed)
            frame, sealed = sealed[4 : 4 + length], sealed[4 + length :]
            content += context.request.aead.decrypt(context.request.step(), frame, b"")
        return content

    def plainly(self, status, kind, content):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def begin(self, context, status, kind):
        nonce = bytes(range(32))
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("ehbp-response-nonce", nonce.hex())
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        return context.answer(nonce)

    def write(self, sealed):
        self.wfile.write(f"{len(sealed):x}\r\n".encode() + sealed + b"\r\n")

    def do_POST(self):
        if self.path == "/next":
            self.body()
            following.release()
            return self.plainly(200, "text/plain", b"not sealed")
        context = Context(bytes.fromhex(self.headers["ehbp-encapsulated-key"]))
        try:
            content = self.opened(context)
        except InvalidTag:
            return self.plainly(422, "application/problem+json", PROBLEM)
        if self.path == "/clear":
            return self.plainly(200, "text/plain", b"anybody's word")
        if self.path == "/forgotten":
            return self.plainly(422, "application/problem+json", PROBLEM)
        if self.path == "/events":
            answer = self.begin(context, 200, "text/event-stream")
            for number in range(3):
                if number:
                    following.acquire()
                self.write(answer.frame(f"data: {number}\n\n".encode()))
        elif self.path == "/teapot":
            answer = self.begin(context, 418, "application/json")
            self.write(answer.frame(b'{"error":"short and stout"}'))
        elif self.path == "/cut":
            answer = self.begin(context, 200, "application/json")
            self.write(answer.frame(b'{"list": [1, 2'))
        else:
            answer = self.begin(context, 200, "application/octet-stream")
            # A frame of no length says nothing and is passed over.
            self.write(bytes(4))
            for at in range(0, len(content), 8192):
                self.write(answer.frame(content[at : at + 8192]))
        self.wfile.write(b"0\r\n\r\n")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
