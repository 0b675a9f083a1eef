"""Models and data. Knows torch; knows no Gradio and no SQL."""

import logging

# says at every import, to everyone, that an optional kernel for CPUs could be installed
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
