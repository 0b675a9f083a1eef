import torch
from timm.optim.adan import Adan
from torch import nn

from core.checkpoint import load_checkpoint, save_checkpoint


def steps(model, optimizer, seeds):
    for seed in seeds:
        torch.manual_seed(seed)
        loss = model(torch.randn(4, 3)).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def build():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    return model, Adan(model.parameters(), lr=1e-2)


def test_a_resumed_training_ends_in_the_same_weights_as_an_uninterrupted_one(tmp_path):
    whole, optimizer = build()
    steps(whole, optimizer, range(6))

    first, optimizer = build()
    steps(first, optimizer, range(3))
    save_checkpoint(tmp_path, {"model": first}, optimizer, {"step": 3})
    second, optimizer = build()
    assert load_checkpoint(tmp_path, {"model": second}, optimizer) == {"step": 3}
    steps(second, optimizer, range(3, 6))

    for key, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key


def test_only_the_newest_tensor_file_is_kept_and_none_is_a_pickle(tmp_path):
    model, optimizer = build()
    for step in (1, 2):
        steps(model, optimizer, [step])
        save_checkpoint(tmp_path, {"model": model}, optimizer, {"step": step})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["state.json", "tensors-2.safetensors"]


def test_no_checkpoint_is_no_error(tmp_path):
    model, optimizer = build()
    assert load_checkpoint(tmp_path / "nothing", {"model": model}, optimizer) is None
