"""The loop: exact resume, averaging, stopping. A toy objective with a discriminator, noise and spectral norm: all that can go wrong."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy import Toy, assert_same, run, tensors

from img2img.errors import ConfigError, TrainingError
from img2img.training import TrainerConfig
from img2img.training import checkpoint as checkpoints
from img2img.training.distributed import choose_kernels, make_fabric
from img2img.training.history import History


@pytest.mark.parametrize("adversarial", [True, False])
@pytest.mark.parametrize("stop_at", [4, 20])
def test_a_resumed_run_equals_an_undisturbed_one_bit_for_bit(tmp_path: Path, adversarial: bool, stop_at: int) -> None:
    whole = run(tmp_path / "whole", Toy(adversarial=adversarial))
    first = run(tmp_path / "parts", Toy(adversarial=adversarial), images=stop_at)
    assert (first.finished, first.reason, first.images_seen) == (False, "SIGINT", stop_at)
    second = run(tmp_path / "parts", Toy(adversarial=adversarial))
    assert (second.finished, second.images_seen) == (True, 48) == (whole.finished, whole.images_seen)
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path / "none", Toy(), workers=0)
    run(tmp_path / "two", Toy(), workers=2)
    assert_same(tmp_path / "none", tmp_path / "two")


def test_training_changes_both_networks_and_lowers_the_loss(tmp_path: Path) -> None:
    objective = Toy()
    before = {key: value.clone() for key, value in objective.named_parameters()}
    run(tmp_path, objective)
    changed = [key for key, value in objective.named_parameters() if not torch.equal(value, before[key])]
    assert any(key.startswith("generators") for key in changed)
    assert any(key.startswith("discriminators") for key in changed)
    losses_seen = [value for _, value in History(tmp_path / "metrics.jsonl", 48).series("validation/l1")]
    assert losses_seen[-1] < losses_seen[0]


def test_generator_steps_leave_the_discriminator_without_gradient(tmp_path: Path) -> None:
    objective = Toy()
    before = [parameter.clone() for parameter in objective.discriminators.parameters()]
    run(tmp_path, objective, images=8, discriminator_learning_rate=1e-30, learning_rate=0.1)
    assert all(torch.allclose(new, old, rtol=0, atol=1e-20) for new, old in zip(objective.discriminators.parameters(), before, strict=True))
    assert all(parameter.requires_grad for parameter in objective.discriminators.parameters())


def test_the_run_folder_holds_what_a_user_looks_for(tmp_path: Path) -> None:
    run(tmp_path, Toy())
    report = (tmp_path / "report.html").read_text()
    assert all(text in report for text in ("<svg", "data:image/png;base64", "validation/l1"))
    assert "http" not in report.replace("http://www.w3.org", "")
    assert {"checkpoint.pt", "best.safetensors", "latest.safetensors", "metrics.jsonl"} <= {path.name for path in tmp_path.iterdir()}
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_best_is_the_checkpoint_with_the_lowest_validation_loss(tmp_path: Path) -> None:
    outcome = run(tmp_path, Toy())
    series = History(tmp_path / "metrics.jsonl", 48).series("validation/l1")
    images, value = min(series, key=lambda point: point[1])
    assert outcome.best == value
    assert load_file(tmp_path / "best.safetensors")["images_seen"] == images


def test_max_minutes_saves_and_says_so(tmp_path: Path) -> None:
    outcome = run(tmp_path, Toy(), max_minutes=1e-9)
    assert (outcome.finished, outcome.images_seen) == (False, 0)
    assert "max-minutes" in outcome.reason
    assert run(tmp_path, Toy()).finished


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    run(tmp_path, Toy())
    before = checkpoints.load(tmp_path)
    assert run(tmp_path, Toy()).finished
    assert tensors(before).keys() == tensors(checkpoints.load(tmp_path)).keys()
    assert checkpoints.load(tmp_path)["images_seen"] == 48  # type: ignore[index]


def test_another_networks_checkpoint_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Toy(adversarial=False), images=4)
    with pytest.raises(TrainingError, match="other networks"):
        run(tmp_path, Toy())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_and_resumes(tmp_path: Path, precision: str) -> None:
    run(tmp_path, Toy(), images=20, precision=precision)
    assert run(tmp_path, Toy(), precision=precision).finished
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    fabric = make_fabric(TrainerConfig(device="cpu", precision=precision))  # type: ignore[arg-type]
    with fabric.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype, "and not another one in its place"
    assert all(bool(torch.isfinite(value).all()) for value in checkpoints.load(tmp_path)["ema"]["average"].values())  # type: ignore[index]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="cuda"):
        make_fabric(TrainerConfig(device="cuda"))


def test_history_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"images": 4, "a": 1}\n{"images": 8, "a": 2}\n{"images": 12, "a": 3}\n{"ima')
    assert History(path, 8).series("a") == [(4, 1), (8, 2)]
    assert path.read_text() == '{"images": 4, "a": 1}\n{"images": 8, "a": 2}\n'


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler")
def test_compiled_generators_learn_the_same_and_their_checkpoints_fit_both(tmp_path: Path) -> None:
    toy = {"norm": "none", "noise": 0.0}
    run(tmp_path / "plain", Toy(**toy))
    run(tmp_path / "both", Toy(**toy), images=20, compile=True)
    compiled = Toy(**toy)
    run(tmp_path / "both", compiled, compile=True)
    assert compiled.generators["sr"]._compiled_call_impl is not None
    plain, both = (load_file(tmp_path / name / "latest.safetensors") for name in ("plain", "both"))
    assert plain.keys() == both.keys()
    for key, value in plain.items():
        assert torch.allclose(value, both[key], atol=1e-4), key


def test_kernels_of_cuda_are_chosen_by_the_configuration() -> None:
    cudnn, before = torch.backends.cudnn, torch.get_float32_matmul_precision()
    flags = cudnn.allow_tf32, cudnn.benchmark
    try:
        choose_kernels(TrainerConfig())
        assert (torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark) == ("high", True, False)
        choose_kernels(TrainerConfig(tf32=False, cudnn_benchmark=True))
        assert (torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark) == ("highest", False, True)
    finally:
        torch.set_float32_matmul_precision(before)
        cudnn.allow_tf32, cudnn.benchmark = flags
