"""One step: discriminators first, then generators. What is not finite is not taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from img2img.training.config import TrainerConfig
from img2img.training.objective import AdversarialModule, Batch, Images, Losses


@dataclass(frozen=True)
class Step:
    """What a step found.

    Attributes:
        figures: detached scalars by "generator/name" and "discriminator/name".
        finite: whether its gradients were, or, in fp16, its losses.
        taken: whether all weights moved. In fp16 a finite step is not taken while the gradient scaler looks for its scale.
    """

    figures: dict[str, Tensor]
    finite: bool
    taken: bool


def place(objective: AdversarialModule, fabric: Fabric, *, compiled: bool = False) -> None:
    """Move ``objective`` to the device, in the memory format that its convolutions like, and compile its generators if so asked.

    That is channels_last, but for instance norm on a CPU, which then copies every activation twice: 1.71 CycleGAN images a second in
    place of 1.97 on two cores.
    """
    copies = fabric.device.type == "cpu" and any(isinstance(module, nn.InstanceNorm2d) for module in objective.modules())
    memory_format = torch.contiguous_format if copies else torch.channels_last
    objective.to(fabric.device, memory_format=memory_format)  # type: ignore[call-overload]
    if compiled:
        # In place: the names of the weights stay, so that checkpoints fit either way. Not the discriminators: compiled networks have no
        # second derivatives, which R1 and the gradient penalty take.
        for network in objective.generators.values():
            network.compile()


def make_optimizers(objective: AdversarialModule, config: TrainerConfig, fabric: Fabric) -> dict[str, Any]:
    """The optimizer of the generators, and that of the discriminators where there are any, set up by ``fabric``."""
    optimizers = {"generator": fabric.setup_optimizers(_optimizer(objective, config, objective.generators, config.learning_rate))}
    if objective.discriminators:
        rate = config.discriminator_learning_rate
        optimizers["discriminator"] = fabric.setup_optimizers(_optimizer(objective, config, objective.discriminators, rate))
    return optimizers


def training_step(
    objective: AdversarialModule,
    batches: Sequence[Batch],
    optimizers: Mapping[str, Any],
    config: TrainerConfig,
    fabric: Fabric,
    *,
    generators_too: bool = True,
) -> Step:
    """One step of the discriminators, then, with ``generators_too``, one of the generators, each over all of ``batches``.

    Several batches add up to one step as one large batch would, in the memory of one. A step whose gradients (or, in fp16, whose
    losses) are not finite leaves all weights as they are.
    """
    objective.figures = {}
    figures: dict[str, Tensor] = {}
    norms: dict[str, Tensor] = {}
    flags: list[Tensor] = []
    alone = len(batches) == 1
    images: Images = {}
    for pool in objective.pools.values():
        pool.mark()  # type: ignore[operator]
    if "discriminator" in optimizers:
        discriminated: list[Losses] = []
        optimizers["discriminator"].zero_grad(set_to_none=True)
        for batch in batches:
            with fabric.autocast():
                with torch.set_grad_enabled(generators_too and alone):  # the generators' own step goes on from these images
                    images = objective.generate(batch)
                discriminated.append(objective.discriminator_losses(batch, images))
            fabric.backward(_total(discriminated[-1]) / len(batches))
        figures |= _means(discriminated, "discriminator")
        found, norms["discriminator"] = _descend(
            objective.discriminators, optimizers["discriminator"], 0.0, _total(figures), config, fabric
        )
        flags.append(found)
        objective.discriminators_stepped()
    if generators_too and (not flags or _gated(optimizers["generator"], fabric) or bool(flags[0][0])):
        made: list[Losses] = []
        optimizers["generator"].zero_grad(set_to_none=True)
        objective.discriminators.requires_grad_(False)
        for batch in batches:
            with fabric.autocast():
                if not (alone and images):
                    images = objective.generate(batch)
                made.append(objective.generator_losses(batch, images))
            fabric.backward(_total(made[-1]) / len(batches))
        objective.discriminators.requires_grad_(True)
        means = _means(made, "generator")
        found, norms["generator"] = _descend(
            objective.generators, optimizers["generator"], config.clip, _total(means), config, fabric, flags[0][0] if flags else None
        )
        flags.append(found)
        figures |= means
    read = torch.stack(flags).tolist()  # the only time that the host waits for the device
    for (network, norm), (sound, moved) in zip(norms.items(), read, strict=True):
        if moved or not sound:  # the scaler's infinities say nothing of the run
            figures[f"{network}/gradient"] = norm
    finite = all(row[0] for row in read)
    if not finite:
        for pool in objective.pools.values():
            pool.restore()  # type: ignore[operator]
    return Step({**figures, **objective.figures}, finite, finite and all(row[1] for row in read))


def _descend(
    module: nn.Module,
    optimizer: Any,
    clip: float,
    loss: Tensor,
    config: TrainerConfig,
    fabric: Fabric,
    allowed: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Average the gradients over all processes, clip them and take the step, if it is ``allowed``.

    Returns:
        whether all is (finite, taken) as of a ``Step``, two flags, on the device if the host has not waited for them; the gradient's norm.
    """
    if fabric.world_size > 1:
        # Averaged here and not by DistributedDataParallel, whose hooks expect one forward pass for each backward pass;
        # a discriminator sees real and fake pictures before one.
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        mean: Any = fabric.all_reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduce_op="mean")
        for gradient, part in zip(gradients, mean.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))
    norm: Any = fabric.clip_gradients(module, optimizer, max_norm=clip or torch.inf, error_if_nonfinite=False)
    norm = norm.detach()
    if config.precision == "fp16":
        # The scaler skips steps of infinite gradients by itself, to find its scale; only a loss that is not finite is a fault.
        optimizer.step()
        loss_everywhere: Any = fabric.all_reduce(loss, reduce_op="mean")
        finite, unscaled = torch.isfinite(torch.stack([loss_everywhere, norm.float()])).cpu()
        return torch.stack([finite, finite & unscaled]), norm
    finite = torch.isfinite(norm)  # the same in every process
    finite = finite if allowed is None else finite & allowed
    if _gated(optimizer, fabric):
        optimizer.optimizer.found_inf = (~finite).float()  # as gradient scalers tell fused optimizers to leave the weights as they are
        optimizer.step()
    elif finite := finite.cpu():
        optimizer.step()
    return torch.stack([finite, finite]), norm


def _gated(optimizer: Any, fabric: Fabric) -> bool:
    """Whether ``optimizer`` itself can tell, on the device, that a step is not to be taken, so that the host need not wait to know.

    Fused ones can, which fp16 has none of.
    """
    return fabric.device.type in ("cpu", "cuda") and bool(optimizer.optimizer.param_groups[0].get("fused"))


def _optimizer(objective: AdversarialModule, config: TrainerConfig, module: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    name = objective.optimizer if config.optimizer == "auto" else config.optimizer
    if name == "rmsprop":
        return torch.optim.RMSprop(module.parameters(), lr=learning_rate, weight_decay=config.weight_decay)
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    fused = config.precision != "fp16"  # a fused optimizer unscales gradients itself, so Fabric refuses to clip them before
    return kind(module.parameters(), lr=learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=fused)


def _total(losses: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([loss.float() for loss in losses.values()]).sum()


def _means(rows: Sequence[Losses], network: str) -> dict[str, Tensor]:
    return {f"{network}/{key}": torch.stack([row[key].detach().float() for row in rows]).mean() for key in rows[0]}
