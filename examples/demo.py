"""`make demo`: a server of its own, a token, a start of an execution, and the end."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from first_request import WORKFLOW, get_token, start_execution


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready.json")
        command = [sys.executable, "-m", "workflow_mock", "serve", "--port", "0", "--quiet", "--ready-file", str(ready)]
        print("1. Start a server on a free port: workflow-mock serve --port 0 --ready-file ready.json")
        process = subprocess.Popen(command)
        try:
            while not ready.exists():
                if process.poll() is not None:
                    sys.exit("the server did not start; it says why above")
                time.sleep(0.02)
            place = json.loads(ready.read_text())
            print(f"   it is ready at {place['url']}\n")
            print(f"2. Get a token as client demo / demo-secret: POST {place['tokenUrl']}")
            token = get_token(place["url"])
            print(f"   {token[:40]}… ({len(token)} characters)\n")
            customer = str(uuid4())
            print(f"3. Start the workflow {WORKFLOW} for the customer {customer}")
            execution = start_execution(place["url"], token, customer, WORKFLOW)
            print(json.dumps(execution, indent=2))
            print("\nThat is all of it. `make run` keeps a server running for you.")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
