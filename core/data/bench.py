"""`python -m core.data.bench`: records a second and memory of the build, on a set repeated under other ids.

Every record's image is decoded and looked at again each time; nothing is kept from one repetition to the next.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from core.cli import run
from core.data.build import build
from core.data.readers import read_all
from core.data.records import Record


def repeated(records: list[Record]) -> Iterator[Record]:
    """The records again and again, each time under other ids and in other groups."""
    for turn in count():
        for record in records:
            yield replace(record, id=f"{record.id}@{turn}", group=f"{record.group}@{turn}")


def measure(data: Path, number: int, num_proc: int) -> dict[str, Any]:
    """Build `number` records into a folder that is thrown away; memory is that of the largest process."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        build(data, Path(out), num_proc=num_proc, records=islice(repeated(read_all(data)), number))
        seconds = time.perf_counter() - start
    used = [resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "records": number, "seconds": round(seconds, 1), "records_per_second": round(number / seconds),
        "cpu_seconds": round(sum(each.ru_utime + each.ru_stime for each in used), 1),
        "peak_megabytes": round(max(each.ru_maxrss for each in used) / 1024),  # Linux: kilobytes
    }  # fmt: skip


def command(args: argparse.Namespace) -> dict[str, Any]:
    rows = []
    for number in args.records:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:  # so that its peak is its own
            rows.append(alone.submit(measure, args.data, number, args.num_proc).result())
        print("{records:9,} records: {seconds} s ({cpu_seconds} s of CPU), {records_per_second} records/s, "
              "peak {peak_megabytes} MB".format(**rows[-1]), flush=True)  # fmt: skip
    return {"runs": rows, "num_proc": args.num_proc}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.data.bench", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000], metavar="N")
    parser.add_argument("--num-proc", type=int, default=2, metavar="N", help="processes")
    run(parser, command)


if __name__ == "__main__":
    main()
