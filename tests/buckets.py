"""A server that speaks S3, on this machine, which can be away for a while."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto.server import ThreadedMotoServer

HOST = "127.0.0.1"
URL = "s3://studio/versions"


class Buckets:
    def __init__(self) -> None:
        self.start()

    def start(self, port: int = 0) -> None:
        self.server = ThreadedMotoServer(ip_address=HOST, port=port, verbose=False)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]

    def leave(self) -> None:
        self.server.stop()

    def come_back(self) -> None:
        self.start(self.port)

    def create(self, name: str = "") -> str:
        """The URL of versions in a new, empty bucket; of any name, if it matters to nobody."""
        name = name or f"studio-{uuid.uuid4().hex}"
        address = f"http://{HOST}:{self.port}/{name}"
        urllib.request.urlopen(urllib.request.Request(address, method="PUT")).close()
        return f"s3://{name}/versions"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://{HOST}:{self.port}",
            "AWS_ACCESS_KEY_ID": "ada",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def serving() -> Iterator[Buckets]:
    """An empty bucket, and an environment in which it is found."""
    buckets = Buckets()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in buckets.environment.items():
            patch.setenv(name, value)
        # Such servers of one process have what they hold in common.
        reset = f"{buckets.environment['AWS_ENDPOINT_URL']}/moto-api/reset"
        urllib.request.urlopen(urllib.request.Request(reset, method="POST")).close()
        assert buckets.create("studio") == URL
        yield buckets
    buckets.server.stop()
