"""The bare application of the cold start: FastAPI, uvicorn and python-jose, imported and ready."""

from fastapi import FastAPI
from jose import jwt  # noqa: F401 - as an application of the kind that ours is imports it too
from pydantic import BaseModel


class Start(BaseModel):
    data: dict[str, str]


app = FastAPI()


@app.post("/{path:path}")
async def echo(path: str, start: Start) -> Start:
    return start
