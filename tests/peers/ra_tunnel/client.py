"""A client, which tells what it sees as JSON, one object a line.

Arguments: URL of the control WebSocket; what to do: `exchange` or `sockets` or `again`.
"""

import asyncio
import json
import sys

import websockets
from wire import PublicKey, SealedBox, Sealed, b64, base64, dumps, loads, os, report_data

# Where a report of SEV-SNP, which the development machine makes, and a TDX quote of version 4 carry their report data.
REPORT_DATA = {"snp": slice(0x50, 0x90), "tdx": slice(48 + 520, 48 + 584)}


class Tunnel:
    def __init__(self, socket, sealed):
        self.socket, self.sealed = socket, sealed

    @classmethod
    async def open(cls, url):
        socket = await websockets.connect(url)
        first = loads(await socket.recv())
        assert first["type"] == "server_kx" and first["runtime_data"] is None, first
        key = base64.b64decode(first["x25519PublicKey"])
        data = loads(base64.b64decode(first["verifier_data"]))
        quote = base64.b64decode(first["quote"])
        found = quote[REPORT_DATA["snp"]]
        assert found == report_data(data["val"], data["iat"], key), "the quote is not over this key"
        symmetric = os.urandom(32)
        sealed = SealedBox(PublicKey(key)).encrypt(symmetric)
        await socket.send(dumps({"type": "client_kx", "sealedSymmetricKey": b64(sealed)}))
        return cls(socket, Sealed(symmetric))

    async def send(self, **message):
        await self.socket.send(self.sealed.seal(message))

    async def receive(self):
        return self.sealed.open(await self.socket.recv())


def tell(**said):
    print(json.dumps(said), flush=True)


def shown(message):
    body = message.get("body")
    if isinstance(body, bytes):
        body = {"hex": body.hex()}
    return {"status": message["status"], "text": message["statusText"], "body": body, "headers": message["headers"]}


async def request(tunnel, method, url, body=None, headers=None, ident="r1"):
    await tunnel.send(type="http_request", requestId=ident, method=method, url=url, headers=headers or {}, body=body)
    answer = await tunnel.receive()
    assert answer["type"] == "http_response" and answer["requestId"] == ident, answer
    return shown(answer)


async def exchange(url):
    tunnel = await Tunnel.open(url)
    tell(get=await request(tunnel, "GET", "/text"))
    sent = json.dumps({"model": "m", "ü": 1})
    tell(post=await request(tunnel, "POST", "http://other.example/echo?a=1&a=2", sent, {"Content-Type": "application/json"}))
    tell(missing=await request(tunnel, "GET", "/missing"))
    tell(binary=await request(tunnel, "GET", "/binary"))
    tell(empty=await request(tunnel, "GET", "/empty"))
    # Several at once, whose answers come in any order.
    for number in range(5):
        await tunnel.send(type="http_request", requestId=f"m{number}", method="GET", url=f"/text?{number}", headers={})
    answers = [await tunnel.receive() for _ in range(5)]
    tell(many=sorted(answer["requestId"] for answer in answers))
    await tunnel.socket.close()


async def sockets(url):
    tunnel = await Tunnel.open(url)
    names = ["ws_1", "ws_2", "ws_3"]
    for name in names:
        await tunnel.send(type="ws_connect", connectionId=name, url="ws://ignored/socket", protocols=["chat"])
    opened = [await tunnel.receive() for _ in names]
    assert all(event["type"] == "ws_event" and event["eventType"] == "open" for event in opened), opened
    for name in names:
        await tunnel.send(type="ws_message", connectionId=name, data="hello " + name, dataType="string")
        await tunnel.send(type="ws_message", connectionId=name, data=b"\x00\x80\xffabc", dataType="arraybuffer")
    said = [await tunnel.receive() for _ in names * 2]
    for name in names:
        mine = [(m["data"], m["dataType"]) for m in said if m["connectionId"] == name]
        assert mine == [("hello " + name, "string"), (b"\x00\x80\xffabc", "arraybuffer")], mine
    await tunnel.send(type="ws_message", connectionId="ws_2", data="close", dataType="string")
    closed = await tunnel.receive()
    tell(closed={key: closed[key] for key in ("connectionId", "eventType", "code", "reason")})
    await tunnel.send(type="ws_close", connectionId="ws_1", code=1000, reason="bye")
    closed = await tunnel.receive()
    tell(closed={key: closed[key] for key in ("connectionId", "eventType", "code")})
    await tunnel.send(type="ws_message", connectionId="ws_3", data="still", dataType="string")
    tell(still=(await tunnel.receive())["data"])
    await tunnel.socket.close()


async def again(url):
    for number in range(3):
        tunnel = await Tunnel.open(url)
        answer = await request(tunnel, "GET", f"/text?{number}", ident="the same")
        tell(again=answer["status"])
        await tunnel.socket.close()


asyncio.run({"exchange": exchange, "sockets": sockets, "again": again}[sys.argv[2]](sys.argv[1]))
