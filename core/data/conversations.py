"""IR-TD's conversation files: JSON lines, and the released files that are several JSON values in a row or one list."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import InputError

Conversation = dict[str, Any]  # {"id", "image", "task", "conversations": [{"from": "human"|"gpt", "value"}]}


def conversation(id_: str, image: str, task: str, question: str, answer: str) -> Conversation:
    """One IR-TD record; `image` is relative to the folder that `--images` names."""
    turns = [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": answer}]
    return {"id": id_, "image": image, "task": task, "conversations": turns}


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """One JSON object a line (UTF-8); how many were written."""
    number = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, row in enumerate(rows, 1):  # noqa: B007
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return number


def read_values(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number from 1, JSON value) for every value in the file, however they are separated by white space."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text; give a JSON lines file.") from error
    decoder, position, line, counted = json.JSONDecoder(), 0, 1, 0
    while True:
        while position < len(text) and text[position] in " \t\r\n":
            position += 1
        if position == len(text):
            return
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{path.name}, line {line}: not valid JSON; mend or remove that line.") from error
        yield line, value


def read_conversations(path: Path) -> Iterator[Conversation]:
    """Every record of a file (or of the lists in it), checked; rows of {"image", "question", "answer"} become some.

    InputError names the line of a malformed one.
    """
    for line, value in read_values(path):
        for record in value if isinstance(value, list) else [value]:
            if isinstance(record, dict) and all(isinstance(record.get(k), str) for k in ("question", "answer")):
                record = conversation("", record.get("image", ""), "", record["question"], record["answer"]) | record
            if not well_formed(record):
                raise InputError(
                    f'{path.name}, line {line}: not a conversation record; it needs "image" and "conversations" '
                    'with turns of "from" and "value".'
                )
            yield record


def well_formed(record: Any) -> bool:
    """Whether a JSON value is a conversation record: an image (name or list of names) and at least two turns."""
    if not isinstance(record, dict):
        return False
    images, turns = record.get("image"), record.get("conversations")
    named = images if isinstance(images, list) else [images]
    return (
        bool(named) and all(isinstance(name, str) for name in named)
        and isinstance(turns, list) and len(turns) >= 2
        and all(isinstance(t, dict) and all(isinstance(t.get(k), str) for k in ("from", "value")) for t in turns)
    )  # fmt: skip
