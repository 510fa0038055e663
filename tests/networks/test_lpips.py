"""The network of LPIPS is built offline, silently, and without touching the random numbers of a training."""

import warnings

import pytest
import torch

from img2img.networks.lpips import lpips_network


def test_building_it_prints_fetches_and_draws_nothing(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    before = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lpips_network()
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.get_rng_state(), before)


def test_training_mode_changes_nothing_and_nothing_is_trained() -> None:
    network = lpips_network()
    x, y = torch.rand(2, 1, 3, 64, 64)
    expected = network(x, y)
    assert torch.equal(network.train()(x, y), expected)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert all(value.device.type == "cpu" and value.dtype == torch.float32 for value in network.state_dict().values())


@pytest.mark.filterwarnings("ignore:The parameter 'pretrained'", "ignore:Arguments other than a weight enum")
def test_the_heads_are_those_of_the_package() -> None:
    import lpips

    theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).lins
    for own, other in zip(lpips_network().get_submodule("lins").children(), theirs, strict=True):
        assert torch.equal(next(own.parameters()), next(other.parameters()))
