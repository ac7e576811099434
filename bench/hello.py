"""The least that a service of ours could be: what `bench.service` compares with.

`python -m bench.hello APP PORT`, APP being `fastapi` or `starlette`. It runs on the same server
with the same settings; what remains is what the Authentication Service itself adds.
"""

import sys

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def fastapi() -> FastAPI:
    app = FastAPI()

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    return app


def starlette() -> Starlette:
    async def hello(_: Request) -> JSONResponse:
        return JSONResponse({"hello": "world"})

    return Starlette(routes=[Route("/hello", hello)])


if __name__ == "__main__":
    uvicorn.run(
        {"fastapi": fastapi, "starlette": starlette}[sys.argv[1]](),
        port=int(sys.argv[2]),
        log_level="error",
        access_log=False,
        server_header=False,
        loop="uvloop",
        http="httptools",
    )
