from pathlib import Path

from huggingface_hub import SpaceCard

ROOT = Path(__file__).resolve().parents[2]
SPACE = ROOT / "spaces" / "studio"


def test_the_card_has_front_matter_that_the_hub_accepts():
    card = SpaceCard.load(SPACE / "README.md")
    assert card.data.sdk == "gradio" and card.data.app_file == "app.py"
    assert card.data.hf_oauth is True
    assert len(card.data.short_description) <= 60  # the Hub refuses more


def test_every_listed_file_exists_and_none_would_shadow_the_spaces_package():
    lines = (SPACE / "FILES.txt").read_text().splitlines()
    paths = [line for line in lines if line and not line.startswith("#")]
    assert paths and all((ROOT / p).exists() for p in paths)
    assert not any(p.startswith("spaces") for p in paths)


def test_the_gradio_version_of_the_card_is_one_that_the_requirements_allow():
    from packaging.requirements import Requirement

    version = SpaceCard.load(SPACE / "README.md").data.sdk_version
    line = next(x for x in (ROOT / "requirements.txt").read_text().splitlines() if x.startswith("gradio"))
    assert Requirement(line).specifier.contains(version)
