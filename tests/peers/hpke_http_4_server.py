"""The published FastAPI middleware of hpke-http 4.x in front of a small application. Its port is the first line of output.

Arguments: private key (hex), key id, PSK id, PSK (hex).
"""

import asyncio
import hashlib
import socket
import sys

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from hpke_http.middleware.fastapi import HPKEMiddleware

app = FastAPI()
go = asyncio.Event()


@app.post("/json")
async def json(request: Request):
    return {
        "got": await request.json(),
        "query": request.url.query,
        "path": request.scope["raw_path"].decode(),
        "host": request.headers["host"],
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
        yield b"event: one\r\ndata: 1\r\n\r\n"
        await go.wait()
        go.clear()
        yield b"data: 2\n\ndata: 3"
        yield b"\n\n: unfinished"

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.post("/go")
async def release():
    go.set()
    return Response(status_code=204)


@app.api_route("/document", methods=["GET", "HEAD"])
async def document():
    return Response(b"x" * 1000, media_type="text/plain", headers={"x-kept": "yes"})


@app.get("/teapot")
async def teapot():
    return JSONResponse({"error": "short and stout"}, status_code=418)


@app.get("/bytes/{count}")
async def some(count: int):
    return Response(bytes(count), media_type="application/octet-stream")


@app.get("/coded")
async def coded():
    return Response(b"x", headers={"content-encoding": "gzip"})


@app.get("/broken")
async def broken():
    async def stream():
        yield b"data: 1\n\n"
        raise RuntimeError("the application breaks off")

    return StreamingResponse(stream(), media_type="text/event-stream")


def main() -> None:
    private_key, key_id, psk_id, psk = sys.argv[1:5]
    known = {psk_id.encode(): bytes.fromhex(psk)}
    seen: set[bytes] = set()

    def admit(replay_id: bytes, deadline: int, scope) -> bool:
        is_new = replay_id not in seen
        seen.add(replay_id)
        return is_new

    protected = HPKEMiddleware(
        app,
        bytes.fromhex(private_key),
        key_id.encode(),
        lambda psk_id, scope: known[psk_id],
        admit,
        transport_path="/protected",
        key_use_for_s=300,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(protected, loop="uvloop", http="httptools", log_level="critical")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
