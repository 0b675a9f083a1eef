"""The model card of the bundled LGNet: python -m core.lgnet.card writes weights/lgnet/README.md

Figures, data and limits come from weights/manifest.json, so that the card can't tell other numbers than the app.
"""

import argparse
from pathlib import Path
from typing import Any

from core import cli
from core.weights import ROOT, manifest

TEXT = """\
---
license: other
library_name: pytorch
pipeline_tag: image-segmentation
tags: [infrared, thermal, small-target-detection]
---

# {title}

{architecture}; {parameters:.2f} million parameters. A grey infrared image goes in, the probability that a pixel
belongs to a small target comes out. A sentence about the target can go in as well: it is added to the
image's embedding.

    python -m core.lgnet.segment IMAGE... --out DIR

## Figures

Measured with the commands beside them; none of the images was trained on, and no threshold was chosen on them.

| measured | value | baseline | command |
|---|---|---|---|
{figures}

The served masks come from 8-bit convolutions where the CPU path has ranges for them (`int8.json`, measured on training
images); `core.lgnet.evaluate --engine plain` measures the float32 network. docs/BENCHMARKS.md has both, and the speed.

## Data and licences

{data}

- NUAA-SIRST (SIRST v1, YimianDai/sirst): real frames; asks for citation, states no licence.
- NUDT-SIRST: synthetic targets on real backgrounds; states no licence.
- Frames without targets of open-sirst-v2: asks for citation, states no licence.
- Parts without a labelled object, as negatives: HIT-UAV (CC BY 4.0, suojiashun/HIT-UAV), DroneDetectionThesis (CC0),
  Roboflow thermal-cheetah (CC BY 4.0).
- Scene sentences of Text-IRSTD (ActCVLab): states no licence. LangIR's own descriptions are not public
  and were not used.

The images are not distributed with this project. Weights trained on them inherit what their owners may ask:
treat them as for research unless you have cleared the data for your use.

Splits: {splits}. Seed: {seed}.

## Limits

{limits}
- One infrared band and one frame at a time: no tracking, no motion, no temperature.
- Not for decisions about people's safety or about weapons; nobody has tested it for that.
"""


def card(model: dict[str, Any]) -> str:
    """Markdown of the card from the model's entry in weights/manifest.json."""
    figures = "\n".join(
        f"| {f['name']} | {f['value']} | {f.get('baseline') or '-'} | `{f.get('command') or '-'}` |"
        for f in model.get("figures", [])
    )
    return TEXT.format(
        title=model["title"],
        architecture=model["architecture"],
        parameters=model["parameters"] / 1e6,
        figures=figures,
        data="; ".join(model["data"]) + ".",
        splits=model["splits"],
        seed=model["seed"],
        limits="\n".join(f"- {limit}" for limit in model.get("limits", [])),
    )


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    args.out.write_text(card(manifest()["models"]["lgnet"]), encoding="utf-8")
    print(f"the card is in {args.out}")
    return {"card": str(args.out)}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.card", description="Write the bundled LGNet's model card.")
    p.add_argument("--out", type=Path, default=ROOT / "lgnet" / "README.md", metavar="FILE")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
