"""How fast the studio answers many people at once, and with many items.

    python -m labeling.bench --items 100000 --refiners 50 --operations 200 [--db URL]

Fills a new project with items of made-up captions, then lets the refiners take, save, search, page, skip, undo and look
at their progress, one thread each and without pausing, while one reader walks over all items again and again as an
export or a training does. The figures are milliseconds as a refiner waits for them.
"""

import argparse
import hashlib
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from core import cli
from core.errors import InputError
from db import log, queries
from db.engine import session_scope
from db.find import Filter
from db.models import SHARED
from labeling.importing import CHUNK
from labeling.items import Conflict, Taken
from labeling.studio import Studio
from labeling.workplace import SYSTEM

WORDS = ("ship", "drone", "bird", "cloud", "horizon", "wave", "road", "roof", "small", "bright", "faint", "cold", "sea")


def fill(studio: Studio, items: int, project: int) -> float:
    """Write made-up items into the database, as an import does, without image files. Returns seconds."""
    random, start = Random(0), time.perf_counter()

    def row(number: int) -> queries.NewRow:
        sha256 = hashlib.sha256(f"{project} {number}".encode()).hexdigest()
        columns = {"sha256": sha256, "name": f"image {number}.png", "source": "bench", "licence": "CC0"}
        caption = " ".join(random.choices(WORDS, k=8)) + f" number{number}"
        mask = {"size": [640, 512], "runs": [random.randrange(640 * 500), 3]}
        drafts = {"caption_global": caption, "mask": mask}
        return columns | {"group": "", "width": 640, "height": 512}, 0, f"import-{sha256[:32]}", drafts

    for first in range(0, items, CHUNK):
        with studio.workplace.writes(SYSTEM, "owner") as session:
            rows = [row(number) for number in range(first, min(items, first + CHUNK))]
            queries.add_items(session, project, studio.workplace.clock(), SYSTEM, rows)
    return time.perf_counter() - start


class Refiner:
    """One person at work; `times` gets (what, seconds), `kept` the text of every acknowledged save."""

    def __init__(self, studio: Studio, name: str, project: int, seed: int, times: list[tuple[str, float]]):
        self.studio, self.name, self.project, self.times = studio, name, project, times
        self.random = Random(seed)
        self.kept: dict[str, tuple[int, str]] = {}  # key -> (item, caption)
        self.conflicts = 0

    def work(self, operations: int, pause: float) -> None:
        """So many operations, with a random pause of `pause` seconds on average between two."""
        choices = [self.take_and_save] * 5 + [self.search, self.page, self.progress, self.correct, self.undo]
        done = 0
        while done < operations:
            before = len(self.times)
            self.random.choice(choices)()
            done += len(self.times) - before
            if pause:
                time.sleep(self.random.expovariate(1 / pause))

    def take_and_save(self) -> None:
        """The usual round: the next item, a sign of life, a save."""
        view = self._timed("next item", lambda: self.studio.next_item(self.name, self.project))
        if view is not None:
            self._save(view.id, view.version)

    def correct(self) -> None:
        """Change an item that anybody may be changing at the same moment."""
        item = self.random.choice(list(self.kept.values()) or [(1, "")])[0]
        view = self._timed("open", lambda: self.studio.open(self.name, item))
        self._save(view.id, view.version)

    def search(self) -> None:
        """Two words."""
        words = " ".join(self.random.sample(WORDS, 2))
        self._timed("search", lambda: self.studio.find(Filter(text=words), self.project))

    def page(self) -> None:
        """Any page of the list of drafts."""
        offset = 25 * self.random.randrange(40)
        wanted = Filter(states=("draft",))
        self._timed("page", lambda: self.studio.find(wanted, self.project, offset))

    def progress(self) -> None:
        """The figures above the desk."""
        self._timed("progress", lambda: self.studio.progress(self.project))

    def undo(self) -> None:
        """The last save, if nobody has changed the item since."""
        try:
            self._timed("undo", lambda: self.studio.undo(self.name))
        except InputError:
            self.conflicts += 1

    def _save(self, item: int, version: int) -> None:
        key, caption = uuid.uuid4().hex, f"{' '.join(self.random.choices(WORDS, k=8))} by {self.name}"
        try:
            self._timed("save", lambda: self.studio.save(self.name, item, version, {"caption_global": caption}, key))
            self.kept[key] = item, caption
        except (Conflict, Taken):
            self.conflicts += 1

    def _timed(self, what: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        try:
            return call()
        finally:
            self.times.append((what, time.perf_counter() - start))


def run(studio: Studio, project: int, refiners: int, operations: int, pause: float) -> dict[str, Any]:
    """Let them work. Returns percentiles, conflicts, errors and the number of acknowledged saves that are missing."""
    times: list[list[tuple[str, float]]] = [[] for _ in range(refiners)]
    people = [Refiner(studio, f"refiner{number}", project, number, times[number]) for number in range(refiners)]
    errors: list[str] = []
    stop = threading.Event()

    def guarded(call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")

    def read() -> None:
        while not stop.is_set():
            with session_scope(studio.engine) as session:
                for _ in queries.all_items(session, project):
                    if stop.wait(0.002):  # an exporter writes images between two rows
                        return

    reader = threading.Thread(target=guarded, args=(read,))
    threads = [threading.Thread(target=guarded, args=(lambda p=p: p.work(operations, pause),)) for p in people]
    start = time.perf_counter()
    for thread in [reader, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    stop.set()
    reader.join()
    return {
        "seconds": seconds,
        "operations": sum(map(len, times)),
        "errors": errors,
        "refused": sum(person.conflicts for person in people),
        "saves": sum(len(person.kept) for person in people),
        "lost": lost(studio, people),
        "ms": percentiles([timed for mine in times for timed in mine]),
    }


def lost(studio: Studio, people: list[Refiner]) -> int:
    """Acknowledged saves that are not in the log, and items whose projection is not what their log leads to."""
    missing = 0
    with session_scope(studio.engine) as session:
        for person in people:
            for key, (item, caption) in person.kept.items():
                saved = log.events_with_key(session, key)
                missing += not any(event.item_id == item and event.payload == caption for event in saved)
        for item in {item for person in people for item, _ in person.kept.values()}:
            row = queries.get_item(session, item)
            version, documents = log.replay(log.events_of(session, item))
            assert row is not None
            held = row.current.version, row.current.state, row.current.fields
            missing += held != (version, log.state_of(documents), documents[SHARED][1])
    return missing


def percentiles(times: list[tuple[str, float]]) -> dict[str, dict[str, float]]:
    """what -> n, p50 and p95 in milliseconds."""
    by: dict[str, list[float]] = defaultdict(list)
    for what, seconds in times:
        by[what].append(1000 * seconds)
    return {
        what: {"n": len(found), "p50": float(np.percentile(found, 50)), "p95": float(np.percentile(found, 95))}
        for what, found in sorted(by.items())
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m labeling.bench", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--db", metavar="URL", help="an empty database (default: a new SQLite file)")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--refiners", type=int, default=50)
    parser.add_argument("--operations", type=int, default=200, help="of each refiner")
    parser.add_argument("--pause", type=float, default=0.0, help="mean seconds between two operations of one refiner")

    def command(args: argparse.Namespace) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            url = args.db or f"sqlite:///{folder}/studio.db"
            studio = Studio(url, Path(folder) / "store", lambda data, name: (640, 512))
            project = studio.projects()[0].id
            seconds = fill(studio, args.items, project)
            print(f"{args.items} items written in {seconds:.0f} s")
            result = run(studio, project, args.refiners, args.operations, args.pause) | {"import_seconds": seconds}
            studio.engine.dispose()
        print(
            f"{result['operations']} operations in {result['seconds']:.0f} s, {result['saves']} saves acknowledged, "
            f"{result['lost']} lost, {result['refused']} refused as stale, {len(result['errors'])} errors"
        )
        for what, figures in result["ms"].items():
            print(f"{what:10} n {figures['n']:6}   p50 {figures['p50']:7.1f} ms   p95 {figures['p95']:7.1f} ms")
        return result

    cli.run(parser, command)


if __name__ == "__main__":
    main()
