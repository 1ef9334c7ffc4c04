"""Servers by the descriptions of their adapters."""

import pytest
from fabricsim.fabric.formats.ib_names import adapters, natural


def servers(*descriptions: str) -> list[int]:
    return [place.server for place in adapters(descriptions)]


def test_adapters_of_one_host_sit_in_one_server():
    assert servers("a-c1 HCA-1", "a-c2 HCA-1", "a-c1 HCA-2", "a-c2 mlx5_5") == [0, 1, 0, 1]


def test_servers_are_numbered_in_natural_order():
    assert servers("c10 mlx5_0", "c2 mlx5_0", "C1 mlx5_0") == [2, 1, 0]


def test_adapters_of_a_server_are_ordered_by_number():
    found = adapters(["x mlx5_10", "x mlx5_9", "x mlx5_0"])
    assert sorted(range(3), key=lambda n: found[n].key) == [2, 1, 0]


@pytest.mark.parametrize(
    "description",
    [
        "MT4129 ConnectX7   Mellanox Technologies",
        "Mellanox Technologies Aggregation Node",
        "localhost HCA-6",
        "ubuntu mlx5_0",
        "(none) mlx5_0",
        "storage",
        "node-1 ",
        "node-1 adapter",
        "",
    ],
)
def test_what_names_no_host_and_device_names_no_server(description):
    assert servers(description) == [-1]


def test_a_host_with_one_device_twice_is_several_machines():
    assert servers("x mlx5_0", "x mlx5_0", "x mlx5_1", "y mlx5_0") == [-1, -1, -1, 0]


def test_our_own_adapters_are_known_by_their_names():
    assert servers("nic-10-0", "nic-2-1", "nic-2-0") == [1, 0, 0]


def test_natural_order_counts():
    names = ["b1", "a10", "a9", "a09", "A1"]
    assert sorted(names, key=natural) == ["A1", "a09", "a9", "a10", "b1"]
