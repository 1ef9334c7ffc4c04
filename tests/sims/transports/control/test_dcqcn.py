"""DCQCN against the fixed points and the stability of its authors' fluid model."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.transports.control import DCQCN_SETS, Contention, Dcqcn, Marking
from fabricsim.sims.transports.control.dcqcn_stability import phase_margin_degrees

PAPER = Dcqcn(DCQCN_SETS["paper"])

FIXED_POINTS = [
    (40e9, 2, 7.77e-4, 20.2),
    (40e9, 4, 1.89e-3, 41.8),
    (40e9, 8, 4.55e-3, 93.8),
    (100e9, 2, 2.39e-4, 9.7),
    (100e9, 8, 1.42e-3, 32.7),
    (100e9, 32, 8.2e-3, 165.0),
    (400e9, 8, 2.39e-4, 9.7),
    (400e9, 32, 1.42e-3, 32.7),
    (400e9, 64, 3.4e-3, 71.9),
]
"""Independent solution of the theorem with the paper's parameters: rate, flows, p*, q* in KB, as printed."""


@pytest.mark.parametrize(("rate_bps", "flows", "probability", "queue_kb"), FIXED_POINTS)
def test_fixed_point_is_the_theorems_to_one_percent(rate_bps, flows, probability, queue_kb):
    link = Contention.of(rate_bps, flows, 4e-6)
    assert PAPER.probability(link)[0] == pytest.approx(probability, rel=0.01)
    assert PAPER.steady(link).queue_bytes[0] == pytest.approx(queue_kb * 1e3, rel=0.01)


def test_beyond_pmax_the_queue_hovers_at_kmax():
    link = Contention.of(40e9, 16, 4e-6)
    assert PAPER.probability(link)[0] == pytest.approx(1.09e-2, rel=0.01)
    assert PAPER.steady(link).queue_bytes[0] == 200e3


@pytest.mark.parametrize(("rate_bps", "flows"), [(40e9, 2), (40e9, 8), (100e9, 8), (400e9, 64)])
def test_closed_form_for_few_marks_lies_within_its_published_error(rate_bps, flows):
    """p ~ [R_AI N^2 / (tau' C^2) (1/B + N/(T C))^2]^(1/3), which overestimates by 14 to 60 percent here."""
    packets_per_s, increase = rate_bps / 8000, 40e6 / 8000
    timer = 55e-6
    about = increase * flows**2 / (timer * packets_per_s**2) * (1 / 1e4 + flows / (timer * packets_per_s)) ** 2
    assert 1.1 < about ** (1 / 3) / PAPER.probability(Contention.of(rate_bps, flows, 4e-6))[0] < 1.6


def test_at_the_fixed_point_the_fluid_model_stands_still():
    from fabricsim.sims.transports.control import dcqcn_stability

    links = Contention.of(100e9, 8, 4e-6)
    rate, probability = PAPER.share(links), PAPER.probability(links)
    target = dcqcn_stability._target(PAPER, links, probability, rate)
    state = [PAPER.alpha(probability, rate), target, rate, probability, rate]
    alpha, towards, current = dcqcn_stability._derivatives(PAPER, links, state)
    assert abs(alpha[0]) < 1e-9
    assert abs(towards[0]) / rate[0] < 1e-3
    assert abs(current[0]) / rate[0] < 1e-3


def test_stability_is_the_published_one():
    """At 4 us of feedback delay stable for any number of flows; at 85 us unstable for 10, stable for 2 and for 64."""
    flows = np.array([1, 2, 4, 8, 10, 16, 32, 64, 100.0])
    near = Contention(np.full(9, 40e9), flows, np.full(9, 4e-6), np.ones(9))
    assert (phase_margin_degrees(PAPER, near) > 0).all()
    few, ten, many = phase_margin_degrees(
        PAPER, Contention(np.full(3, 40e9), np.array([2, 10, 64.0]), np.full(3, 85e-6), np.ones(3))
    )
    assert few > 0 > ten
    assert many > 0


def test_an_unstable_set_warns_with_the_criterion_and_smaller_steps_mend_it():
    link = Contention.of(40e9, 10, 85e-6)
    (warning,) = PAPER.warnings(link)
    assert "10 flows" in warning
    assert "phase margin" in warning
    wide = Dcqcn(DCQCN_SETS["paper"], marking=Marking(5e3, 2000e3, 0.01))
    assert not wide.warnings(link)


def test_scaled_sets_grow_with_the_port():
    """Thresholds of 100 and 400 KB at 25 Gbit/s are 1.6 and 6.4 MB at 400."""
    (marking,) = Dcqcn(DCQCN_SETS["simulator"]).thresholds(Contention.of(400e9, 4, 5e-6))
    assert (marking.kmin_bytes, marking.kmax_bytes) == (1.6e6, 6.4e6)
    assert Dcqcn(DCQCN_SETS["simulator"]).increase(Contention.of(100e9, 1, 5e-6))[0] == 20e6 / 8000


@pytest.mark.parametrize("name", DCQCN_SETS)
def test_every_set_has_a_fixed_point_between_its_thresholds(name):
    law = Dcqcn(DCQCN_SETS[name])
    link = Contention.of(100e9, 16, 5e-6)
    (marking,) = law.thresholds(link)
    assert marking.kmin_bytes < law.steady(link).queue_bytes[0] <= marking.kmax_bytes
    assert 0 < law.probability(link)[0] < 1


def test_more_flows_more_marks_and_a_wider_ramp_a_longer_queue():
    flows = np.array([2.0, 4, 8])
    links = Contention(np.full(3, 100e9), flows, np.full(3, 5e-6), np.ones(3))
    assert (np.diff(PAPER.probability(links)) > 0).all()
    wide = Dcqcn(DCQCN_SETS["paper"], marking=Marking(5e3, 400e3, 0.01))
    assert (wide.steady(links).queue_bytes > PAPER.steady(links).queue_bytes).all()


def test_marking_that_is_none_is_refused_with_both_faults():
    with pytest.raises(SpecError) as caught:
        Marking(2e5, 1e5, 0.0)
    assert {fault.field for fault in caught.value.faults} == {"transport.ecn_kmax", "transport.ecn_pmax"}
