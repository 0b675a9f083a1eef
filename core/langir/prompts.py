"""The three prompt styles of 5.3.2, in our own words. A prompt is a list of turns for any vision-language model.

5.6.5: a limit of 50 words keeps answers precise. 5.6.6: the task names one target, because the plural makes models
invent more of them; they still report several where they see several.
"""

from PIL import Image

from core.chatting import Turn
from core.thermal import ThermalImage

WORD_LIMIT = 50
QUESTION = "Find the small target in this infrared image."
TASK = (
    f"Find the small target in this infrared image. Answer in at most {WORD_LIMIT} words: say in which region of the "
    "image it lies and what surrounds it."
)
ROLE = "You are an expert in finding the small target in infrared images."
# places and scenes of the simulated images in examples/; no test image stands behind them
EXAMPLES = (
    "A small bright target lies in the upper left of the image, in front of a cloudy sky.",
    "The small target is in the lower center, close to the shore line; the rest of the image is calm water.",
)
STYLES = ("zero-shot", "few-shot", "system")


def prompt(style: str, image: ThermalImage, examples: tuple[tuple[ThermalImage, str], ...] = ()) -> list[Turn]:
    """Turns that ask for a description of the image.

    - zero-shot: the question alone.
    - few-shot: descriptions to imitate, then the question; with `examples`, each after its own image.
    - system: a role, and the task with its word limit.
    """
    picture = Image.fromarray(image.view8())
    if style == "zero-shot":
        return [Turn("user", QUESTION, picture)]
    if style == "system":
        return [Turn("system", ROLE), Turn("user", TASK, picture)]
    if examples:
        shown = []
        for seen, said in examples:
            shown += [Turn("user", QUESTION, Image.fromarray(seen.view8())), Turn("assistant", said)]
        return [*shown, Turn("user", QUESTION, picture)]
    told = " ".join(f"Example {i}: {text}" for i, text in enumerate(EXAMPLES, 1))
    return [Turn("user", f"Descriptions of other images look like this. {told} {QUESTION}", picture)]
