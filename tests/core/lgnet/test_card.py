from core.lgnet.card import card
from core.weights import manifest
from tests.commands import run_command


def test_the_card_tells_every_figure_and_limit_of_the_manifest(tmp_path):
    model = manifest()["models"]["lgnet"]
    text = card(model)
    for figure in model["figures"]:
        assert f"| {figure['name']} | {figure['value']} |" in text
    assert all(limit in text for limit in model["limits"]) and "licence" in text
    assert run_command("core.lgnet.card", "--out", tmp_path / "card.md").code == 0
    assert (tmp_path / "card.md").read_text() == text
