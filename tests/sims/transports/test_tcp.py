"""Kernel TCP: what the host, not the wire, decides."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.network import Detail, Network
from fabricsim.sims.transports.host_stack import HostStack

KERNEL_S = 20e-6
"""Both ends of a message, as the catalogue has it."""
PAYLOAD = (9000 - 52) / 9038
"""Jumbo frames: IPv4 and TCP with timestamps take 52 of 9000 bytes, Ethernet 38 more."""


def _send(fabric, src=(0,), dst=(1,), size=1e9, **parameters):
    return Network(fabric, transport="tcp", parameters=parameters).transfer(src, dst, size)


def _moving_s(ran):
    return ran.finish_s - ran.latency_s


def test_one_socket_is_one_core(star):
    """42 Gbit/s of a wire of 100, and not a bit more for a faster one."""
    assert 8e9 / _moving_s(_send(star(2)))[0] == pytest.approx(42e9)


def test_sockets_add_cores_until_the_wire_is_full(star):
    """Four would reach 168 Gbit/s; the wire carries 99 of 100."""
    assert 8e9 / _moving_s(_send(star(2), qps=2))[0] == pytest.approx(84e9)
    assert 8e9 / _moving_s(_send(star(2), qps=4))[0] == pytest.approx(1e11 * PAYLOAD, rel=1e-3)


def test_a_port_has_only_so_many_cores(star):
    """Two cores for three senders into one port: 84 Gbit/s together."""
    ran = _send(star(4), [1, 2, 3], [0, 0, 0], cores=2)
    assert 3 * 8e9 / _moving_s(ran).max() == pytest.approx(84e9)


def test_the_copy_is_half_of_a_cores_work_and_segments_the_other(star):
    assert 8e9 / _moving_s(_send(star(2), copies=0))[0] == pytest.approx(84e9)
    assert 8e9 / _moving_s(_send(star(2), copies=2))[0] == pytest.approx(28e9)
    assert HostStack(segment_bytes=32 * 1024).core_bps == pytest.approx(42e9 * 2 / 3)


def test_a_message_pays_the_kernel_at_both_ends(star):
    """Two links of 500 ns and a 64-byte message of 154 bytes on the wire."""
    ran = _send(star(2), size=64.0)
    assert ran.finish_s[0] == pytest.approx(KERNEL_S + 1e-6, abs=0.2e-6)
    bare = Network(star(2), transport="tcp").at(Detail.PORTS).transfer([0], [1], 64.0)
    assert bare.finish_s[0] < 0.1e-6


def test_rdma_on_the_same_wire_is_faster_for_the_hosts_reasons_alone(star):
    """Same headers, same wire: the rest is a core and a kernel."""
    same = {"mtu": "9038B", "header": "90B"}
    rdma = Network(star(2), transport="roce", parameters={**same, "qps": 4}).transfer([0], [1], 1e9)
    many = _send(star(2), qps=4)
    assert _moving_s(many)[0] == pytest.approx(_moving_s(rdma)[0], rel=1e-3)
    assert many.latency_s[0] - rdma.latency_s[0] == pytest.approx(KERNEL_S)


def test_reno_leaves_a_contended_link_idle_without_a_buffer_and_dctcp_does_not(star):
    """One window climbs from half: 3/4 of the link; sqrt(N) windows out of step need the root of N less buffer."""
    full = _moving_s(_send(star(4), [1, 2, 3], [0, 0, 0])).max()
    bare = _moving_s(_send(star(4), [1, 2, 3], [0, 0, 0], buffer="100B")).max()
    dctcp = _moving_s(_send(star(4), [1, 2, 3], [0, 0, 0], cc="dctcp")).max()
    assert bare == pytest.approx(full / 0.76, rel=0.02)
    assert dctcp == pytest.approx(full, rel=0.01)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"cc": "dctcp", "buffer": "1MB"}, "does nothing under cc=dctcp"),
        ({"cores": "0"}, "below 1"),
        ({"copies": "-1"}, "below 0"),
        ({"cc": "cubic"}, "not known"),
        ({"segment": "0B"}, "segment"),
        ({"pfc_xoff": "1MB"}, "unknown field"),
    ],
)
def test_parameters_outside_their_domain_are_refused(star, parameters, complaint):
    with pytest.raises(SpecError, match=complaint):
        Network(star(2), transport="tcp", parameters=parameters)


def test_flows_inside_a_server_know_no_kernel():
    from fabricsim.topologies import load

    cluster = load("hgx-h100", nodes=2, network="tcp")
    inside, outside = Network(cluster).transfer([0, 0], [1, 8], [1e6, 1e6]).latency_s
    assert outside > KERNEL_S > 10 * inside
    assert np.isfinite(inside)
