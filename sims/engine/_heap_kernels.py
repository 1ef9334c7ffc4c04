"""Binary min-heaps in two parallel arrays, a float64 key and an int32 item. Equal keys stay where they are."""

from __future__ import annotations

from ._kernel import part


@part
def sift_down(key, item, size, at):
    """Restore the heap order of `key[:size]`, `item[:size]` below position `at`."""
    if at >= size:
        return
    moving_key, moving = key[at], item[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and key[child + 1] < key[child]:
            child += 1
        if key[child] >= moving_key:
            break
        key[at], item[at] = key[child], item[child]
        at = child
    key[at], item[at] = moving_key, moving


@part
def sift_up(key, item, at):
    """Restore the heap order above position `at`."""
    moving_key, moving = key[at], item[at]
    while at > 0:
        parent = (at - 1) // 2
        if key[parent] <= moving_key:
            break
        key[at], item[at] = key[parent], item[parent]
        at = parent
    key[at], item[at] = moving_key, moving


@part
def heapify(key, item, size):
    """Order `key[:size]`, `item[:size]` as a heap."""
    for at in range(size // 2 - 1, -1, -1):
        sift_down(key, item, size, at)
