"""Everything about a run that changes while it goes: what a checkpoint holds."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import distributed

from img2img.errors import TrainingError, cause_of
from img2img.training import checkpoint
from img2img.training.ema import Ema
from img2img.training.health import Health
from img2img.training.objective import Objective


@dataclass
class Counters:
    """How far a run is, and what its validations and faults have changed.

    Attributes:
        images_seen, steps: how far it is.
        best: the best validation figure so far.
        stale: validations since that one, or since something was last done about it.
        rate: what the schedule's learning rates are multiplied by: 1 until something went wrong.
        accumulate: batches in a step.
        skipped: steps in a row whose gradients were not finite.
        rollbacks: returns to a checkpoint so far.
    """

    images_seen: int = 0
    steps: int = 0
    best: float | None = None
    stale: int = 0
    rate: float = 1.0
    accumulate: int = 1
    skipped: int = 0
    rollbacks: int = 0


class TrainingState:
    """A run's networks, averages, optimizers, counters and health, saved and restored together."""

    def __init__(self, run: Path, objective: Objective, optimizers: Mapping[str, Any], ema: Ema, health: Health, fabric: Fabric) -> None:
        self.run, self.objective, self.optimizers, self.ema, self.health, self.fabric = run, objective, optimizers, ema, health, fabric
        self.counters = Counters()

    def save(self) -> None:
        """Write the checkpoint; every process must call this at the same step.

        Raises:
            TrainingError: it cannot be written; the one before is intact.
        """
        pools = self._from_all_processes(self.objective.pools.state_dict())
        if self.fabric.is_global_zero:
            state = {
                **vars(self.counters),
                "objective": {
                    "generators": self.objective.generators.state_dict(),
                    "discriminators": self.objective.discriminators.state_dict(),
                },
                "pools": pools,
                "ema": self.ema.state_dict(),
                "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
                "precision": self.fabric._precision.state_dict(),
                "health": self.health.state_dict(),
            }
            checkpoint.save(self.run, state)
        self.fabric.barrier()

    def load(self) -> bool:
        """Take over the run's checkpoint; False when there is none.

        Raises:
            TrainingError: the checkpoints are damaged, or of other networks.
        """
        state = checkpoint.load(self.run)
        if state is None:
            return False
        try:
            for name, networks in (("generators", self.objective.generators), ("discriminators", self.objective.discriminators)):
                if difference := _difference(state["objective"][name], networks.state_dict()):
                    raise TrainingError(
                        f"the checkpoint in {str(self.run)!r} is of other networks: {difference}; give the settings that the run was begun "
                        "with (its config.json), or choose another --run"
                    )
            self.objective.generators.load_state_dict(state["objective"]["generators"])
            self.objective.discriminators.load_state_dict(state["objective"]["discriminators"])
            if len(state["pools"]) == self.fabric.world_size:  # with another number of processes the pools start empty
                self.objective.pools.load_state_dict(state["pools"][self.fabric.global_rank])
            self.ema.load_state_dict(state["ema"])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
            self.counters = Counters(**{field.name: state[field.name] for field in fields(Counters)})
            self.health.load_state_dict(state["health"])
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            cause = cause_of(error) or "it holds another optimizer, average or record than these settings make"
            raise TrainingError(f"the checkpoint in {str(self.run)!r} cannot be resumed: {cause}; choose another --run") from error
        self.fabric._precision.load_state_dict(state["precision"])
        return True

    def _from_all_processes(self, mine: dict[str, Any]) -> list[dict[str, Any]]:
        if self.fabric.world_size == 1:
            return [mine]
        everybody: list[Any] = [None] * self.fabric.world_size
        distributed.all_gather_object(
            everybody, {key: value.cpu() if isinstance(value, torch.Tensor) else value for key, value in mine.items()}
        )
        return everybody


def _difference(saved: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> str:
    """The first difference of two networks' states by names and shapes, in words; '' where there is none."""
    for key in sorted(saved.keys() | wanted.keys()):
        if key not in saved:
            return f"it has no {key!r}"
        if key not in wanted:
            return f"it has {key!r}, which these networks have not"
        if saved[key].shape != wanted[key].shape:
            return f"its {key!r} is {list(saved[key].shape)}, here {list(wanted[key].shape)}"
    return ""
