"""How fast the studio answers many people at once, and with many items.

    python -m labeling.bench --items 100000 --refiners 50 --operations 200 [--pause 1] [--db URL]

Fills a new project with made-up items, then lets the refiners take, save, search, page, skip, undo and look at their
progress, one thread each, while a second process exports the project again and again and a third reads the newest
revision as a training does. The figures are milliseconds as a refiner waits for them. Without `--pause` nobody ever
thinks: then 50 refiners measure the throughput of the machine, not the time that people wait.
"""

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from core import cli
from core.errors import InputError
from db import log, queries
from db.engine import session_scope
from db.models import SHARED
from labeling.load import SIZE, Refiner, fill, keep_exporting, keep_training
from labeling.studio import Studio


def run(
    studio: Studio, project: int, refiners: int, operations: int, pause: float, context: Any = None
) -> dict[str, Any]:
    """Let them work. Returns percentiles, conflicts, errors and the number of acknowledged saves that are missing.

    Args:
        context: of `multiprocessing`, for the exporter and the trainer; `multiprocessing.dummy` makes them threads.
    """
    people = [Refiner(studio, f"refiner{number}", project, number) for number in range(refiners)]
    errors: list[str] = []

    def work(person: Refiner) -> None:
        try:
            person.work(operations, pause)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    context, url = context or multiprocessing.get_context("spawn"), studio.engine.url.render_as_string(False)
    with tempfile.TemporaryDirectory() as folder:
        stop, out = context.Event(), Path(folder)
        readers = [
            context.Process(target=keep_exporting, args=(url, studio.images.folder, out, project, stop)),
            context.Process(target=keep_training, args=(out, stop)),
        ]
        for reader in readers:
            reader.start()
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - start
        stop.set()
        for reader in readers:
            reader.join()
        errors += [f"a reader ended with {reader.exitcode}" for reader in readers if reader.exitcode]
        revisions = len(list(out.glob("v*/manifest.json")))
    return {
        "seconds": seconds,
        "operations": sum(len(person.times) for person in people),
        "errors": errors,
        "refused": sum(person.conflicts for person in people),
        "saves": sum(len(person.kept) for person in people),
        "lost": lost(studio, people),
        "revisions": revisions,
        "ms": percentiles([timed for person in people for timed in person.times]),
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
        if min(args.items, args.refiners, args.operations) < 1 or args.pause < 0:
            raise InputError("--items, --refiners and --operations are 1 or more, --pause is 0 or more")
        with tempfile.TemporaryDirectory() as folder:
            url = args.db or f"sqlite:///{folder}/studio.db"
            studio = Studio(url, Path(folder) / "store", lambda data, name: SIZE)
            if studio.progress().total:
                raise InputError("this database holds items already: give an empty one")
            project = studio.projects()[0].id
            seconds = fill(studio, args.items, project)
            print(f"{args.items} items written in {seconds:.0f} s")
            result = run(studio, project, args.refiners, args.operations, args.pause) | {"import_seconds": seconds}
            studio.engine.dispose()
        print(
            f"{result['operations']} operations in {result['seconds']:.0f} s, {result['saves']} saves acknowledged, "
            f"{result['lost']} lost, {result['refused']} refused as stale, {len(result['errors'])} errors, "
            f"{result['revisions']} revisions exported meanwhile"
        )
        for what, figures in result["ms"].items():
            print(f"{what:10} n {figures['n']:6}   p50 {figures['p50']:7.1f} ms   p95 {figures['p95']:7.1f} ms")
        return result

    cli.run(parser, command)


if __name__ == "__main__":
    main()
