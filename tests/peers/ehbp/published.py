"""The published client of EHBP against a server that a test started.

    published.py URL

Says each step on standard output; waits for a line on standard input where the test has something to do.
"""

import asyncio
import json
import sys

import httpx
from ehbp import (
    AsyncEHBPTransport,
    Client,
    EHBPTransport,
    KeyConfigMismatchError,
    ServerIdentity,
    SessionRecoveryToken,
)
from ehbp.protocol import ENCAPSULATED_KEY_HEADER, KEYS_PATH, RESPONSE_NONCE_HEADER


def discovered(url):
    """A client with the key that the server shows, patient enough for a machine that is busy."""
    return Client.discover(url, http_client=httpx.Client(timeout=120))


def step(name):
    """Says that the script is here, and waits until the test has done its part."""
    print(name, flush=True)
    sys.stdin.readline()


def whole(client):
    question = {"prompt": "what is sealed?", "n": [1, 2, 3], "text": "ä€𝄞"}
    answer = client.post("/echo", json_body=question)
    assert answer.status_code == 200, answer.status_code
    assert answer.json() == question
    assert RESPONSE_NONCE_HEADER in answer.headers

    # The package seals a body as one frame, so this is the longest that a server with the default limit takes.
    long = bytes(range(256)) * 4096
    assert client.post("/echo", body=long).content == long
    for method in ["PUT", "DELETE", "PATCH", "GET"]:
        assert client.request(method, "/echo", body=b"with content").content == b"with content", method


def statuses(client):
    for status in [400, 404, 418, 500, 503]:
        answer = client.post(f"/status/{status}", body=b"x")
        assert answer.status_code == status
        assert answer.content == f"the application says {status}".encode()
        assert RESPONSE_NONCE_HEADER in answer.headers, "an error is sealed, too"
    empty = client.post("/status/204", body=b"x")
    assert empty.status_code == 204 and empty.content == b""

    # Not one of the paths that take sealed content, and the answer is sealed nevertheless.
    refused = client.post("/elsewhere", body=b"x")
    assert refused.status_code == 403 and b"Sealed content is not taken here" in refused.content
    assert RESPONSE_NONCE_HEADER in refused.headers
    # The package sends what has no content in clear.
    plain = client.get("/echo")
    assert plain.status_code == 426 and RESPONSE_NONCE_HEADER not in plain.headers


def events(client, url):
    """Each event is read before the application is told to send the next one."""
    with client.stream("POST", "/events", json_body={"stream": True}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        chunks = iter(answer)
        seen = b""
        for number in range(3):
            while not seen.endswith(f"data: {number}\n\n".encode()):
                seen += next(chunks)
            with discovered(url) as other:
                assert other.post("/next", body=b"go on").status_code == 200
        for chunk in chunks:
            seen += chunk
    assert seen == b"".join(f"data: {number}\n\n".encode() for number in range(3)) + b"data: [DONE]\n\n"


def transports(identity, url):
    with httpx.Client(transport=EHBPTransport(identity), timeout=120) as http:
        answer = http.post(f"{url}/echo", json={"a": 1})
        assert answer.json() == {"a": 1}
        assert http.post(f"{url}/status/418", content=b"x").text == "the application says 418"

    async def several():
        async with httpx.AsyncClient(transport=AsyncEHBPTransport(identity), timeout=120) as http:
            answers = await asyncio.gather(*(http.post(f"{url}/echo", json={"n": n}) for n in range(8)))
            assert [answer.json()["n"] for answer in answers] == list(range(8))

    asyncio.run(several())


def recovery(identity, url):
    """An answer that is stored as it came, and read with the token alone; the test reads it, too."""
    sealed = identity.encrypt_request_body(b"for later")
    answer = httpx.post(
        f"{url}/echo",
        content=iter([sealed.body]),
        headers={ENCAPSULATED_KEY_HEADER: sealed.encapsulated_key.hex()},
        timeout=120,
    )
    assert answer.status_code == 200
    nonce = answer.headers[RESPONSE_NONCE_HEADER]
    token = SessionRecoveryToken.from_json(sealed.token.to_json())
    assert token.decrypt_response_body(bytes.fromhex(nonce), answer.content) == b"for later"
    print(json.dumps({"token": sealed.token.to_json(), "nonce": nonce, "body": answer.content.hex()}), flush=True)


def main(url):
    with discovered(url) as client:
        identity = client.server_identity
        print(identity.public_key_hex(), flush=True)
        whole(client)
        statuses(client)
        events(client, url)
        transports(identity, url)
        recovery(identity, url)
        step("rotate once")
        whole(client)
        step("rotate again")
        try:
            client.post("/echo", body=b"to a key that is gone")
        except KeyConfigMismatchError:
            pass
        else:
            raise AssertionError("a key that is gone was taken")
    with discovered(url) as client:
        assert client.server_identity.public_key_hex() != identity.public_key_hex()
        whole(client)
    foreign = ServerIdentity.from_public_key_hex("09" + "00" * 31)
    with Client(url, foreign, http_client=httpx.Client(timeout=120)) as client:
        try:
            client.post("/echo", body=b"x")
        except KeyConfigMismatchError:
            pass
        else:
            raise AssertionError("a foreign key was taken")
    assert httpx.get(url + KEYS_PATH, headers={"accept": "application/ohttp-keys"}, timeout=120).status_code == 200
    print("done", flush=True)


main(sys.argv[1])
