"""The published FastAPI middleware of hpke-http 1.x in front of a small application. Its port is the first line of output.

Arguments: private key (hex), PSK id, PSK (hex), whether answers are compressed (`compress` or nothing).
"""

import asyncio
import hashlib
import socket
import sys

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from hpke_http.constants import KemId
from hpke_http.middleware.fastapi import HPKEMiddleware

app = FastAPI()
go = asyncio.Event()


@app.post("/json")
async def json(request: Request):
    return {
        "got": await request.json(),
        "query": request.url.query,
        "tenant": request.scope["hpke_psk_id"].decode(),
        "sealed": "hpke_context" in request.scope,
        "fields": dict(request.headers),
    }


@app.post("/count")
async def count(request: Request):
    length, digest = 0, hashlib.sha256()
    async for part in request.stream():
        length += len(part)
        digest.update(part)
    return {"length": length, "sha256": digest.hexdigest()}


@app.get("/events")
async def events():
    async def stream():
        yield b"event: one\ndata: 1\n\n"
        await go.wait()
        go.clear()
        yield b"data: 2" + b" two" * 100 + b"\n\ndata: 3"
        yield b"\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.get("/unfinished")
async def unfinished():
    async def stream():
        yield b"data: 1\n\ndata: 2"

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.post("/go")
async def release():
    go.set()
    return Response(status_code=204)


@app.api_route("/document", methods=["GET", "HEAD"])
async def document():
    return Response(b"some text, " * 20_000, media_type="text/plain", headers={"x-kept": "yes"})


@app.get("/half")
async def half():
    # As much of a document as an attacker leaves who cuts it at the end of a chunk.
    return Response(b'{"list": [1, 2', media_type="application/json")


@app.get("/teapot")
async def teapot():
    return JSONResponse({"error": "short and stout"}, status_code=418)


def main() -> None:
    private_key, psk_id, psk = sys.argv[1:4]
    known = {psk_id.encode(): bytes.fromhex(psk)}

    async def resolve(scope) -> tuple[bytes, bytes]:
        named = scope["hpke_psk_id"]
        return known[named], named

    protected = HPKEMiddleware(
        app,
        {KemId.DHKEM_X25519_HKDF_SHA256: bytes.fromhex(private_key)},
        resolve,
        compress=sys.argv[4:] == ["compress"],
        require_encryption=True,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(protected, loop="uvloop", http="httptools", log_level="critical")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
