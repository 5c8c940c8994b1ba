"""A client of the tunnel, version 1: everything over one WebSocket, and every byte of it made here.

    python tunnel.py PORT AUTHORITY

It makes a session, opens a channel, sends content by HTTP/2 inside, with a key update on the way, wants the same content
back, and closes channel and session. The evidence of the other end is read and not judged. What is wrong with the other end
ends it.
"""

import base64
import hashlib
import os
import socket
import struct
import sys
import time

import live
import wire
from wire import need

PATH, GUID = "/.well-known/sealwire/ws", b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


class WebSocket:
    """RFC 6455, the client's side."""

    def __init__(self, port, fields=""):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.buffer = b""
        key = base64.b64encode(os.urandom(16))
        head = f"GET {PATH} HTTP/1.1\r\nHost: outside.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sealwire.v1\r\n{fields}"
        self.socket.sendall(head.encode() + b"Sec-WebSocket-Key: " + key + b"\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.take(1)
        status, *lines = answer.decode().strip().split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        need(status.startswith("HTTP/1.1 101"), status)
        need(fields["sec-websocket-protocol"] == "sealwire.v1", "the subprotocol")
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        need(fields["sec-websocket-accept"] == accept, "the key's answer")

    def take(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            need(data, "more bytes")
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def send(self, data, opcode=BINARY):
        mask, length = os.urandom(4), len(data)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length)
        size = size if length < 65536 else b"\xff" + struct.pack(">Q", length)
        pad = (mask * (length // 4 + 1))[:length]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(length, "big")
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def frame(self):
        first, length = self.take(2)
        need(not length & 0x80, "a frame without a mask")
        if length >= 126:
            length = int.from_bytes(self.take(2 if length == 126 else 8), "big")
        return first & 0x80, first & 0x0F, self.take(length)

    def receive(self):
        """The next message; `None` where the other end closes well."""
        message = b""
        while True:
            last, opcode, data = self.frame()
            if opcode == PING:
                self.send(data, PONG)
            elif opcode == CLOSE:
                need(data[:2] == struct.pack(">H", 1000), f"closed with {data.hex()}")
                return None
            elif opcode != PONG:
                need(opcode == (BINARY if not message else 0), "a binary message")
                message += data
                if last:
                    return message


def talk_over(websocket):
    """Has the handshake's messages go over it."""

    def say(**what):
        what.pop("early", None)
        ((_, message),) = what.items()
        websocket.send(message)

    def hear(*names):
        answer = websocket.receive()
        return (answer, b"") if "early" in names else answer

    live.say, live.hear = say, hear


class Channel:
    """Records on the WebSocket."""

    def __init__(self, websocket, session, number):
        self.websocket = websocket
        suite, secrets, random = session.suite, session.secrets, os.urandom(32)
        mac = wire.header_mac(suite, secrets["request"], 2, session.session, number, random, b"")
        websocket.send(wire.message(8, _2=session.session, _3=number, _4=random, _5=mac))
        opened = wire.parse(9, websocket.receive())
        _, binder, ours, theirs = wire.channel_secrets(suite, secrets["channel"], number, random, opened[2])
        need(opened[3] == suite.mac(binder, mac)[:32], "the answer to this opening")
        self.ours, self.theirs = wire.Direction(suite, ours), wire.Direction(suite, theirs)
        self.data = b""

    def send(self, data):
        self.websocket.send(self.ours.seal(wire.DATA, data))

    def record(self):
        message = self.websocket.receive()
        need(message is not None, "a record")
        return self.theirs.open(message)

    def take(self, count):
        while len(self.data) < count:
            kind, data = self.record()
            need(kind != wire.CLOSE, "no end yet")
            self.data += data
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def update(self):
        self.websocket.send(self.ours.seal(wire.KEY_UPDATE))

    def close(self):
        self.websocket.send(self.ours.seal(wire.CLOSE))
        while self.record()[0] != wire.CLOSE:
            pass


# HTTP/2 (RFC 9113), as much of it as one request takes

DATA_FRAME, HEADERS, RESET, SETTINGS, PING_FRAME, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def http2(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def fields(*pairs):
    """Literals without indexing (RFC 7541 section 6.2.2)."""
    string = lambda text: bytes([len(text)]) + text.encode()
    return b"".join(b"\0" + string(name) + string(value) for name, value in pairs)


def post(channel, authority, content):
    """Gives what comes back."""
    head = fields((":method", "POST"), (":scheme", "https"), (":path", "/peer"), (":authority", authority))
    channel.send(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + http2(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 20))
        + http2(WINDOW, 0, 0, struct.pack(">I", 1 << 20))
        + http2(HEADERS, END_HEADERS, 1, head)
    )
    pieces = [content[at : at + 700] for at in range(0, len(content), 700)]
    for number, piece in enumerate(pieces):
        if number == 70:
            channel.update()
        channel.send(http2(DATA_FRAME, END_STREAM if number + 1 == len(pieces) else 0, 1, piece))
    came, ended = b"", False
    while not ended:
        head = channel.take(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        payload = channel.take(length)
        if kind == SETTINGS and not flags & ACK:
            channel.send(http2(SETTINGS, ACK, 0))
        elif kind == PING_FRAME and not flags & ACK:
            channel.send(http2(PING_FRAME, ACK, 0, payload))
        elif kind == HEADERS:
            need(payload[0] == 0x88, "status 200")
        elif kind == DATA_FRAME:
            came += payload
        need(kind not in (RESET, GOAWAY), "an answer")
        ended = kind in (HEADERS, DATA_FRAME) and flags & END_STREAM
    return came


def main(port, authority):
    websocket = WebSocket(port)
    talk_over(websocket)
    config = {
        "now": int(time.time() * 1000),
        "authority": authority,
        "groups": [wire.X25519MLKEM768],
        "aeads": [2],
        "schemes": [wire.ED25519_ML_DSA_65],
        "evidence": 0,
        "attests": False,
    }
    session = live.Client(config).handshake()
    channel = Channel(websocket, session, 0)
    content = os.urandom(80 * 700)
    need(post(channel, authority, content) == content, "the content")
    channel.close()
    need(websocket.receive() is None, "the end")

    another = WebSocket(port, f"Attest-Base-ID: {session.base_id.decode()}\r\n")
    close = session.secrets["close"]
    mac = wire.close_mac(session.suite, close, b"client", session.session)
    another.send(wire.message(10, _2=session.session, _3=mac))
    closed = wire.parse(11, another.receive())
    need(closed[2] == wire.close_mac(session.suite, close, b"server", session.session), "closed")
    need(another.receive() is None, "the end")
    print("done")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
