"""The import rules of the house, read from every file."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(p for room in ("core", "db", "labeling", "ui") for p in (ROOT / room).rglob("*.py"))

# room -> what it may import of ours
ALLOWED = {
    "core": ("core",),
    "db": ("db",),
    "labeling": ("labeling", "db", "core.data.records", "core.data.revisions", "core.errors", "core.cli"),
    "ui": ("ui", "core", "labeling"),
}
# outside library -> the only rooms that may import it
RESERVED = {
    "gradio": ("ui",),
    "sqlalchemy": ("db",),
    "alembic": ("db",),
    "torch": ("core",),
    "transformers": ("core",),
    "open_clip": ("core",),
}
OURS = ("core", "db", "labeling", "ui", "app", "spaces", "tests")


def imported(path: Path) -> set[str]:
    """Full dotted names that a file imports, `from a import b` as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def inside(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == p or name.startswith(p + ".") for p in packages)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    names = imported(path)
    strangers = {n for n in names if inside(n, OURS) and not inside(n, ALLOWED[room])}
    assert not strangers, f"{room}/ may not import {strangers}"
    for library, rooms in RESERVED.items():
        used = {n for n in names if inside(n, (library,))}
        assert not used or room in rooms, f"only {rooms} may import {library}"


def test_the_rules_see_a_forbidden_import(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from db import models\nimport gradio as gr\n")
    assert imported(bad) == {"db.models", "gradio"}
    assert not inside("db.models", ALLOWED["ui"]) and "core" not in RESERVED["gradio"]


def test_spaces_holds_no_python_that_would_shadow_the_package_of_that_name() -> None:
    assert not list((ROOT / "spaces").rglob("*.py"))


def test_the_record_types_do_not_pull_torch_into_the_labeling_room() -> None:
    for name in ("records.py", "revisions.py"):
        assert not any(inside(n, ("torch", "core.thermal")) for n in imported(ROOT / "core" / "data" / name))


@pytest.mark.parametrize("path", [*FILES, ROOT / "app.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_source_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
