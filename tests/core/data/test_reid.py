import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.data.records import Box, Record
from core.data.reid import BOARDS, GAP, TILE, boards, cut, sightings
from tests.core.data.scenes import box, record


def street(folder: Path, number: int, people: int = 3) -> Record:
    """A registered pair of noise images with `people` people side by side."""
    rng = np.random.default_rng(number)
    for name in ("infrared", "visible"):
        pixels = rng.integers(0, 255, (100, 300, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}{number}.png")
    boxes = tuple(box("person", 50 + 100 * place, 50, 20, 44 + number % 5) for place in range(people))
    return Record(f"made/{number}", folder / f"infrared{number}.png", "made", "ours", f"made/{number}", "test", 300,
                  100, boxes, visible=folder / f"visible{number}.png")  # fmt: skip


def test_the_answer_is_the_tile_of_the_same_person_and_every_other_tile_is_a_stranger(tmp_path: Path) -> None:
    for board in boards([street(tmp_path, number) for number in range(6)]):
        wanted, *candidates = board.tiles
        assert [c.identity == wanted.identity for c in candidates].index(True) + 2 == int(board.answer)
        assert len({c.identity for c in candidates}) == 7
        assert wanted.visible and not any(c.visible for c in candidates)
        assert "/reid_proxy/" in board.id, "the same pair is no second camera"


def test_the_board_shows_the_tiles_in_reading_order(tmp_path: Path) -> None:
    board = boards([street(tmp_path, number) for number in range(3)])[0]
    shown = board.image()
    assert shown.size == (4 * (TILE[0] + GAP) - GAP, 2 * (TILE[1] + GAP) - GAP)
    for place, tile in enumerate(board.tiles):
        left, top = place % 4 * (TILE[0] + GAP), place // 4 * (TILE[1] + GAP)
        assert shown.crop((left, top, left + TILE[0], top + TILE[1])).tobytes() == cut(tile).tobytes()


def test_no_digit_is_right_much_more_often_than_one_time_in_seven(tmp_path: Path) -> None:
    answers = Counter(board.answer for board in boards([street(tmp_path, number) for number in range(80)]))
    assert set(answers) == set("2345678") and max(answers.values()) / answers.total() < 0.19


def test_the_same_records_and_seed_give_the_same_boards(tmp_path: Path) -> None:
    streets = [street(tmp_path, number) for number in range(4)]
    assert boards(streets, 1) == boards(streets, 1) != boards(streets, 2)


def test_known_identities_are_matched_over_records_and_are_no_proxy() -> None:
    def sighted(number: int, person: int) -> Record:
        x = random.Random(person).randint(100, 500)
        return replace(record("cameras", (Box("person", (x, 10, x + 20, 70), f"p{person}"),)), id=f"cameras/{number}",
                       image=Path(f"{number}.png"))  # fmt: skip

    made = boards([sighted(2 * person + camera, person) for person in range(8) for camera in (0, 1)])
    assert len(made) == 8 * BOARDS and all("/reid/" in board.id for board in made)
    assert all(board.tiles[0].image != board.tiles[int(board.answer) - 1].image for board in made)


def test_people_too_small_or_half_hidden_and_images_without_partner_give_no_sighting(tmp_path: Path) -> None:
    assert not list(sightings(record(boxes=(box("person", 100, 100, 20, 60),))))
    crowd = (box("person", 100, 50, 20, 60), box("person", 105, 50, 20, 60), box("person", 200, 50, 5, 20))
    assert not list(sightings(replace(street(tmp_path, 0), boxes=crowd)))
    assert not boards([street(tmp_path, 0)]), "three people are too few for a board"
