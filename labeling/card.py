"""The dataset card of an exported revision."""

from collections import Counter
from pathlib import Path

from huggingface_hub import DatasetCardData

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
BODY = """
# Refined infrared images

Infrared images whose captions and target masks people refined in Infrared Studio.

| config | rows | content |
|---|---|---|
| `masks` | {masks} | refined images with their mask (PNG, 255 = target) and captions |
| `captions` | {captions} | refined captions as plain text, to read and edit |
| `drafts` | {drafts} | images nobody has refined yet, skipped ones included; kept so that a restore loses nothing |

```python
from datasets import load_dataset

load_dataset(FOLDER_OR_REPOSITORY, "masks", split="train")
```

`manifest.json` pins every file by sha256. The original image files are inside, byte for byte.

## Sources

| source | licence | images |
|---|---|---|
{sources}
"""


def write_card(path: Path, rows: dict[str, int], licences: Counter[tuple[str, str]]) -> None:
    """README.md with the front matter that the Hub and `load_dataset` read. `licences` counts images."""
    configs = [
        {"config_name": name, "data_files": [{"split": "train", "path": f"data/{name}/train.parquet"}]}
        | ({"default": True} if name == "masks" else {})
        for name, count in rows.items()
        if count
    ]
    total = rows["masks"] + rows["drafts"]
    data = DatasetCardData(
        pretty_name="Refined infrared images",
        license="other",
        language="en",
        task_categories=["image-segmentation", "image-to-text"],
        size_categories=next((name for limit, name in SIZES if total < limit), "n>1M"),
        tags=["infrared", "thermal"],
        configs=configs,
    )
    lines = (
        f"| {_cell(source)} | {_cell(licence)} | {count} |" for (source, licence), count in sorted(licences.items())
    )
    sources = "\n".join(lines)
    path.write_text(f"---\n{data.to_yaml()}\n---\n{BODY.format(sources=sources, **rows)}", encoding="utf-8")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split()) or "not stated"
