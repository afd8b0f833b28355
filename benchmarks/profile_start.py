"""Where the time of a start goes: cProfile's shares of the server's busy time, over 20,000 starts with one token."""

import json
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from soak import read

from tests.support import Server, raw_start

PARTS = {
    "reading HTTP": ("protocol.py", "data_received"),
    "the token": ("verifier.py", "verify"),
    "reading the body": ("messages.py", "body"),
    "checking the body": ("body.py", "check_request"),
    "the execution's record": ("sandbox.py", "start"),
    "the answer": ("wire.py", "start_response"),
    "the journal and its event": ("sandbox.py", "record"),
    "sending": ("cycle.py", "send"),
}
WHOLE = [("protocol.py", "data_received"), ("cycle.py", "run")]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ready, stats = folder / "ready.json", folder / "stats"
        command = [sys.executable, "-m", "cProfile", "-o", str(stats), "-m", "workflow_mock", "serve", "--port", "0"]
        command += ["--log-level", "warning", "--ready-file", str(ready)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True) as process:
            while not ready.exists():
                time.sleep(0.01)
            server = Server(process, json.loads(ready.read_text()), folder / "log")
            token = server.token()
            with server.connect() as connection:
                for _ in range(20_000):
                    read(connection, raw_start(token), 1)
            server.stop()
        found: dict[tuple[str, str], float] = {}
        for (file, _, function), figures in pstats.Stats(str(stats)).stats.items():  # type: ignore[attr-defined]
            key = Path(file).name, function
            found[key] = found.get(key, 0) + figures[3]  # cumulative
    whole = sum(found[part] for part in WHOLE)
    shares = {name: found[part] / whole for name, part in PARTS.items()}
    for name, share in shares.items():
        print(f"{share:4.0%}  {name}")
    print(f"{1 - sum(shares.values()):4.0%}  the ways between them")


if __name__ == "__main__":
    main()
