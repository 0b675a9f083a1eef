import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.conversations import conversation, read_conversations, write_lines
from core.errors import InputError

ROWS = st.lists(st.builds(conversation, *[st.text()] * 5), max_size=5)


@given(ROWS)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    assert write_lines(path, rows) == len(rows)
    assert list(read_conversations(path)) == rows


@given(ROWS, st.sampled_from(["", "\n", " ", "\r\n\t\n"]), st.booleans())
def test_values_in_a_row_and_lists_are_read_alike(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], between: str, as_list: bool
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.json"
    text = json.dumps(rows, indent=1) if as_list else between.join(json.dumps(row, indent=1) for row in rows)
    path.write_text(text, encoding="utf-8")
    assert list(read_conversations(path)) == rows


def test_a_row_of_question_and_answer_becomes_a_conversation(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": 7, "image": "a.png", "question": "q", "answer": "a"}), encoding="utf-8")
    (row,) = read_conversations(path)
    assert row["id"] == 7 and row["conversations"] == conversation("", "a.png", "", "q", "a")["conversations"]


@pytest.mark.parametrize(
    "bad",
    ['{"id": "1"', "nonsense", "[1]", "3", '{"image": "a", "conversations": []}', '{"image": [], "conversations": 1}'],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(conversation("1", "a.png", "scene", "q", "a")) + "\n\n" + bad + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.jsonl, line 3"):
        list(read_conversations(path))


def test_a_binary_file_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not UTF-8"):
        list(read_conversations(path))


def test_the_released_ir_td_text_is_read(data_root: Path) -> None:
    rows = list(read_conversations(data_root / "irtd_qa_text" / "AerialCounting.jsonl"))
    assert len(rows) == sum(1 for _ in (data_root / "irtd_qa_text" / "AerialCounting.jsonl").open())
