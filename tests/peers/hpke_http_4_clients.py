"""The clients of the published package hpke-http 4.0.1, against the server of whoever starts this.

    hpke_http_4_clients.py LIBRARY ORIGIN PATH CERTIFICATE PSK PSK_ID BYTES

LIBRARY is httpx or aiohttp, CERTIFICATE a file with what TLS trusts, BYTES how much is uploaded. What is asked of the
application is what tests/tests/hpke_http/app.rs answers. Fails where an answer is another.
"""

import asyncio
import ssl
import sys

from hpke_http.middleware.aiohttp import DiscoveredEndpoint as AiohttpEndpoint
from hpke_http.middleware.aiohttp import HPKEClientSession
from hpke_http.middleware.httpx import DiscoveredEndpoint as HttpxEndpoint
from hpke_http.middleware.httpx import HPKEAsyncClient
from hpke_http.transport import TransportError

library, origin, path, certificate, psk, psk_id, size = sys.argv[1:]
psk, psk_id, size = psk.encode(), psk_id.encode(), int(size)
tls = ssl.create_default_context(cafile=certificate)
patience = 300


class Httpx:
    def __init__(self, psk=psk, psk_id=psk_id):
        self.endpoint = HttpxEndpoint(origin + path, verify=tls, timeout=patience)
        self.client = HPKEAsyncClient(self.endpoint, psk, psk_id, timeout=patience)

    async def request(self, method, target, **options):
        answer = await self.client.request(method, origin + target, **options)
        return answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content

    def upload(self, content):
        return {"content": content}

    async def close(self):
        await self.client.aclose()
        await self.endpoint.aclose()


class Aiohttp:
    def __init__(self, psk=psk, psk_id=psk_id):
        import aiohttp

        self.endpoint = AiohttpEndpoint(
            origin + path,
            connector=aiohttp.TCPConnector(ssl=tls),
            timeout=aiohttp.ClientTimeout(total=patience),
        )
        self.client = HPKEClientSession(self.endpoint, psk, psk_id)

    async def request(self, method, target, **options):
        answer = await self.client.request(method, origin + target, **options)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status, headers, await answer.read()

    def upload(self, content):
        return {"data": content}

    async def close(self):
        await self.client.close()
        await self.endpoint.close()


def same(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"


async def parts(size):
    part = bytes(range(256)) * 256
    while size > 0:
        yield part[:size]
        size -= len(part)


async def main():
    kind = {"httpx": Httpx, "aiohttp": Aiohttp}[library]
    client = kind()
    status, headers, content = await client.request("POST", "/json", json={"a": [1, 2, {"b": None}]})
    same((status, headers["content-type"], content), (200, "application/json", b'{"a":[1,2,{"b":null}]}'))
    status, headers, content = await client.request("GET", "/json?x=1&y=%20")
    same((status, content), (200, b'{"query":"x=1&y=%20"}'))
    status, headers, content = await client.request("PUT", "/json", headers={"x-twice": "1"}, json=5)
    same((status, content), (200, b"5"))
    for method in ["DELETE", "OPTIONS", "PATCH"]:
        status, headers, content = await client.request(method, "/method")
        same((status, content), (200, method.encode()))
    status, headers, content = await client.request("HEAD", "/json")
    same((status, content), (200, b""))
    same(headers["content-type"], "application/json")
    status, headers, content = await client.request("GET", "/nothing")
    same((status, content), (204, b""))
    for number in [404, 418, 500, 503]:
        status, headers, content = await client.request("GET", f"/status/{number}")
        same((status, content), (number, f"says {number}".encode()))
    status, headers, content = await client.request("GET", "/no/such/route/at/the/gateway/../x"[:14])
    same(status, 404)
    # Compressible and not, in pieces of unknown number.
    status, headers, content = await client.request("POST", "/upload", **client.upload(parts(size)))
    same((status, content), (200, str(size).encode()))
    status, headers, content = await client.request("GET", "/download/1000000")
    same((status, len(content)), (200, 1000000))
    # What the wire cannot hold at once is refused outside (HH-62).
    try:
        await client.request("GET", f"/download/{(8 << 20) + 1}")
    except TransportError as error:
        same((error.code, error.status_code), ("outer_status", 502))
    else:
        raise AssertionError("a long answer came")
    blocks = []
    async with client.client.stream("GET", origin + "/events/100") as stream:
        same(getattr(stream, "status_code", None) or stream.status, 200)
        async for block in stream.iter_sse():
            blocks.append(block)
    same(blocks, [f"id: {n}\ndata: event {n}\n\n".encode() for n in range(100)])
    many = await asyncio.gather(*(client.request("POST", "/json", json=n) for n in range(64)))
    same([content for _, _, content in many], [str(n).encode() for n in range(64)])
    await client.close()

    # Another key, and an id that nobody has: the same answer.
    for wrong in [kind(psk=bytes(32)), kind(psk_id=b"nobody")]:
        try:
            await wrong.request("GET", "/json")
        except TransportError as error:
            same((error.code, error.status_code), ("outer_status", 400))
        else:
            raise AssertionError("a stranger was served")
        await wrong.close()
    print("done")


asyncio.run(main())
