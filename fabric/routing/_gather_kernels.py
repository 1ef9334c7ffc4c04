"""Links of many pairs, listed leg by leg, put together pair by pair."""

from __future__ import annotations

import numpy as np

from ..kernels import kernel


@kernel
def in_pairs(pair, links, shares, legs, pairs, n_links):
    """CSR by pair of the entries `(pair, link, share)` of several legs: leg k has those in [legs[k], legs[k + 1]),
    ordered by pair. A pair has its legs in their order, and one entry per link: shares of a link that it lists again
    are summed. `(indptr int64[pairs + 1], links int32, shares float64)`."""
    indptr, used = np.zeros(pairs + 1, np.int64), 0
    own, summed = np.empty(len(pair), np.int32), np.empty(len(pair), np.float64)
    at, place = legs[:-1].copy(), np.full(n_links, -1, np.int64)
    for i in range(pairs):
        for leg in range(len(at)):
            while at[leg] < legs[leg + 1] and pair[at[leg]] == i:
                link, share = links[at[leg]], shares[at[leg]]
                at[leg] += 1
                if place[link] >= indptr[i]:
                    summed[place[link]] += share
                    continue
                place[link], own[used], summed[used] = used, link, share
                used += 1
        indptr[i + 1] = used
    return indptr, own[:used], summed[:used]
