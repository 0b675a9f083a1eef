"""`python -m core.data.official`: do our rules, from the same boxes, give the answers of IR-TD's official questions?

A question counts as expressed when our generator could ask it: a phrase that picks one object beyond doubt, a side
on which all objects of a category stand. The rest is listed by the reason why it could not.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.cli import run
from core.data.objects import ORDINALS, by_category, with_article
from core.data.phrases import THIRDS, picks, statements
from core.data.questions import absent_answer, box_answer, points_answer
from core.data.readers import roadscene
from core.data.records import Record
from core.errors import InputError

OURS = {"bike": "bicycle"}  # their word for a category of FLIR's -> ours
OPTION = re.compile(r"\([A-D]\) ([^()]+?)(?= \(|$)")


class Unexpressed(Exception):
    """Our generator would not ask this; the message says why."""


def located(question: str, record: Record) -> str:
    """ "Locate all car from left to right." -> "<ref>car</ref> at <pos>[(24, 430), ...]</pos>"."""
    theirs = re.search(r"Locate all (\w+) from left", question)[1]  # type: ignore[index]
    group = by_category(record.boxes)[OURS.get(theirs, theirs)]
    return points_answer(theirs, group, (record.width, record.height))


def absent(question: str, record: Record) -> str:
    """ "What object does not appear in the picture? (A) .." -> the lettered options without a box."""
    options = OPTION.findall(question)
    present = {box.category for box in record.boxes}
    return absent_answer(options, [option for option in options if OURS.get(option, option) not in present])


def detected(question: str, record: Record) -> str:
    """ "Detect the bounding box of the nearest car located at the left." -> the box, if one of our phrases picks it."""
    asked = re.search(r"the (nearest )?(\w+) located (?:at|to) the (\w+)(?: of the (car|person|bike))?", question)
    category, place = OURS.get(asked[2], asked[2]), asked[3].replace("center", "middle")  # type: ignore[index]
    other = OURS.get(asked[4] or "", asked[4])  # type: ignore[index]
    chosen = dict(picks(record))
    if other == category:
        if sum(box.category == category for box in record.boxes) != 2:
            raise Unexpressed("which of several anchors is meant is not said")
        wanted = [f"the {place}most {category}"]
    elif other:
        wanted = [f"the {category} to the {place} of the {other}"]
    else:
        third = f"{category} in the {place} third of the image"
        wanted = [f"the {third}", *([f"the largest {third}"] if asked[1] else [])]  # type: ignore[index]
        if f"the {category}" in chosen and _third(record, category) == place:
            wanted.append(f"the {category}")
    box = next((chosen[phrase] for phrase in wanted if phrase in chosen), None)
    if box is None:
        raise Unexpressed("the phrase picks several objects, or one of them too narrowly")
    return f"The target bounding box is {box_answer(box)}."


def related(question: str, record: Record) -> str:
    """ "Is there a car on the left side of the the first person ..?" -> "yes" or "no", if all cars are on one side."""
    asked = re.search(r"Is there a (\w+) (.+) the the (\w+) (\w+) from left", question)
    theirs, side, ordinal, anchor = asked.groups()  # type: ignore[union-attr]
    if not side.startswith("on the"):
        raise Unexpressed(f"boxes tell no depth or distance ({side})")
    thing, anchor = OURS.get(theirs, theirs), OURS.get(anchor, anchor)
    groups = by_category(record.boxes)
    if len(groups[anchor]) > 1:
        anchor = f"{ordinal} {anchor} from the left"
    thing = f"the {thing}" if len(groups[thing]) == 1 else with_article(thing)
    beyond = dict(statements(record)).get(f"{thing}|0|the {anchor}")
    if beyond is None:
        lost = ordinal not in ORDINALS
        raise Unexpressed("an ordinal past the fifth" if lost else "objects on both sides, too close or too many")
    return "yes" if beyond == ("right" in side) else "no"


RULES: dict[str, Callable[[str, Record], str]] = {
    "Location": located, "Security": absent, "Detection": detected, "Relationship": related,
}  # fmt: skip


def compare(rows: list[Mapping[str, str]], records: Mapping[str, Record]) -> dict[str, Any]:
    """Counts a task, every difference in full, and how often which reason kept a question from being expressed.

    rows: {"task", "image", "question", "answer"}; records: by the image's file name.
    """
    tasks = {task: {"n": 0, "expressed": 0, "same": 0} for task in RULES}
    differences, reasons = [], Counter[str]()
    for row in rows:
        count = tasks[row["task"]]
        count["n"] += 1
        try:
            ours = RULES[row["task"]](row["question"], records[row["image"]])
        except Unexpressed as reason:
            reasons[f"{row['task']}: {reason}"] += 1
            continue
        count["expressed"] += 1
        count["same"] += ours == row["answer"]
        if ours != row["answer"]:
            differences.append({**row, "ours": ours})
    expressed, same = (sum(count[key] for count in tasks.values()) for key in ("expressed", "same"))
    return {"n": len(rows), "expressed": expressed, "same": same, "share": same / max(1, expressed), "tasks": tasks,
            "unexpressed": dict(reasons.most_common()), "differences": differences}  # fmt: skip


def _third(record: Record, category: str) -> str:
    box = by_category(record.boxes)[category][0]
    return THIRDS[min(2, int(3 * (box.xyxy[0] + box.xyxy[2]) / 2 / record.width))]


def command(args: argparse.Namespace) -> dict[str, Any]:
    file = args.data / "roadscene" / "irtd_qa.json"
    if not file.is_file():
        raise InputError(f"There is no {file}; point --data at the folder that holds roadscene/irtd_qa.json.")
    records = {record.image.name: record for record in roadscene(args.data)}
    result = compare(json.loads(file.read_text(encoding="utf-8")), records)
    for task, count in result["tasks"].items():
        print(f"{task:14} {count['n']:4} questions, {count['expressed']:4} expressed, {count['same']:4} the same")
    print(f"the same: {result['same']} of {result['expressed']} expressed ({100 * result['share']:.1f} %)")
    for reason, number in result["unexpressed"].items():
        print(f"  not expressed {number:4}  {reason}")
    for row in result["differences"]:
        print(f"  differs: {row['image']} {row['question']!r} official {row['answer']!r} ours {row['ours']!r}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.data.official", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds roadscene/")
    run(parser, command)


if __name__ == "__main__":
    main()
