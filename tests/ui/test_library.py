from pathlib import Path

import pytest

from core.errors import InputError
from tests.ui.fakes import FakeIndex
from ui import images
from ui.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    index = FakeIndex()
    return Library(tmp_path / "gallery", lambda: index)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "my upload.png"
    path.write_bytes(images.examples()[0].read_bytes())
    return path


def test_the_examples_are_there_before_anything_is_embedded(library: Library) -> None:
    assert library.paths() == list(images.examples())
    assert len(library.index()) == 0


def test_preparing_embeds_each_image_once_and_reports_progress(library: Library) -> None:
    total = len(images.examples())
    assert list(library.prepare()) == [(0, total)]
    assert len(library.index()) == total
    assert list(library.prepare()) == [] and len(library.index()) == total


def test_an_added_image_comes_first_and_is_found_by_its_name(library: Library, upload: Path) -> None:
    list(library.prepare())
    path = library.add(str(upload))
    assert library.paths()[0] == path and library.title(path) == "my upload"
    list(library.prepare())
    assert library.search(text="anything", top=2)[0] == (path, 0.9)


def test_added_images_are_there_after_a_restart(library: Library, upload: Path) -> None:
    path = library.add(str(upload))
    assert Library(library.folder, FakeIndex).paths()[0] == path
    assert path.read_bytes() == upload.read_bytes()


def test_the_same_image_is_added_only_once(library: Library, upload: Path) -> None:
    library.add(str(upload))
    with pytest.raises(InputError, match="already in the gallery"):
        library.add(str(upload))


def test_a_hostile_file_is_refused_and_nothing_is_kept(library: Library, hostile: dict[str, Path]) -> None:
    for path in hostile.values():
        with pytest.raises(InputError):
            library.add(str(path))
    assert library.paths() == list(images.examples())


def test_a_kept_file_that_went_bad_is_left_out(library: Library, upload: Path) -> None:
    library.add(str(upload)).write_bytes(b"no image any more")
    list(library.prepare())
    assert library.paths() == list(images.examples()) and len(library.index()) == len(images.examples())
