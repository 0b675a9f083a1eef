"""IR-TD's conversation files, the released ones (JSON values in a row, names that match no image) included."""

import re
from collections.abc import Iterator
from pathlib import Path

from core.data.conversations import read_conversations
from core.data.readers.common import Images, own_split, record, stem_of
from core.data.records import Exchange, Record
from core.errors import InputError

LICENCE = "IR-TD: academic research use"
TASKS = {  # file names of the release
    "detection": "grounding", "location": "location", "relationship": "relationship", "reid": "reid",
    "recognition": "recognition", "security": "security", "aerialcounting": "aerial_counting",
    "pedestriancounting": "pedestrian_counting", "scene": "scene", "grounding": "grounding",
}  # fmt: skip


def conversations(file: Path, images: Path) -> Iterator[Record]:
    """One record a conversation. An image that is nowhere under `images` keeps its name, which the build reports.

    The task is the record's own, else the file's ("Detection.jsonl"), else told by the answer's form.
    Raises InputError naming the line that is no conversation.
    """
    index = Images(images)
    for number, row in enumerate(read_conversations(file)):
        named = row["image"] if isinstance(row["image"], str) else row["image"][0]
        name = named.split("Data4MLLM/")[-1].replace("\\", "/")
        kind, turns = str(row.get("task") or file.stem), [turn["value"] for turn in row["conversations"]]
        task = TASKS.get(re.sub(r"[^a-z]", "", kind.lower()))
        exchanges = tuple(
            Exchange(task or task_of(answer), question.replace("<image>", "").strip(), answer.strip())
            for question, answer in zip(turns[0::2], turns[1::2], strict=False)
        )
        try:
            image = index.find(name)
        except InputError:  # a hostile name matches nothing
            image = images / Path(name).name.replace("\0", "")
        group = stem_of(image.name)
        yield record("irtd", f"{kind}/{row.get('id', number)}", image, LICENCE, group, own_split(group),
                     published=exchanges, official=False)  # fmt: skip


def task_of(answer: str) -> str:
    """The task that an answer's form belongs to; "other" if none."""
    forms = (("<box>", "grounding"), ("<pos>", "location"), ("<num>", "pedestrian_counting"))
    found = next((task for mark, task in forms if mark in answer), "")
    if not found and re.fullmatch(r"\s*(yes|no)\.?\s*", answer, re.IGNORECASE):
        return "relationship"
    return found or ("reid" if re.fullmatch(r"\s*[2-8]\s*", answer) else "other")
