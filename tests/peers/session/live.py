"""A live end of a session, with randomness of its own.

    python live.py client|server

It talks to the other end in lines of JSON on standard input and output, where strings are hexadecimal digits. The first
line says what to offer. What is wrong with the other end ends it.
"""

import hashlib
import json
import os
import sys

import cbor
import wire
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa
from wire import CLIENT, SERVER, need

QUESTION = [(b"content-type", b"text/plain")]


def say(**what):
    lines = {name: value.hex() if isinstance(value, bytes) else value for name, value in what.items()}
    print(json.dumps(lines), flush=True)


def hear(*names):
    heard = json.loads(sys.stdin.readline())
    values = [bytes.fromhex(heard[name]) for name in names]
    return values[0] if len(values) == 1 else values


class Identity:
    """Keys, and the document of them; the other end has its evidence made, since the hardware is there."""

    def __init__(self, role, authorities, now):
        self.ed25519 = ed25519.Ed25519PrivateKey.generate()
        self.ml_dsa = mldsa.MLDSA65PrivateKey.generate()
        self.instance = os.urandom(16)
        key = lambda purpose, public: {0: b"\1", 1: purpose, 2: now, 3: now + 3600, 4: public}
        keys = [
            key("session-ed25519", self.ed25519.public_key().public_bytes_raw()),
            key("session-ml-dsa-65", self.ml_dsa.public_key().public_bytes_raw()),
        ]
        self.document = cbor.encode(
            {
                0: wire.PROTOCOL,
                1: self.instance,
                2: 1,
                3: now,
                4: now + 3600,
                5: role,
                6: authorities,
                7: keys,
                8: ["session"],
                9: {},
                10: {},
                11: bytes(48),
            }
        )
        self.hash = hashlib.sha384(self.document).digest()
        say(document=self.document)
        self.published = hear("published")

    def prove(self, scheme, role, schedule):
        return wire.prove(scheme, role, schedule.transcript(), self.ed25519, self.ml_dsa)


class Established:
    """What both ends have after the handshake."""

    def __init__(self, schedule, session):
        self.suite, self.secrets, self.session = schedule.suite, schedule.secrets, session
        self.base_id = f'"{session.hex()}"'.encode()


class Client:
    def __init__(self, config):
        self.config, self.now = config, config["now"]
        self.authority = config["authority"]
        self.identity = Identity("client", [], self.now // 1000) if config["attests"] else None

    def handshake(self, ticket=None):
        config, offer = self.config, wire.Share(self.config["groups"][0])
        share = [offer.group, offer.bytes]
        parts = {
            "_2": os.urandom(32),
            "_3": self.authority,
            "_4": config["groups"],
            "_5": [share],
            "_6": config["aeads"],
            "_7": config["schemes"],
            "_8": config["evidence"],
            "_9": int(config["attests"]),
        }
        if ticket:
            suite, psk, ticket = ticket
            parts |= {"_11": 1, "_20": ticket, "_21": 0, "_22": 0, "_23": bytes(suite.hash_len)}
        hello = wire.message(1, **parts)
        early = b""
        if ticket:
            hello = hello[: -suite.hash_len] + wire.binder(suite, psk, hello)
            before = wire.Schedule(suite, psk)
            before.add(CLIENT, hello)
            data = wire.request(b"GET", self.authority.encode(), b"/early", [], [])
            pieces = [wire.pad(b"".join(data), 256)]
            early = wire.seal_chunks(suite, *suite.key_iv(before.early_traffic()), pieces)
        say(hello=hello, early=early)
        said = [(CLIENT, hello)]
        answer, early = hear("answer", "early")
        if cbor.decode(answer)[1] == 2:
            retry = wire.parse(2, answer)
            wanted = retry.get(3)
            need(wanted is None or wanted in config["groups"][1:], "a retry for a group that was offered")
            offer = wire.Share(wanted) if wanted else offer
            again = wire.message(3, _2=hello, _3=answer, _4=offer.bytes if wanted else None)
            said += [(SERVER, answer), (CLIENT, again)]
            say(hello=again, early=b"")
            answer, early = hear("answer", "early")
        return self.flight(hello, said, answer, offer, ticket and psk, early)

    def flight(self, hello, said, flight, offer, psk, early):
        hello, flight = wire.parse(1, hello), wire.parse(4, flight)
        server = wire.parse(5, flight[2])
        need(server[4] in hello[6] and server.get(7, offer.group) == offer.group, "choices that were offered")
        need(bool(server[5]) == bool(psk), "a resumption")
        schedule = wire.Schedule(wire.Suite(server[4]), psk)
        for direction, data in [*said, (SERVER, flight[2])]:
            schedule.add(direction, data)
        schedule.agree(offer.complete(server[8]))
        after_hello = schedule.transcript()
        credential, proof, finished, ticket = cbor.decode(schedule.open("server", 0, after_hello, flight[3]))
        shown = wire.fields(cbor.decode(credential), wire.SERVER_CREDENTIAL, {1, 2})
        schedule.add(SERVER, credential)
        if psk:
            need(proof == b"" and shown[0] == self.document, "the document that the ticket rests on")
        else:
            data, document = wire.document_of(shown[1], "gateway", self.authority, self.now // 1000)
            need(shown[0] == hashlib.sha384(data).digest(), "the hash of the document")
            if self.config["evidence"]:
                wire.bound_to(shown[2], "handshake", "gateway", after_hello + shown[0])
            wire.verify_proof(proof, b"server", hello[7], document, self.now // 1000, schedule.transcript())
            self.document = shown[0]
        schedule.add(SERVER, proof)
        need(finished == schedule.finished("server"), "Finished")
        schedule.add(SERVER, finished)
        if shown[4]:
            ticket = self.authenticate(schedule, server[3], shown[4])
        schedule.complete()
        session = Established(schedule, server[3])
        session.ticket = (schedule.suite, schedule.secrets["psk of the ticket"], cbor.decode(ticket)[1])
        if early:
            need(server[6] == 1, "early data that were accepted")
            secret = schedule.suite.derive(schedule.secrets["request"], "early answer")
            chunks = wire.open_chunks(schedule.suite, *schedule.suite.key_iv(secret), early)
            answer = b"".join(map(wire.data_of, chunks))
            need(answer == b"".join(wire.response(200, [b"as early"])), "the answer to early data")
        return session

    def authenticate(self, schedule, session, asked):
        need(self.identity or asked == 1, "something to show")
        aad = schedule.transcript()
        credential = cbor.encode({0: self.identity.hash, 1: self.identity.published} if self.identity else {})
        schedule.add(CLIENT, credential)
        proof = self.identity.prove(wire.ED25519_ML_DSA_65, b"client", schedule) if self.identity else b""
        schedule.add(CLIENT, proof)
        finished = schedule.finished("client")
        schedule.add(CLIENT, finished)
        sealed = schedule.seal("client", 0, aad, cbor.encode([credential, proof, finished]))
        say(finish=wire.message(6, _2=session, _3=sealed))
        answer = wire.parse(7, hear("answer"))
        code, ticket = cbor.decode(schedule.open("server", 1, schedule.transcript(), answer[2]))
        need(code == 0, "to be accepted")
        return ticket

    def ask(self, session, number, mode):
        """One request with content that nobody knows, and the answer to it."""
        suite, secrets, random, content = session.suite, session.secrets, os.urandom(32), os.urandom(500)
        fields = [["x-tenant", "blue"]] if mode else []
        list_ = wire.listed("POST", self.authority, "/v1/ask", "model=small", fields) if mode else b""
        request = secrets["request"]
        mac = wire.header_mac(suite, request, mode, session.session, number, random, list_)
        ticket = number.to_bytes(8, "big") + random + mac
        key, iv = wire.request_keys(suite, request, ticket)
        authority = self.authority.encode()
        pieces = wire.request(b"POST", authority, b"/v1/ask?model=small", QUESTION, [content[:100], content[100:]])
        body = wire.seal_chunks(suite, key, iv, [wire.pad(piece, 256) for piece in pieces])
        say(mode=mode, base_id=session.base_id, ticket=wire.byte_sequence(ticket), body=body)
        field, body = hear("binder", "body")
        binder = wire.from_byte_sequence(field)
        key, iv = wire.answer_keys(suite, request, ticket, binder[:32])
        need(binder[32:] == wire.answer_mac(suite, request, ticket, binder[:32]), "the answer to this request")
        answer = b"".join(map(wire.data_of, wire.open_chunks(suite, key, iv, body)))
        need(answer == b"".join(wire.response(200, [content[::-1]])), "the content, backwards")

    def channel(self, session, number):
        """A channel on which every record comes back, with key updates by both sides."""
        suite, secrets, random = session.suite, session.secrets, os.urandom(32)
        mac = wire.header_mac(suite, secrets["request"], 2, session.session, number, random, b"")
        say(open=wire.message(8, _2=session.session, _3=number, _4=random, _5=mac))
        opened = wire.parse(9, hear("opened"))
        _, binder, ours, theirs = wire.channel_secrets(suite, secrets["channel"], number, random, opened[2])
        need(opened[3] == suite.mac(binder, mac)[:32], "the answer to this opening")
        ours, theirs, updates = wire.Direction(suite, ours), wire.Direction(suite, theirs), 0
        for size in range(1, 150):
            if ours.number == 64:
                say(record=ours.seal(wire.KEY_UPDATE))
            data = os.urandom(size * size)
            say(record=ours.seal(wire.DATA, data))
            kind, answer = theirs.open(hear("record"))
            if kind == wire.KEY_UPDATE:
                updates += 1
                kind, answer = theirs.open(hear("record"))
            need((kind, answer) == (wire.DATA, data), "what was said")
        need(updates == 2, "key updates")
        say(record=ours.seal(wire.CLOSE))
        need(theirs.open(hear("record"))[0] == wire.CLOSE, "close")


def client():
    peer = Client(json.loads(sys.stdin.readline()))
    session = peer.handshake()
    peer.ask(session, 5, 0)
    peer.channel(session, 6)
    peer.ask(session, 1, 1)
    say(export=wire.export(session.suite, session.secrets["exporter"], "test", b"context", 40))
    close = session.secrets["close"]
    say(close=wire.message(10, _2=session.session, _3=wire.close_mac(session.suite, close, b"client", session.session)))
    closed = wire.parse(11, hear("closed"))
    need(closed[2] == wire.close_mac(session.suite, close, b"server", session.session), "closed")
    if not peer.identity:
        peer.ask(peer.handshake(session.ticket), 1, 0)
    say(done=True)


class Server:
    def __init__(self, config):
        self.config, self.now = config, config["now"] // 1000
        self.identity, self.tickets = Identity("gateway", [config["authority"]], self.now), {}

    def handshake(self):
        data, early = hear("hello", "early")
        hello = wire.parse(1, data)
        need(hello[3] == self.config["authority"], "an authority that is served")
        aead, psk = next(aead for aead in self.config["aeads"] if aead in hello[6]), None
        if 20 in hello:
            aead, psk = self.tickets.pop(hello[20])
        suite = wire.Suite(aead)
        need(psk is None or hello[23] == wire.binder(suite, psk, data), "binder")
        schedule = wire.Schedule(suite, psk)
        schedule.add(CLIENT, data)
        if early:
            chunks = wire.open_chunks(suite, *suite.key_iv(schedule.early_traffic()), early)
            early = b"".join(map(wire.data_of, chunks))
        group, share = hello[5][0]
        own, shared = wire.respond(group, share)
        session = self.identity.instance + os.urandom(16)
        server = wire.message(
            5, _2=os.urandom(32), _3=session, _4=aead, _5=int(psk is not None), _6=int(bool(early)), _7=group, _8=own
        )
        schedule.add(SERVER, server)
        schedule.agree(shared)
        aad = schedule.transcript()
        credential = {
            0: self.identity.hash,
            3: {0: 3600, 1: 600, 2: 1000, 3: 64, 4: 1 << 20},
            4: self.config["asks"],
        }
        if psk is None and hello.get(10) != self.identity.hash:
            credential[1] = self.identity.published
        if psk is None and hello[8]:
            say(bound=aad + self.identity.hash)
            credential[2] = hear("quote")
        credential = cbor.encode(credential)
        schedule.add(SERVER, credential)
        scheme = next(scheme for scheme in self.config["schemes"] if scheme in hello[7])
        proof = b"" if psk else self.identity.prove(scheme, b"server", schedule)
        schedule.add(SERVER, proof)
        finished = schedule.finished("server")
        schedule.add(SERVER, finished)
        at, handle = schedule.transcript(), os.urandom(40)
        ticket = cbor.encode([3600, handle])
        parts = [credential, proof, finished, b"" if self.config["asks"] else ticket]
        flight = wire.message(4, _2=server, _3=schedule.seal("server", 0, aad, cbor.encode(parts)))
        if self.config["asks"]:
            say(flight=flight, early=b"")
            self.authenticated(schedule, session, at, ticket)
            schedule.complete()
        else:
            schedule.complete()
            answer = b""
            if early:
                secret = suite.derive(schedule.secrets["request"], "early answer")
                pieces = [wire.pad(piece, 256) for piece in wire.response(200, [early])]
                answer = wire.seal_chunks(suite, *suite.key_iv(secret), pieces)
            say(flight=flight, early=answer)
        self.tickets[handle] = aead, schedule.secrets["psk of the ticket"]
        return Established(schedule, session)

    def authenticated(self, schedule, session, aad, ticket):
        finish = wire.parse(6, hear("finish"))
        need(finish[2] == session, "the session")
        credential, proof, finished = cbor.decode(schedule.open("client", 0, aad, finish[3]))
        shown = wire.fields(cbor.decode(credential), wire.CLIENT_CREDENTIAL, {0, 1, 2})
        schedule.add(CLIENT, credential)
        need(shown or self.config["asks"] == 1, "something that is shown")
        if shown:
            data, document = wire.document_of(shown[1], "client", None, self.now)
            need(shown[0] == hashlib.sha384(data).digest(), "the hash of the document")
            wire.verify_proof(proof, b"client", [1], document, self.now, schedule.transcript())
        schedule.add(CLIENT, proof)
        need(finished == schedule.finished("client"), "Finished")
        schedule.add(CLIENT, finished)
        sealed = schedule.seal("server", 1, schedule.transcript(), cbor.encode([0, ticket]))
        say(answer=wire.message(7, _2=sealed))

    def answer(self, session):
        """One request in hidden mode; the answer is its content backwards."""
        suite, request = session.suite, session.secrets["request"]
        base_id, field, body = hear("base_id", "ticket", "body")
        need(base_id == session.base_id, "the session")
        ticket = wire.from_byte_sequence(field)
        number, random = int.from_bytes(ticket[:8], "big"), ticket[8:40]
        need(ticket[40:] == wire.header_mac(suite, request, 0, session.session, number, random, b""), "header MAC")
        key, iv = wire.request_keys(suite, request, ticket)
        content = b"".join(map(wire.data_of, wire.open_chunks(suite, key, iv, body)))
        random = os.urandom(32)
        key, iv = wire.answer_keys(suite, request, ticket, random)
        pieces = [wire.pad(content[::-1], 0), wire.pad(b"", 64)]
        binder = wire.byte_sequence(random + wire.answer_mac(suite, request, ticket, random))
        say(binder=binder, body=wire.seal_chunks(suite, key, iv, pieces))


def server():
    peer = Server(json.loads(sys.stdin.readline()))
    session = peer.handshake()
    peer.answer(session)
    say(export=wire.export(session.suite, session.secrets["exporter"], "test", b"context", 40))
    close, suite = wire.parse(10, hear("close")), session.suite
    mac = lambda side: wire.close_mac(suite, session.secrets["close"], side, session.session)
    need(close[2] == session.session and close[3] == mac(b"client"), "close")
    say(closed=wire.message(11, _2=mac(b"server")))
    if not peer.config["asks"]:
        # It may be told to accept early data of a client that it asks to authenticate itself, which is wrong.
        peer.config["asks"] = peer.config.get("asks later", 0)
        peer.answer(peer.handshake())
    say(done=True)


if __name__ == "__main__":
    {"client": client, "server": server}[sys.argv[1]]()
