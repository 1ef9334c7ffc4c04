"""What several groups get of resources that a network has few of: those that come first are served, and one for which
nothing is left runs something else."""

from __future__ import annotations

from collections.abc import Sequence

from ...fabric.errors import Fault, WorkloadError
from ..network import Network
from .algorithms import ALGORITHMS
from .communicator import Communicator
from .groups import Group
from .offers import Offer


def granted(
    network: Network, groups: Sequence[Group], comms: Sequence[Communicator], offered: Sequence[Sequence[Offer]]
) -> tuple[Sequence[Sequence[Offer]], Sequence[str]]:
    """Of each group's offers those that it can have beside the groups before it, and a sentence for each algorithm that
    it does without. Raises WorkloadError listing every group to which nothing is left."""
    holders: dict[str, list[Communicator]] = {}
    left, sentences, faults = [], [], []
    for group, comm, offers in zip(groups, comms, offered, strict=True):
        lacking = {}
        for name in dict.fromkeys(offer.algorithm for offer in offers):
            together = [*holders.get(name, ()), comm]
            lacking[name] = ALGORITHMS[name].unfit_together(network, together)
            if not lacking[name]:
                holders[name] = together
        left.append([offer for offer in offers if not lacking[offer.algorithm]])
        reasons = {name: reason for name, reason in lacking.items() if reason}
        if not left[-1]:
            cure = "use auto, best, or fewer groups at once"
            faults += [
                Fault(f"{name} cannot run beside the groups before it: {reason}", cure, field=f"group {group.name}")
                for name, reason in reasons.items()
            ]
        sentences += [f"Group {group.name} runs without {name}: {reason}." for name, reason in reasons.items()]
    if faults:
        raise WorkloadError(faults)
    return left, sentences
