"""Computes everything in session.json again.

    python vectors.py session.json
    python vectors.py session.json altered

The second also alters each value of some sessions in turn, which have all that there is: none of them may pass. It shows
that everything is looked at.
"""

import copy
import hashlib
import json
import sys

import cbor
import slh_dsa
import wire
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa
from wire import CLIENT, SERVER, need

AUTHORITY = "app.example"
CHUNK = 300
ALTERED = {
    "defaults",
    "an attested caller with a new quote",
    "retry with another group",
    "resumption with key agreement",
}
KINDS = {
    "client hello": 1,
    "retry": 2,
    "hello again": 3,
    "server flight": 4,
    "server hello": 5,
    "client finish": 6,
    "finish answer": 7,
}


def equal(ours, theirs, what):
    if ours != theirs:
        raise AssertionError(f"{what}: we have {shown(ours)}, the vectors {shown(theirs)}")


def shown(value):
    """Signatures are long, and their beginning says enough."""
    text = repr(value)
    return text if len(text) <= 400 else text[:400] + "…"


class Session:
    def __init__(self, vectors, session):
        self.vectors, self.session = vectors, session
        self.messages = {message["name"]: bytes.fromhex(message["bytes"]) for message in session["messages"]}
        self.now = session["time"] // 1000
        self.suite = wire.Suite(session["aead"])
        self.known = {}
        for message in session["messages"]:
            name, data = message["name"], self.messages[message["name"]]
            from_client = name == "hello again" or name.startswith("client")
            equal(message["from"], "client" if from_client else "server", f"who says `{name}`")
            if name in KINDS:
                parsed = wire.parse(KINDS[name], data)
                equal(cbor.encode({0: wire.PROTOCOL, 1: KINDS[name], **parsed}), data, name)
                self.known[name] = parsed

    def check(self, finished):
        self.hellos(finished)
        self.shares()
        self.flight()
        if "client finish" in self.messages:
            self.client_finish()
        self.schedule.complete()
        self.compare()
        for request in self.session.get("requests", []):
            self.request(request)
        if "early data" in self.session:
            self.early_data()
        if "channel" in self.session:
            self.channel()
        for export in self.session.get("exports", []):
            self.export(export)
        self.close()

    def hellos(self, finished):
        hello, data = self.known["client hello"], self.messages["client hello"]
        equal(hello[3], AUTHORITY, "authority")
        psk = None
        if "resumes" in self.session:
            before = finished[self.session["resumes"]]
            psk = before.schedule.secrets["psk of the ticket"]
            equal(hello[20], before.ticket, "ticket")
            equal(hello[21], self.session["time"] - before.session["time"], "age")
            equal(hello[23], wire.binder(self.suite, psk, data), "binder")
        self.schedule = wire.Schedule(self.suite, psk)
        self.schedule.add(CLIENT, data)
        if psk:
            self.schedule.early_traffic()
        if "retry" in self.messages:
            retry, again = self.known["retry"], self.known["hello again"]
            equal(len(retry[2]), 16 + 8 + 16 + 32, "token")
            equal(retry[2][:16], self.known["server hello"][3][:16], "the instance of the token")
            equal(int.from_bytes(retry[2][16:24], "big"), self.session["time"] + 10_000, "expiry")
            equal((again[2], again[3]), (data, self.messages["retry"]), "what is said again")
            equal(3 in retry, 4 in again, "a share is sent where one was wanted")
            self.schedule.add(SERVER, self.messages["retry"])
            self.schedule.add(CLIENT, self.messages["hello again"])

    def shares(self):
        """The key agreement from both sides."""
        hello, server = self.known["client hello"], self.known["server hello"]
        given = self.session["client's shares"]
        shares = [
            wire.Share(own["group"], bytes.fromhex(own["scalar"]), bytes.fromhex(own.get("ml-kem seed", "")))
            for own in given
        ]
        said = [share for _, share in hello[5]] + [
            message[4] for name, message in self.known.items() if name == "hello again" and 4 in message
        ]
        equal([share.bytes for share in shares], said, "client's shares")
        equal(server.get(7), self.session["group"], "group")
        equal(server[4], self.session["aead"], "AEAD")
        need(server[4] in hello[6] and server.get(7) in [None, *hello[4]], "a choice that was offered")
        shared = None
        if 8 in server:
            own = self.session["server's share"]
            shared = shares[-1].complete(server[8])
            curve = wire.Curve(own["group"], bytes.fromhex(own["scalar"]))
            equal(wire.split(own["group"], server[8])[1], curve.point, "server's point")
            public, ml_kem = wire.split(own["group"], shares[-1].bytes)[0], b""
            if public:
                # FIPS 203 algorithm 17: the secret is the first half of G.
                randomness = bytes.fromhex(own["ml-kem randomness"])
                ml_kem = hashlib.sha3_512(randomness + hashlib.sha3_256(public).digest()).digest()[:32]
            theirs = curve.agree(shares[-1].curve.point)
            equal(wire.join(own["group"], ml_kem, theirs), shared, "secret of the server")
        equal(server[5], 0 if "resumes" not in self.session else 1 if 8 in server else 2, "resumed")
        self.schedule.add(SERVER, self.messages["server hello"])
        self.schedule.agree(shared)

    def document(self, who, role, authority, scheme):
        published = bytes.fromhex(self.vectors[who]["published"])
        data, document = wire.document_of(published, role, authority, self.now)
        equal(data, bytes.fromhex(self.vectors[who]["document"]), "document")
        keys = {key[1]: key[4] for key in document[7]}
        signer = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.vectors[who]["ed25519 seed"]))
        equal(keys["session-ed25519"], signer.public_key().public_bytes_raw(), "Ed25519 key")
        ml_dsa = mldsa.MLDSA65PrivateKey.from_seed_bytes(bytes.fromhex(self.vectors[who]["ml-dsa-65 seed"]))
        equal(keys["session-ml-dsa-65"], ml_dsa.public_key().public_bytes_raw(), "ML-DSA key")
        if scheme == wire.SLH_DSA:
            # SK.seed, SK.prf, PK.seed (FIPS 205 section 9.1); takes a while
            seeds = bytes.fromhex(self.vectors[who]["slh-dsa-sha2-192f seeds"])
            slh_dsa_key = slh_dsa.public_key(seeds[:24], seeds[48:])
            equal(keys["session-slh-dsa-sha2-192f"], slh_dsa_key, "SLH-DSA key")
        return published, document, hashlib.sha384(data).digest(), signer

    def quote(self, credential, role, transcript):
        if 2 in credential:
            wire.bound_to(credential[2], "handshake", role, transcript + credential[0])

    def flight(self):
        hello = self.known["client hello"]
        server, aad = self.known["server flight"], self.schedule.transcript()
        equal(server[2], self.messages["server hello"], "server hello")
        opened = cbor.decode(self.schedule.open("server", 0, aad, server[3]))
        named = [self.messages[name] for name in ("server credential", "server proof", "server Finished")]
        # Where the client has to authenticate itself first, the ticket comes in the answer to that.
        named.append(b"" if "client finish" in self.messages else self.messages.get("ticket", b""))
        equal(opened, named, "what is sealed in the flight")
        equal(self.schedule.seal("server", 0, aad, cbor.encode(opened)), server[3], "flight")
        credential, proof, finished, ticket = opened
        published, document, digest, signer = self.document("gateway", "gateway", AUTHORITY, self.session["scheme"])
        fields = wire.fields(cbor.decode(credential), wire.SERVER_CREDENTIAL, {1, 2})
        self.asked = fields[4]
        resumed = "resumes" in self.session
        equal(fields[0], digest, "hash of the document")
        equal(fields.get(1), None if resumed or hello.get(10) == digest else published, "published form")
        equal(2 in fields, hello[8] == 1 and not resumed, "a quote where one was asked for")
        self.quote(fields, "gateway", aad)
        self.schedule.add(SERVER, credential)
        scheme = None
        if resumed:
            equal(proof, b"", "proof")
        else:
            scheme = self.proof(proof, b"server", hello[7], document, signer)
        equal(scheme, self.session["scheme"], "scheme")
        self.schedule.add(SERVER, proof)
        equal(finished, self.schedule.finished("server"), "server Finished")
        self.schedule.add(SERVER, finished)
        need(not ticket or not self.asked, "no ticket before the client has authenticated itself")
        self.take_ticket(ticket)

    def proof(self, proof, role, offered, document, signer):
        transcript = self.schedule.transcript()
        scheme = wire.verify_proof(proof, role, offered, document, self.now, transcript)
        if scheme != wire.SLH_DSA:
            # Ed25519 has no randomness, so it can be made again.
            equal(cbor.decode(proof)[1][0], signer.sign(wire.signed(role, scheme, transcript)), "Ed25519")
        return scheme

    def take_ticket(self, ticket):
        if ticket:
            lifetime, self.ticket = cbor.decode(ticket)
            equal(lifetime, 86_400, "lifetime of the ticket")

    def client_finish(self):
        need(self.asked, "no authentication that was not asked for")
        finish, aad = self.known["client finish"], self.schedule.transcript()
        equal(finish[2], self.known["server hello"][3], "session id")
        opened = cbor.decode(self.schedule.open("client", 0, aad, finish[3]))
        named = ["client credential", "client proof", "client Finished"]
        equal(opened, [self.messages[name] for name in named], "what is sealed in the finish")
        equal(self.schedule.seal("client", 0, aad, cbor.encode(opened)), finish[3], "client finish")
        credential, proof, finished = opened
        fields = wire.fields(cbor.decode(credential), wire.CLIENT_CREDENTIAL, {0, 1, 2})
        self.schedule.add(CLIENT, credential)
        if fields:
            published, document, digest, signer = self.document("caller", "client", None, wire.ED25519_ML_DSA_65)
            equal((fields[0], fields[1]), (digest, published), "client's document")
            self.quote(fields, "client", aad)
            self.proof(proof, b"client", [1], document, signer)
        else:
            need(self.asked == 1, "only where it is wanted")
            equal(proof, b"", "client proof")
        self.schedule.add(CLIENT, proof)
        equal(finished, self.schedule.finished("client"), "client Finished")
        self.schedule.add(CLIENT, finished)
        aad, answer = self.schedule.transcript(), self.known["finish answer"][2]
        opened = cbor.decode(self.schedule.open("server", 1, aad, answer))
        equal(opened, [0, self.messages.get("ticket", b"")], "what is sealed in the answer")
        equal(self.schedule.seal("server", 1, aad, cbor.encode(opened)), answer, "finish answer")
        self.take_ticket(opened[1])

    def compare(self):
        """Transcripts, secrets and keys: ours are all that there are."""
        theirs = [
            bytes.fromhex(message["transcript"]) for message in self.session["messages"] if "transcript" in message
        ]
        equal(self.schedule.transcripts, theirs, "transcript")
        equal(
            {name: secret.hex() for name, secret in self.schedule.secrets.items()},
            self.session["secrets"],
            "secrets",
        )
        keys, secrets = {}, dict(self.schedule.secrets)
        if "early data" in self.session:
            secrets["early answer"] = self.suite.derive(secrets["request"], "early answer")
        for name in ("early traffic", "client handshake", "server handshake", "early answer"):
            if name in secrets:
                key, iv = self.suite.key_iv(secrets[name])
                finished = self.suite.finished_key(secrets[name])
                keys[name] = {"key": key.hex(), "iv": iv.hex(), "finished key": finished.hex()}
        if "binder key" in secrets:
            keys["binder key"] = {"finished key": self.suite.finished_key(secrets["binder key"]).hex()}
        equal(keys, self.session["keys"], "keys")

    def chunks(self, key, iv, body, pieces, step):
        """Opens, holds the framing against the specification, and seals the same again."""
        plain = wire.open_chunks(self.suite, key, iv, body)
        data = [wire.data_of(chunk) for chunk in plain]
        equal(b"".join(data), b"".join(pieces), "data")
        for chunk, part in zip(plain, data):
            # As much of the padding as the longest chunk has room for.
            equal(chunk, wire.pad(part, step)[:CHUNK], "padding")
        equal(wire.seal_chunks(self.suite, key, iv, plain), body, "chunks")

    def request(self, request):
        session, secret = self.known["server hello"][3], self.schedule.secrets["request"]
        mode, number, random = request["mode"], request["number"], bytes.fromhex(request["random"])
        list_ = b""
        if mode == 1:
            list_ = wire.listed("POST", AUTHORITY, "/v1/ask", "model=small", request["listed fields"])
        mac = wire.header_mac(self.suite, secret, mode, session, number, random, list_)
        ticket = number.to_bytes(8, "big") + random + mac
        key, iv = wire.request_keys(self.suite, secret, ticket)
        answer = request["answer"]
        answer_random = bytes.fromhex(answer["random"])
        answer_key, answer_iv = wire.answer_keys(self.suite, secret, ticket, answer_random)
        answer_mac = wire.answer_mac(self.suite, secret, ticket, answer_random)
        contents = [bytes.fromhex(part) for part in request["contents"]]
        headers = [(b"content-type", b"text/plain")]
        asked = wire.request(b"POST", AUTHORITY.encode(), b"/v1/ask?model=small", headers, contents)
        answered = wire.response(200, [bytes.fromhex(answer["content"])])
        hexes = lambda pieces: [piece.hex() for piece in pieces]
        ours = {
            **request,
            "key": key.hex(),
            "iv": iv.hex(),
            "attest-base-id": f'"{session.hex()}"',
            "attest-ticket": wire.byte_sequence(ticket).decode(),
            "data": hexes(asked),
            "answer": {
                **answer,
                "key": answer_key.hex(),
                "iv": answer_iv.hex(),
                "attest-binder": wire.byte_sequence(answer_random + answer_mac).decode(),
                "data": hexes(answered),
            },
        }
        equal(ours, request, "request")
        self.chunks(key, iv, bytes.fromhex(request["body"]), asked, request["padding"])
        self.chunks(answer_key, answer_iv, bytes.fromhex(answer["body"]), answered, request["padding"])

    def early_data(self):
        early, hello = self.session["early data"], self.messages["client hello"]
        equal((self.known["client hello"][11], self.known["server hello"][6]), (1, 1), "early data")
        secrets = self.schedule.secrets
        answer = self.suite.derive(secrets["request"], "early answer")
        for name, data, secret, before in (
            ("body", "data", secrets["early traffic"], hello),
            ("answer body", "answer data", answer, self.messages["server flight"]),
        ):
            body, start = bytes.fromhex(early[name]), len(before).to_bytes(4, "big") + before
            equal(body[: len(start)], start, "what stands before early data")
            key, iv = self.suite.key_iv(secret)
            self.chunks(key, iv, body[len(start) :], list(map(bytes.fromhex, early[data])), early["padding"])

    def channel(self):
        given, suite, session = self.session["channel"], self.suite, self.known["server hello"][3]
        number, client, server = (
            given["number"],
            bytes.fromhex(given["random"]),
            bytes.fromhex(given["answer's random"]),
        )
        secrets = self.schedule.secrets
        mac = wire.header_mac(suite, secrets["request"], 2, session, number, client, b"")
        cs, binder, *sides = wire.channel_secrets(suite, secrets["channel"], number, client, server)
        ours = {
            **given,
            "open": wire.message(8, _2=session, _3=number, _4=client, _5=mac).hex(),
            "opened": wire.message(9, _2=server, _3=suite.mac(binder, mac)[:32]).hex(),
            "cs": cs.hex(),
            "binder key": binder.hex(),
        }
        for name, secret in zip(("client", "server"), sides):
            opening, sealing = wire.Direction(suite, secret), wire.Direction(suite, secret)
            keys = {"secret": secret.hex(), "key": opening.key.hex(), "iv": opening.iv.hex()}
            records = [bytes.fromhex(record) for record in given[name]["records"]]
            plain = [opening.open(record) for record in records]
            equal([sealing.seal(*part) for part in plain], records, "records")
            equal([kind for kind, _ in plain if kind != wire.KEY_UPDATE][-1], wire.CLOSE, "the last record")
            data = [data.hex() for kind, data in plain if kind == wire.DATA]
            ours[name] = {**given[name], **keys, "data": data}
        equal(ours, given, "channel")

    def export(self, export):
        output = bytes.fromhex(export["output"])
        secret = self.schedule.secrets["exporter"]
        ours = wire.export(self.suite, secret, export["label"], bytes.fromhex(export["context"]), len(output))
        equal(ours, output, "export")

    def close(self):
        session, secret = self.known["server hello"][3], self.schedule.secrets["close"]
        mac = wire.close_mac(self.suite, secret, b"client", session)
        answer = wire.close_mac(self.suite, secret, b"server", session)
        ours = {"close": wire.message(10, _2=session, _3=mac).hex(), "closed": wire.message(11, _2=answer).hex()}
        equal(ours, self.session["close"], "close")


def leaves(value, path=()):
    """Every value that is no object or list, by its path."""
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def alter(session, path):
    """Changes a value, in a digit that counts: the first of a scalar or of an ML-KEM seed does."""
    *outer, last = path
    for key in outer:
        session = session[key]
    value = session[last]
    if isinstance(value, int):
        session[last] = value + 7
    elif isinstance(value, str) and value:
        session[last] = ("1" if value[0] == "0" else "0") + value[1:]
    else:
        session[last] = "0"


def check_altered(vectors, given, finished):
    count = 0
    for path, _ in leaves(given):
        # The name says nothing, and the time only what a retry or a ticket rests on.
        if path in (("name",), ("time",)):
            continue
        altered = copy.deepcopy(given)
        alter(altered, path)
        try:
            Session(vectors, altered).check(finished)
        except Exception:
            count += 1
        else:
            raise SystemExit(f"session `{given['name']}`: altered, and nobody saw it: {path}")
    return count


def main(path, *altered):
    with open(path) as file:
        vectors = json.load(file)
    finished, count = {}, 0
    for given in vectors["sessions"]:
        session = Session(vectors, given)
        try:
            session.check(finished)
        except Exception as error:
            raise SystemExit(f"session `{given['name']}`: {error.__class__.__name__}: {error}") from error
        if altered and given["name"] in ALTERED:
            count += check_altered(vectors, given, finished)
        finished[given["name"]] = session
    print(f"{len(finished)} sessions, {count} altered values")


if __name__ == "__main__":
    main(*sys.argv[1:])
