"""A minimal service, for the comparison in `bench.service`: `python -m bench.hello APP PORT`.

`APP` is `fastapi` or `starlette`. It runs on the same HTTP server with the same settings, so the
difference is the work of the Authentication Service.
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
