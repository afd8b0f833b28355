"""One server that trusts the corpus' key, with its catalogue."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.platform.replay import Client, bound_by, serving_corpus
from tests.platform.tokens import Tokens


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    tokens = Tokens()
    with serving_corpus(tokens, tmp_path_factory.mktemp("platform")) as server:
        yield Client(server.address, tokens, partial(bound_by, server))
        assert "Traceback" not in (log := server.log.read_text()), log
