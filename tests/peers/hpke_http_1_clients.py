"""The clients of the published package hpke-http 1.6.1, against the server of whoever starts this.

    hpke_http_1_clients.py LIBRARY ORIGIN PSK PSK_ID BYTES

LIBRARY is httpx or aiohttp, BYTES how much is uploaded. What is asked of the application is what
tests/tests/hpke_http/app.rs answers. Fails where an answer is another.
"""

import asyncio
import sys

library, origin, psk, psk_id, size = sys.argv[1:]
psk, psk_id, size = psk.encode(), psk_id.encode(), int(size)


def same(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"


class Httpx:
    def __init__(self, **options):
        from hpke_http.middleware.httpx import HPKEAsyncClient

        self.client = HPKEAsyncClient(origin, psk, options.pop("psk_id", psk_id), timeout=300, **options)

    async def post(self, path, **options):
        answer = await self.client.post(path, **options)
        return answer.status_code, answer.content


class Aiohttp:
    def __init__(self, **options):
        from hpke_http.middleware.aiohttp import HPKEClientSession

        self.client = HPKEClientSession(origin, psk, options.pop("psk_id", psk_id), **options)

    async def post(self, path, **options):
        if "content" in options:
            options["data"] = options.pop("content")
        answer = await self.client.post(path, **options)
        return answer.status, await answer.read()


async def main():
    kind = {"httpx": Httpx, "aiohttp": Aiohttp}[library]
    for options in [{}, {"compress": True}]:
        made = kind(require_encryption=True, **options)
        async with made.client as client:
            same(await made.post("/json", json={"a": [1, 2]}), (200, b'{"a":[1,2]}'))
            text = " ".join(str(number) for number in range(30000))
            same(await made.post("/json", json={"text": text}), (200, f'{{"text":"{text}"}}'.encode()))
            content = bytes(range(256)) * 256
            same(await made.post("/upload", content=content), (200, str(len(content)).encode()))
            status, _ = await made.post("/status/418", json=1)
            same(status, 418)
            answer = await client.post("/events/50", json=1)
            events = b"".join([chunk async for chunk in client.iter_sse(answer)])
            same(events, b"".join(f"id: {n}\r\ndata: event {n}\r\n\r\n".encode() for n in range(50)))
    made = kind(require_encryption=True)
    async with made.client:
        same(await made.post("/upload", content=b"\x07" * size), (200, str(size).encode()))
    # An id that nobody has.
    made = kind(psk_id=b"nobody")
    async with made.client:
        status, _ = await made.post("/json", json=1)
        same(status, 401)
    # Nothing proves a request without a body.
    made = kind()
    async with made.client as client:
        answer = await client.get("/json")
        same(getattr(answer, "status_code", None) or answer.status, 426)
    print("done")


asyncio.run(main())
