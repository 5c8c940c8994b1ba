"""A server, with a key and a quote that it is given. Its port is the first line of output.

Arguments: private key (hex), file of the quote, val (hex, or - for no verifier_data), iat (hex); and what it does badly:
`twice` shows server_kx again behind the handshake, `old` leaves out all but key and quote, `drop` ends after one answer.
"""

import asyncio
import sys

import websockets
from wire import PrivateKey, SealedBox, Sealed, b64, base64, dumps, loads

key = PrivateKey(bytes.fromhex(sys.argv[1]))
quote = open(sys.argv[2], "rb").read()
val, iat = (None, None) if sys.argv[3] == "-" else (bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4]))
badly = sys.argv[5] if len(sys.argv) > 5 else ""


def server_kx():
    message = {"type": "server_kx", "x25519PublicKey": b64(bytes(key.public_key)), "quote": b64(quote)}
    if badly != "old":
        message["runtime_data"] = None
        message["verifier_data"] = b64(dumps({"val": val, "iat": iat})) if val is not None else None
    return dumps(message)


def answered(request):
    path = request["url"].split("?")[0]
    answer = {"type": "http_response", "requestId": request["requestId"], "status": 200, "statusText": "OK", "headers": {}}
    if path == "/text":
        return {**answer, "headers": {"content-type": "text/plain"}, "body": "hello " + request["url"]}
    if path == "/echo":
        kind = request["headers"].get("content-type", "text/plain")
        return {**answer, "headers": {"content-type": kind, "x-method": request["method"]}, "body": request["body"]}
    if path == "/binary":
        return {**answer, "body": b"\x00\x80\xff"}
    if path == "/empty":
        return {**answer, "status": 204, "statusText": "No Content"}
    if path == "/cookies":
        return {**answer, "headers": {"set-cookie": "a=1, b=2"}, "body": ""}
    if path == "/fails":
        return {**answer, "status": 500, "error": "something inner", "body": ""}
    return {**answer, "status": 404, "statusText": "Not Found", "body": "nothing here"}


async def serve(socket):
    await socket.send(server_kx())
    first = loads(await socket.recv())
    symmetric = SealedBox(key).decrypt(base64.b64decode(first["sealedSymmetricKey"]))
    sealed = Sealed(symmetric)
    if badly == "twice":
        await socket.send(server_kx())
    async for data in socket:
        message = sealed.open(data)
        kind = message["type"]
        if kind == "http_request":
            await socket.send(sealed.seal(answered(message)))
            # What nobody asked for, and what only a client sends, is dropped.
            await socket.send(sealed.seal({"type": "http_response", "requestId": "nobody's", "status": 200}))
            await socket.send(sealed.seal(message))
            # So is what the client has sent itself.
            await socket.send(data)
            if badly == "drop":
                return
        elif kind == "ws_connect":
            ident = message["connectionId"]
            event = {"type": "ws_event", "connectionId": ident, "eventType": "open"}
            if not message["url"].endswith("/socket"):
                event.update(eventType="error", error="no such place")
            await socket.send(sealed.seal(event))
        elif kind == "ws_message":
            if message["data"] == "close":
                event = {"type": "ws_event", "connectionId": message["connectionId"], "eventType": "close"}
                await socket.send(sealed.seal({**event, "code": 4123, "reason": "as you said"}))
            else:
                await socket.send(sealed.seal(message))


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0, max_size=16 << 20) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
