#!/usr/bin/env python3
"""A worker for `collide` jobs in pure Python. The server cannot tell it from one in TypeScript.

Usage: GRIDLIKE_WORKER_TOKEN=... worker.py --url ws://HOST:PORT/api/worker/collide [--name NAME]
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "classic-worker-python"))

from gridlike_worker import Refused, default_id, print_log, run_worker  # noqa: E402
from reach import collide, load_scene  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--name", default="python")
    parser.add_argument("--scene", default=str(here / "scene.json"))
    arguments = parser.parse_args()
    token = os.environ.get("GRIDLIKE_WORKER_TOKEN", "")
    if not token:
        parser.error("set GRIDLIKE_WORKER_TOKEN to the server's worker token")
    scene = load_scene(arguments.scene)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())

    def work(payload: bytes, progress) -> bytes:
        return collide(payload, scene)

    who = (token, arguments.name, f"{default_id()}-{arguments.name}")
    try:
        run_worker(arguments.url, *who, work, stop=stop, log=print_log)
    except Refused as problem:
        print_log(str(problem))
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
