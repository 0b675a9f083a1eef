"""Write what people refined as a pinned revision that `datasets.load_dataset` opens.

    python -m labeling.export --db sqlite:///var/studio.db --out DIR --tag v1 [--hub NAMESPACE/NAME]

The same state of the database gives the same bytes: fixed schema, rows ordered by image hash, no time of day.
"""

import argparse
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from core import cli
from core.data.revisions import FORMAT, content_hash, read_manifest, sha256_of
from core.errors import InputError
from db import queries
from db.engine import Engine, session_scope
from labeling import hub, masks
from labeling.card import write_card
from labeling.database import connect, store_beside
from labeling.items import View, view
from labeling.store import ImageStore
from labeling.tables import CONFIGS, Table

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def export(engine: Engine, images: ImageStore, out: Path, tag: str, project: int | None = None) -> dict[str, Any]:
    """Write a revision of one project, by default the oldest, to `out`, whole or not at all. Returns its manifest.

    A folder that already holds this very revision under this tag is left as it is. Raises InputError if `out` holds
    anything else, if the tag is no name, or if nothing has been refined yet.
    """
    if not TAG.fullmatch(tag):
        raise InputError("a tag has letters, digits, dots, dashes and underscores only, 64 at most: for example v1")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{tag}-"))
    try:
        manifest = _write(engine, images, temporary, tag, project)
        if out.exists() and any(out.iterdir()):
            _same_or_refuse(out, manifest)
        else:
            temporary.chmod(0o755)
            os.replace(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return manifest


def _write(engine: Engine, images: ImageStore, folder: Path, tag: str, project: int | None) -> dict[str, Any]:
    rows: Counter[str] = Counter()
    licences: Counter[tuple[str, str]] = Counter()
    with ExitStack() as stack, session_scope(engine) as session:
        tables = {
            name: stack.enter_context(Table(folder / f"data/{name}/train.parquet", columns))
            for name, columns in CONFIGS.items()
        }
        chosen = queries.get_project(session, project)
        if chosen is None:
            raise InputError(f"there is no project {project!r}: choose one from the list")
        for item in map(view, queries.all_items(session, chosen.id)):
            for config in _configs_of(item):
                tables[config].add(_row(item, images, CONFIGS[config]))
                rows[config] += 1
            licences[item.source, item.licence] += 1
    if not rows["masks"]:
        raise InputError("nothing has been refined yet: save at least one item in the Label tab, then export")
    write_card(folder / "README.md", {name: rows[name] for name in CONFIGS}, licences)
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files = {path: sha256_of(folder / path) for path in paths}
    manifest = {
        "format": FORMAT, "revision": content_hash(files), "tag": tag, "rows": rows["masks"] + rows["drafts"],
        "configs": {name: rows[name] for name in CONFIGS}, "files": files,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def _configs_of(item: View) -> Iterator[str]:
    refined = item.state == "refined"
    yield "masks" if refined and "mask" in item.fields else "drafts"
    if refined and (item.fields.get("caption_global") or item.fields.get("caption_fine")):
        yield "captions"


def _row(item: View, images: ImageStore, columns: tuple[str, ...]) -> dict[str, Any]:
    """One row; a column nobody filled is empty text, an empty list or no mask."""
    fields = item.fields
    row = {
        "id": item.sha256, "source": item.source, "licence": item.licence, "group": item.group, "state": item.state,
        "version": item.version, "name": item.name, "width": item.width, "height": item.height,
        "caption_global": fields.get("caption_global", ""), "caption_fine": fields.get("caption_fine", ""),
        "tags": fields.get("tags", []), "skip_reason": fields.get("reason", ""), "quality": fields.get("quality", ""),
        **{name: fields.get(name, []) for name in ("questions", "boxes", "points")},
    }  # fmt: skip
    if "image" in columns:
        data = images.get(item.sha256)
        row["image"] = {"bytes": data, "path": item.sha256 + _suffix(data)}
        mask = fields.get("mask")
        png = masks.to_png(masks.decode(mask, item.width, item.height)) if mask else None
        row["mask"] = {"bytes": png, "path": f"{item.sha256}.mask.png"} if png else None
    return {name: row[name] for name in columns}


def _suffix(data: bytes) -> str:
    """The file ending that fits the first bytes of an image file."""
    signatures = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"II*\x00": ".tiff", b"MM\x00*": ".tiff"}
    return next((suffix for start, suffix in signatures.items() if data.startswith(start)), "")


def _same_or_refuse(out: Path, manifest: dict[str, Any]) -> None:
    try:
        present = read_manifest(out)
    except InputError:
        raise InputError(f"{out} is not empty and holds no revision: choose another folder") from None
    if (present["revision"], present["tag"]) != (manifest["revision"], manifest["tag"]):
        taken = f"{out} holds other content under tag {present['tag']}"
        raise InputError(f"{taken}, and a revision never changes: choose a new tag and folder")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m labeling.export", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--db", required=True, metavar="URL", help="database, for example sqlite:///var/studio.db")
    parser.add_argument("--store", type=Path, metavar="DIR", help="image store (default: store/ beside a SQLite file)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the new revision")
    parser.add_argument("--tag", required=True, help="name of the revision, for example v1")
    parser.add_argument("--hub", metavar="NAMESPACE/NAME", help="also publish it as this dataset on the Hub")

    def command(args: argparse.Namespace) -> dict[str, Any]:
        engine = connect(args.db, must_exist=True)
        manifest = export(engine, ImageStore(store_beside(args.db, args.store)), args.out, args.tag)
        print(f"revision {manifest['revision'][:12]} tagged {args.tag}: {manifest['rows']} rows in {args.out}")
        result = {key: manifest[key] for key in ("revision", "tag", "files", "rows")}
        if args.hub:
            result["commit"] = hub.publish(args.out, args.hub)
            print(f"published as {args.hub}@{args.tag}, commit {result['commit']}")
        return result

    cli.run(parser, command)


if __name__ == "__main__":
    main()
