"""Fill a database from a pinned revision: the opposite of labeling.export.

python -m labeling.restore --from DIR_OR_NAMESPACE/NAME@REVISION --db sqlite:///var/studio.db
"""

import argparse
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from core import cli
from core.data.revisions import decode_mask, verify
from core.errors import InputError
from db import log, queries
from db.engine import Engine, session_scope
from db.models import SHARED
from labeling import hub, masks
from labeling.database import connect, store_beside
from labeling.fields import check_fields
from labeling.items import label
from labeling.sources import DRAFTED
from labeling.store import ImageStore
from labeling.workplace import now

RESTORER = "(restore)"  # no person can be called so
TABLES = ("masks", "drafts")


def restore(folder: Path, engine: Engine, images: ImageStore) -> int:
    """Add every item of a revision with its values, state and version; items that are there already stay as they are.

    Returns the number of rows restored. Raises InputError for a folder that isn't the revision its manifest pins.
    """
    manifest = verify(folder)
    restored = 0
    for name in TABLES:
        with pq.ParquetFile(folder / f"data/{name}/train.parquet") as table:
            for batch in table.iter_batches(batch_size=64):
                restored += sum(_restore(row, manifest["revision"], engine, images) for row in batch.to_pylist())
    return restored


def _restore(row: dict[str, Any], revision: str, engine: Engine, images: ImageStore) -> bool:
    data = row["image"]["bytes"]
    if hashlib.sha256(data).hexdigest() != row["id"]:
        raise InputError(f"row {row['id'][:12]} of the revision holds another image than its id says: export it again")
    fields = {name: row[name] for name in DRAFTED if row.get(name)}  # older revisions have fewer columns
    if row["mask"] is not None:
        fields["mask"] = masks.encode(decode_mask(row["mask"]["bytes"]))
    changes = {**check_fields(fields, row["width"], row["height"]), "state": row["state"]}
    if row["skip_reason"]:
        changes["reason"] = row["skip_reason"]
    images.put(data)
    columns = {name: row[name] for name in ("source", "licence", "group", "width", "height")}
    with session_scope(engine, writes=True) as session:
        project = queries.get_project(session, None)
        assert project is not None  # every database has one
        item = queries.add_item(session, project.id, now(), sha256=row["id"], name=label(row["name"]), **columns)
        if item is None:
            return False
        if row["version"]:
            item.current.version = row["version"] - 1
            save = log.Save(RESTORER, f"{revision[:24]}-{row['id'][:24]}", now())
            log.append(session, item.current, row["version"] - 1, {SHARED: changes}, save)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m labeling.restore", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--from", dest="source", required=True, metavar="DIR_OR_HUB@REVISION", help="what to restore")
    parser.add_argument("--db", required=True, metavar="URL", help="database, for example sqlite:///var/studio.db")
    parser.add_argument("--store", type=Path, metavar="DIR", help="image store (default: store/ beside a SQLite file)")

    def command(args: argparse.Namespace) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(args.source)
            if not folder.is_dir():
                repository, at, revision = args.source.rpartition("@")
                if not at:
                    raise InputError(f"{args.source} is no folder: name one, or NAMESPACE/NAME@TAG for the Hub")
                folder = hub.fetch(repository, revision, Path(temporary))
            images = ImageStore(store_beside(args.db, args.store))
            rows = restore(folder, connect(args.db), images)
        print(f"{rows} rows restored into {args.db}")
        return {"rows": rows}

    cli.run(parser, command)


if __name__ == "__main__":
    main()
