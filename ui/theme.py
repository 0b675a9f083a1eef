"""The studio's look: a dark-first Gradio theme, its style sheet, and the page header. System fonts only."""

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, sizes

NAME = "Infrared Studio"
PURPOSE = "See, search and question infrared images, and refine the data behind the models."

EMBER = colors.Color(
    name="ember",
    c50="#fff6ec",
    c100="#ffe8cf",
    c200="#ffcf9f",
    c300="#ffb169",
    c400="#ff9440",
    c500="#f2711c",
    c600="#d9560f",
    c700="#ab4109",
    c800="#86360f",
    c900="#6b2e10",
    c950="#3a1504",
)
NIGHT = colors.Color(
    name="night",
    c50="#f6f7fa",
    c100="#eceef3",
    c200="#dcdfe8",
    c300="#bcc2d0",
    c400="#98a0b3",
    c500="#6c7488",
    c600="#4c5366",
    c700="#333949",
    c800="#1d212c",
    c900="#141720",
    c950="#0c0e14",
)

CSS_FILE = Path(__file__).with_name("theme.css")

# Dark unless the visitor chose otherwise. Gradio runs this after it has followed the system's preference.
HEAD = """
<meta name="color-scheme" content="dark light">
<script>
(() => {
  const address = new URL(window.location);
  let theme = address.searchParams.get("__theme") || "dark";
  if (!address.searchParams.has("__theme")) {
    try { theme = localStorage.getItem("studio-theme") || theme; } catch {}
    address.searchParams.set("__theme", theme);
    history.replaceState(history.state, "", address);
  }
  document.body.classList.toggle("dark", theme === "dark");
})();
</script>
"""

_MARK = """<svg viewBox="0 0 32 32" width="34" height="34" aria-hidden="true">
<defs><radialGradient id="heat" cx="50%" cy="50%" r="50%"><stop offset="0" stop-color="#fff3b0"/>
<stop offset=".3" stop-color="#ffb02e"/><stop offset=".58" stop-color="#e6521f"/>
<stop offset=".82" stop-color="#8a1c6b"/><stop offset="1" stop-color="#2a0f5c"/></radialGradient></defs>
<circle cx="16" cy="16" r="11" fill="url(#heat)"/>
<path d="M2 9V2h7M23 2h7v7M30 23v7h-7M9 30H2v-7" fill="none" stroke="currentColor" stroke-width="2"/></svg>"""

_SWITCH_THEME = """
element.querySelector(".theme-switch").addEventListener("click", () => {
  const dark = document.body.classList.toggle("dark");
  try { localStorage.setItem("studio-theme", dark ? "dark" : "light"); } catch {}
  const address = new URL(window.location);
  address.searchParams.set("__theme", dark ? "dark" : "light");
  history.replaceState(history.state, "", address);
});
"""


def header() -> None:
    """Name, purpose and the switch between dark and light."""
    gr.HTML(
        f'<header class="studio-header">{_MARK}<div><h1>{NAME}</h1><p>{PURPOSE}</p></div>'
        '<button type="button" class="theme-switch" aria-label="Switch between dark and light">'
        '<span aria-hidden="true">◐</span></button></header>',
        js_on_load=_SWITCH_THEME,
        apply_default_css=False,
    )


def empty(title: str, advice: str) -> str:
    """HTML of an empty state. Both strings must be our own text, not a user's."""
    return f'<div class="empty-state"><strong>{title}</strong><span>{advice}</span></div>'


def theme() -> gr.themes.Base:
    """The theme object for `launch`."""
    base = gr.themes.Base(
        primary_hue=EMBER,
        secondary_hue=EMBER,
        neutral_hue=NIGHT,
        text_size=sizes.text_md,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_md,
        font=("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"),
        font_mono=("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"),
    )
    return base.set(
        body_background_fill="#f3f4f8",
        body_background_fill_dark="#0c0e14",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#141720",
        background_fill_secondary="#f6f7fa",
        background_fill_secondary_dark="#10131a",
        body_text_color="#191d28",
        body_text_color_dark="#e9ebf1",
        body_text_color_subdued="#545c70",
        body_text_color_subdued_dark="#9fa7ba",
        border_color_primary="#dcdfe8",
        border_color_primary_dark="#272c3a",
        border_color_accent="*primary_500",
        border_color_accent_dark="*primary_400",
        color_accent="*primary_500",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="#2a1a10",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        block_background_fill="#ffffff",
        block_background_fill_dark="#141720",
        block_border_color="#dcdfe8",
        block_border_color_dark="#272c3a",
        block_label_background_fill="#ffffff",
        block_label_background_fill_dark="#141720",
        block_label_text_color="#545c70",
        block_label_text_color_dark="#9fa7ba",
        block_label_border_width="0px",
        block_title_text_color="#3a4152",
        block_title_text_color_dark="#c4cad8",
        block_title_text_weight="600",
        block_info_text_color="#545c70",
        block_info_text_color_dark="#9fa7ba",
        block_shadow="0 1px 2px rgb(20 23 32 / .05)",
        block_shadow_dark="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#0f121a",
        input_border_width="1px",
        input_border_color="#c5cad7",
        input_border_color_dark="#343b4d",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="#6c7488",
        input_placeholder_color_dark="#7f889c",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_text_color="#ffffff",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color_dark="#1d0d02",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="#eceef3",
        button_secondary_border_color="#c5cad7",
        button_secondary_text_color="#191d28",
        button_secondary_background_fill_dark="#1d212c",
        button_secondary_background_fill_hover_dark="#272c3a",
        button_secondary_border_color_dark="#343b4d",
        button_secondary_text_color_dark="#e9ebf1",
        button_border_width="1px",
        checkbox_label_background_fill="#ffffff",
        checkbox_label_background_fill_dark="#1d212c",
        checkbox_label_background_fill_hover_dark="#272c3a",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="#3a2110",
        checkbox_label_border_width="1px",
        checkbox_label_border_color="#c5cad7",
        checkbox_label_border_color_dark="#343b4d",
        checkbox_label_text_color_selected="#191d28",
        checkbox_label_text_color_selected_dark="#ffffff",
        checkbox_background_color_selected="*primary_600",
        checkbox_background_color_selected_dark="*primary_500",
        slider_color="*primary_600",
        slider_color_dark="*primary_500",
        loader_color="*primary_500",
        table_border_color_dark="#272c3a",
        table_even_background_fill_dark="#141720",
        table_odd_background_fill_dark="#10131a",
    )
