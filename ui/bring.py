"""Bring images into the labeling queue.

    python -m ui.bring --from FOLDER --db sqlite:///var/studio.db --source "our camera" --licence CC-BY-4.0
    python -m ui.bring --from captions.jsonl --images DIR --db URL
    python -m ui.bring --from runs/built --images DIR --db URL
    python -m ui.bring --from NAMESPACE/NAME@REVISION --db URL

The studio may run meanwhile: items are written in small units of work. Images that are there already stay as they are.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from core import cli
from core.errors import InputError
from core.thermal import read_thermal
from labeling import hub
from labeling.database import store_beside
from labeling.items import Imported
from labeling.sources import Stated, read
from labeling.studio import Studio

SHOWN = 20  # refused files that are listed


def bring(args: argparse.Namespace, studio: Studio, path: Path) -> Imported:
    """Import what is at `path` into the project that `--project` names, or the first one."""
    projects = {project.name: project.id for project in studio.projects()}
    if args.project is not None and args.project not in projects:
        raise InputError(f"there is no project {args.project!r}: choose one of {', '.join(projects)}")
    items = read(path, args.images, Stated(args.source, args.licence, args.priority))
    project = projects[args.project] if args.project else None
    return studio.import_items(items, project=project, tell=lambda seen: print(f"{seen} images read", flush=True))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ui.bring", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--from", dest="origin", required=True, metavar="WHAT", help="folder, .jsonl, built set or NAME@REVISION"
    )
    parser.add_argument("--db", required=True, metavar="URL", help="database, for example sqlite:///var/studio.db")
    parser.add_argument("--store", type=Path, metavar="DIR", help="image store (default: store/ beside a SQLite file)")
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder that JSON lines name images in")
    parser.add_argument("--project", metavar="NAME", help="the project they go to (default: the first)")
    parser.add_argument("--source", default=Stated.source, help="where images are from that don't say so themselves")
    parser.add_argument("--licence", default=Stated.licence, help="their licence, where they don't say so themselves")
    parser.add_argument("--priority", type=int, default=0, help="higher comes first in the queue")

    def command(args: argparse.Namespace) -> dict[str, Any]:
        store = store_beside(args.db, args.store)
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(args.origin)
            repository, at, revision = args.origin.rpartition("@")
            if at and not path.exists():
                path = hub.fetch(repository, revision, Path(temporary))
            studio = Studio(args.db, store, lambda data, name: read_thermal(data, name).size)
            result = bring(args, studio, path)
            studio.engine.dispose()
        print(f"{result.added} items added, {result.known} there already, {len(result.refused)} refused")
        for name, reason in result.refused[:SHOWN]:
            print(f"  {name}: {reason}")
        return {"added": result.added, "known": result.known, "refused": dict(result.refused)}

    cli.run(parser, command)


if __name__ == "__main__":
    main()
