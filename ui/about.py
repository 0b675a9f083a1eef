"""About the models: what each bundled model is, how it was measured, and what it can't do."""

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ui import theme
from ui.services import Services

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
FACTS = (("architecture", "Architecture"), ("data", "Data"), ("splits", "Splits"), ("seed", "Seed"))


def card(name: str, model: dict[str, Any]) -> str:
    """HTML of one model of weights/manifest.json, its text escaped."""
    facts = [(label, escape(_words(model[key]))) for key, label in FACTS if model.get(key) not in (None, "")]
    if model.get("parameters"):
        facts.insert(1, ("Parameters", _count(model["parameters"])))
    if model.get("git_revision"):
        facts.append(("Code", f"<code>{escape(str(model['git_revision']))}</code>"))
    files = "".join(
        f"<div>{escape(file)} · {_size(details['bytes'])} · sha256 <code>{escape(details['sha256'])}</code></div>"
        for file, details in model.get("files", {}).items()
    )
    if files:
        facts.append(("Files", f"<details><summary>Sizes and checksums</summary>{files}</details>"))
    rows = "".join(
        f"<tr><td>{escape(figure['name'])}</td><td class='value'>{escape(_words(figure['value']))}</td>"
        f"<td>{escape(_words(figure.get('baseline') or '—'))}</td>"
        f"<td><code>{escape(figure.get('command') or '')}</code></td></tr>"
        for figure in model.get("figures", [])
    )
    limits = "".join(f"<li>{escape(limit)}</li>" for limit in model.get("limits", []))
    parts = [f"<h3>{escape(model.get('title') or name)}</h3><p><code>{escape(name)}</code></p>"]
    if limits:
        parts.append(f"<h4>What it can't do</h4><ul>{limits}</ul>")
    if rows:
        head = "<tr><th>Measured</th><th>Value</th><th>Baseline</th><th>Measured with</th></tr>"
        parts.append(
            f"<h4>Figures</h4><div class='scroll'><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
        )
    parts.append("<dl>" + "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in facts) + "</dl>")
    return f'<article class="model-card">{"".join(parts)}</article>'


def build(services: Services) -> None:
    """The tab: one card a model."""
    models = services.manifest.get("models", {})
    gr.Markdown(
        "### About the models\nEverything here runs on the small weights that come with the studio. They were trained "
        "or adapted by this project, and the figures below were measured on data that the models never saw."
    )
    if not models:
        gr.HTML(theme.empty("No bundled models", "Train one and describe it in weights/manifest.json."))
    gr.HTML("".join(card(name, model) for name, model in models.items()), apply_default_css=False)
    for path in sorted(WEIGHTS.glob("*/README.md")):
        with gr.Accordion(f"Model card: weights/{path.parent.name}", open=False):
            gr.Markdown(path.read_text(encoding="utf-8").split("---\n")[-1])


def _count(parameters: Any) -> str:
    return f"{parameters / 1e6:.2f} million" if isinstance(parameters, int | float) else escape(str(parameters))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return str(value)
