"""Composition root: settings, labeling studio, lazily loaded models, tabs. No logic of its own."""

import functools
import importlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported: no version check, no telemetry

import gradio as gr

from core.errors import InputError
from core.thermal import read_thermal
from labeling.seed import seed
from labeling.studio import Studio
from ui import about, access, chat, data, detect, label, retrieve, theme
from ui.services import Services

ROOT = Path(__file__).resolve().parent
TABS = {"Detect": detect, "Retrieve": retrieve, "Chat": chat, "Label": label, "Data": data, "About": about}
Model = TypeVar("Model")


@dataclass(frozen=True)
class Settings:
    """Environment: PORT, STUDIO_DATA (database, image store, exports); on a Space every interface is served."""

    port: int
    host: str
    data: Path

    @classmethod
    def from_environment(cls) -> "Settings":
        data = Path(os.environ.get("STUDIO_DATA") or ROOT / "var").resolve()
        host = "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1"
        port = os.environ.get("PORT") or "7860"
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise InputError(f"PORT is '{port}': give a number from 1 to 65535.")
        return cls(int(port), host, data)


def once(load: Callable[[], Model]) -> Callable[[], Model]:
    """Getter that loads at the first call, in one thread; a failed load is tried again at the next call."""
    lock, cached = threading.Lock(), functools.cache(load)

    def get() -> Model:
        with lock:
            return cached()

    return get


def model(path: str) -> Callable:
    """Getter of `module:Class` with its bundled weights. The import waits too: torch costs seconds at start."""
    module, name = path.split(":")
    return once(lambda: getattr(importlib.import_module(module), name).from_weights())


def build_services(settings: Settings) -> Services:
    """Opens the labeling database, with the examples as its first items; loads no model."""
    settings.data.mkdir(parents=True, exist_ok=True)
    manifest = ROOT / "weights" / "manifest.json"
    clip = model("core.tclip.predictor:ThermalCLIP")
    studio = Studio(
        f"sqlite:///{settings.data / 'studio.db'}",
        settings.data / "store",
        inspect=lambda data, name: read_thermal(data, name).size,
        owners=access.owners(),
    )
    seed(studio, ROOT / "examples")
    return Services(
        segmenter=model("core.lgnet.predictor:LGNetPredictor"),
        index=once(lambda: importlib.import_module("core.tclip.index").ImageIndex(clip())),
        chat=model("core.irgpt.predictor:IRGPT"),
        studio=studio,
        manifest=json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {"models": {}},
        data=settings.data,
    )


def build_app(services: Services) -> gr.Blocks:
    """The whole page. Temporary files of the page go after a day."""
    with gr.Blocks(title=theme.NAME, fill_width=True, delete_cache=(3600, 86400)) as app:
        theme.header()
        for name, tab in TABS.items():
            with gr.Tab(name, id=name.lower()):
                tab.build(services)
    return app.queue(api_open=False, max_size=64)


def _refuse(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 2


def main() -> None:
    """Start the studio and block. Exits with 2 and one line where the settings can't work."""
    try:
        settings, passwords = Settings.from_environment(), access.passwords()
        with socket.socket() as probe:  # before seconds go into building a page that can't be served
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except InputError as error:
        sys.exit(_refuse(str(error)))
    except OSError:
        sys.exit(_refuse(f"Port {settings.port} is taken: stop the other program or start with PORT=another number."))
    app = build_app(build_services(settings))
    app.launch(
        server_name=settings.host,
        server_port=settings.port,
        theme=theme.theme(),
        css_paths=theme.CSS_FILE,
        head=theme.HEAD,
        blocked_paths=[str(settings.data)],
        auth=passwords,
        max_file_size="64mb",
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
    )


if __name__ == "__main__":
    main()
