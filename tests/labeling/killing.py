"""Kills a studio at work, again and again: python -m tests.labeling.killing --kills 200 --seed 0

Each round a fresh process opens the database left by the killed one, and four threads save without pause; every save is
acknowledged to this process through a pipe. After a random time it gets SIGKILL. Then SQLite must find the file whole
and every save that was ever acknowledged must be in it. Prints one JSON object.
"""

import argparse
import json
import os
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random

from labeling.studio import Studio
from tests.labeling.conftest import new, open_studio

WRITERS = 4


def work(folder: Path, acknowledged: int, round_number: int) -> None:
    """In the child: save for ever."""
    studio = open_studio(folder)
    threads = [threading.Thread(target=save, args=(studio, acknowledged, w, round_number)) for w in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def save(studio: Studio, acknowledged: int, writer: int, round_number: int) -> None:
    """Save one item over and over; tell the parent after each save that returned."""
    item, number = writer + 1, 0
    while True:
        key, version = f"r{round_number:04d}-w{writer}-{number:06d}", studio.item(item).version
        studio.save(f"writer{writer}", item, version, {"caption_fine": key}, key)
        os.write(acknowledged, f"{key}\n".encode())  # one short write to a pipe is whole or not at all
        number += 1


def kill_once(folder: Path, round_number: int, wait: float) -> list[str]:
    """The keys that a process acknowledged before it was killed, `wait` seconds after its first one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            work(folder, writing, round_number)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        first = pipe.readline()
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
        rest = pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"round {round_number}: the studio ended by itself, status {status}")
    return (first + rest).decode().split()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random, known, whole = Random(args.seed), set[str](), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        studio = open_studio(folder)
        studio.import_items(new(seed) for seed in range(WRITERS))
        studio.engine.dispose()
        for round_number in range(args.kills):
            known |= set(kill_once(folder, round_number, random.uniform(0, 0.15)))
            with closing(sqlite3.connect(folder / "studio.db")) as database:
                whole += database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                logged = {row[0] for row in database.execute("SELECT key FROM refinement_event")}
            if known - logged:
                break
    print(json.dumps({"kills": round_number + 1, "whole": whole, "saves": len(known), "lost": len(known - logged)}))
    sys.exit(bool(known - logged) or whole != round_number + 1)


if __name__ == "__main__":
    main()
