"""Multi-domain translation with tiny networks: losses, resuming, validation, the model file, the data folder."""

import json
from pathlib import Path

import pytest
import torch
from scenes import save, scene
from tiny_translate import DISCRIMINATOR, RESNET, Labeled, datasets, tiny
from toy import assert_same, run

from img2img.errors import ConfigError, DataError, ModelError
from img2img.models import load_model
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import prepare
from img2img.tasks.translate.domains import DomainObjective, accuracy
from img2img.tasks.translate.train import make_objective, train_translator
from img2img.training import TrainerConfig
from img2img.training.objective import Batch

CLASSES = ("red", "green", "blue")
CONFIG = tiny("multi-domain", {**RESNET, "norm": "adain"}, {**DISCRIMINATOR, "norm": "none", "spectral_norm": True})


def domains(config: TranslateConfig = CONFIG) -> DomainObjective:
    objective = make_objective(config, "domains", datasets(Labeled, 12, CLASSES))
    assert isinstance(objective, DomainObjective)
    return objective


def batch(count: int = 3) -> Batch:
    items = [Labeled()[number] for number in range(count)]
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}


def trained(folder: Path, stop_at: int | None = None) -> None:
    made = datasets(Labeled, 6, CLASSES, stop_at=stop_at)
    run(folder, domains(), plan=16, samples=made.samples, validation=made.validation, batch=2, validate_every=8)


def test_losses_and_figures() -> None:
    objective, data = domains(), batch()
    images = objective.generate(data)
    assert images["rec_a"].shape == data["a"].shape
    assert torch.allclose(images["rec_a"], objective.generators["ab"](images["fake_b"], data["label"]))
    judged = objective.discriminator_losses(data, images)
    assert judged.keys() == {"adversarial", "classification"}
    assert "discriminator/classified" in objective.figures
    logits = objective.adversary.network.classify(data["a"]).detach()
    assert judged["classification"].item() == pytest.approx(
        -float(logits.log_softmax(1).gather(1, data["label"][:, None]).mean()), rel=1e-3
    )
    judged["classification"].backward()
    assert all(parameter.grad is None for parameter in objective.generators.parameters())
    assert objective.generator_losses(data, images).keys() == {"adversarial", "classification", "cycle"}


def test_share_of_right_answers() -> None:
    assert float(accuracy(torch.tensor([[0.0, 1.0], [3.0, 2.0], [0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 0, 0, 0]))) == 0.75


def test_a_run_in_two_parts_equals_one_in_one(tmp_path: Path) -> None:
    trained(tmp_path / "whole")
    trained(tmp_path / "parts", stop_at=6)
    trained(tmp_path / "parts")
    assert_same(tmp_path / "whole", tmp_path / "parts")
    rows = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert {"validation/vgg_kernel", "validation/accuracy", "generator/cycle"} <= {key for row in rows for key in row}


def test_validation_sets_made_pictures_beside_true_ones_of_their_target() -> None:
    objective = domains().eval()
    made = datasets(Labeled, 12, CLASSES)
    items = [{key: value[None] for key, value in made.validation[number].items()} for number in range(12)]

    class Recolor(torch.nn.Module):
        """Moves the bright channel to where the target's is: what a perfect translator does."""

        def forward(self, x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            bright = int(x.mean((0, 2, 3)).argmax())
            return x.roll(int(label) - bright, dims=1)

    untrained = objective.summary([objective.validate(item, objective.infer(item)) for item in items])
    objective.generators["ab"] = Recolor()
    perfect = objective.summary([objective.validate(item, objective.infer(item)) for item in items])
    assert perfect["vgg_kernel"] < untrained["vgg_kernel"] - 0.1
    assert list(objective.preview(items[0], objective.infer(items[0]))) == ["input", "as red", "as green", "as blue"]


def test_the_model_file_takes_a_label(tmp_path: Path) -> None:
    objective = domains().eval()
    objective.export(tmp_path / "m.safetensors", {})
    model = load_model(tmp_path / "m.safetensors")
    data = batch()
    assert torch.equal(model.network(data["a"], data["target"]), objective.generators["ab"](data["a"], data["target"]))
    assert (model.info.classes, model.info.style_dim, model.info.multiple, model.info.halo) == (CLASSES, 0, 2, objective.exported.halo)


def test_what_cannot_be_learnt_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"adversary\.weight"):
        domains(CONFIG.model_copy(update={"adversary": CONFIG.adversary.model_copy(update={"weight": 0.0})}))
    with pytest.raises(ModelError, match="adain"):
        domains(CONFIG.model_copy(update={"network": RESNET}))


def folder_config() -> TranslateConfig:
    data = CONFIG.data.model_copy(update={"size": 32, "load": 36, "validation_side": 32})
    training = TrainerConfig(images=4, batch=2, workers=0, device="cpu")
    return CONFIG.model_copy(update={"data": data, "training": training})


def test_training_on_a_folder_of_classes(tmp_path: Path) -> None:
    for number in range(5):
        save(tmp_path / "data" / "portrait" / f"{number}.png", scene(number, 60, 40))
        save(tmp_path / "data" / "landscape" / f"{number}.png", scene(10 + number, 40, 60))
    outcome = train_translator(tmp_path / "data", tmp_path / "run", folder_config(), preset="multi-domain")
    assert outcome.finished
    model = load_model(tmp_path / "run")
    assert model.info.classes == ("landscape", "portrait")
    assert model.info.recipe["data"]["classes"] == {"landscape": 2, "portrait": 2}
    assert model.info.figures["vgg_kernel"] == outcome.best


def test_a_class_with_too_few_pictures_is_named(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "data" / "many" / f"{number}.png", scene(number, 40, 40))
        save(tmp_path / "val" / "many" / f"{number}.png", scene(number, 40, 40))
    save(tmp_path / "data" / "few" / "1.png", scene(9, 40, 40))
    save(tmp_path / "val" / "few" / "1.png", scene(9, 40, 40))
    with pytest.raises(DataError, match="class 'few': one picture is too few"):
        prepare(tmp_path / "data", folder_config(), tmp_path / "cache")
    with pytest.raises(DataError, match="class 'few' has 1 picture to validate on"):
        prepare(tmp_path / "data", folder_config(), tmp_path / "cache", validation=tmp_path / "val")
    save(tmp_path / "val" / "other" / "1.png", scene(9, 40, 40))
    with pytest.raises(DataError, match=r"^val has the classes few, many, other"):
        prepare(tmp_path / "data", folder_config(), tmp_path / "cache", validation=tmp_path / "val")
