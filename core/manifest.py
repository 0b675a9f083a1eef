"""Renew hashes and sizes in weights/manifest.json: python -m core.manifest

Titles, data, figures and limits are written by hand from what the evaluate commands print; files that are new get an
entry, files that are gone lose theirs.
"""

import argparse
import json
import subprocess
from typing import Any

from core import cli
from core.weights import ROOT, sha256


def renew(args: argparse.Namespace) -> dict[str, Any]:
    """The command; returns the manifest."""
    path = ROOT / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"models": {}}
    revision = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    for folder in sorted(p for p in ROOT.iterdir() if p.is_dir()):
        model = manifest["models"].setdefault(folder.name, {})
        files = {
            f.name: {"sha256": sha256(f), "bytes": f.stat().st_size} for f in sorted(folder.iterdir()) if f.is_file()
        }
        if model.get("files") != files:
            model["files"], model["git_revision"] = files, revision
            print(f"{folder.name}: renewed")
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


if __name__ == "__main__":
    cli.run(argparse.ArgumentParser(prog="python -m core.manifest", description="Renew weights/manifest.json."), renew)
