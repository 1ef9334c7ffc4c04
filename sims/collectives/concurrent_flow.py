"""The least time of an all-to-all on any wiring: maximum concurrent flow, as a linear program (Shahrokhi and Matula, J.
ACM 37, 1990), with one commodity per source (Basu et al., arXiv 2309.13541, 2023).

Every rank sends each other its share, over whatever nodes pass it on, member ranks among them:

    maximise theta: for each source s, what enters v less what leaves it is theta share[s, v] at ranks v, and 0 at
    other nodes; over all sources together no link carries more than its capacity
"""

from __future__ import annotations

import numpy as np

from ..network import Network
from .communicator import Communicator
from .demand import Call, pair_shares
from .wiring_units import nodes_between, wiring

MOST_VARIABLES = 3000
"""Sources times links; beyond, the program takes longer than the simulation, and cuts must do."""


def exchange_s_per_byte(network: Network, comm: Communicator, call: Call) -> float:
    """Seconds per byte of size at line rate, 0 for a network that is too large or leaves a rank out."""
    # Every node has a link at least.
    if comm.size * max(comm.size, len(nodes_between(network, comm))) > MOST_VARIABLES:
        return 0.0
    wires = wiring(network, comm, network.fabric.capacity_bps)
    tail, head = np.nonzero(wires.capacity_bps)
    n, nodes, links = comm.size, len(wires.capacity_bps), len(tail)
    if n * links > MOST_VARIABLES or len(np.unique(head[head < n])) < n:
        return 0.0
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_array, hstack, vstack

    link = np.arange(links)
    entering = csr_array((np.ones(links), (head, link)), (nodes, links))
    balance = entering - csr_array((np.ones(links), (tail, link)), (nodes, links))
    wanted = np.zeros((n, nodes))
    wanted[:, :n] = pair_shares(call, n)
    wanted[np.arange(n), np.arange(n)] = 0
    elsewhere = np.arange(nodes) != np.arange(n)[:, None]
    rows = [balance[kept] for kept in elsewhere]
    conserved = hstack([block_diag(rows), csr_array(-wanted[elsewhere][:, None])])
    capacity = wires.capacity_bps[tail, head]
    unit = capacity.max()
    shared = hstack([csr_array(np.tile(np.eye(links), n)), csr_array((links, 1))])
    goal = np.zeros(n * links + 1)
    goal[-1] = -1
    solved = linprog(
        goal, A_ub=vstack([shared]), b_ub=capacity / unit, A_eq=conserved, b_eq=np.zeros(conserved.shape[0])
    )
    # The solver's tolerance must not lift the bound above what can be reached.
    return 8 / (-solved.fun * unit) * (1 - 1e-6) if solved.success and solved.fun < 0 else 0.0
