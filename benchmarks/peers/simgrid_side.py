"""SimGrid's side of `simgrid_compare.py`, for the Python that Debian's python3-simgrid is installed in.

Reads a case as JSON on stdin (capacity in bytes/s per link; per flow: src, dst, path, size in bytes, start in s) and
prints {"finish": [s per flow], "wall_s": time in the run alone}. Model CM02 without latency or TCP: plain max-min.
"""

import json
import sys
import time

from simgrid import Actor, Comm, Engine, LinkInRoute, NetZone, this_actor

MAX_MIN = ["network/model:CM02", "network/TCP-gamma:0", "network/crosstraffic:0", "contexts/stack-size:64"]


def main() -> None:
    case = json.load(sys.stdin)
    engine = Engine(["peer", *(f"--cfg={setting}" for setting in MAX_MIN), "--log=root.threshold:error"])
    zone = NetZone.create_full_zone("peer")
    flows = list(zip(case["src"], case["dst"], case["path"], case["size"], case["start"], strict=True))
    ends = sorted({f"{kind}{end}" for src, dst, *_ in flows for kind, end in (("s", src), ("d", dst))})
    hosts = {name: zone.create_host(name, 1e9) for name in ends}
    links = [zone.create_link(f"l{i}", capacity).set_latency(0.0).seal() for i, capacity in enumerate(case["capacity"])]
    for pair, path in {(src, dst): path for src, dst, path, *_ in flows}.items():
        ends = hosts[f"s{pair[0]}"].netpoint, hosts[f"d{pair[1]}"].netpoint
        zone.add_route(*ends, None, None, [LinkInRoute(links[i]) for i in path], False)
    zone.seal()
    finish = [0.0] * len(flows)

    def send(flow: int, src: int, dst: int, size: float, start: float) -> None:
        this_actor.sleep_until(start)
        Comm.sendto(hosts[f"s{src}"], hosts[f"d{dst}"], round(size))
        finish[flow] = Engine.clock

    for flow, (src, dst, _, size, start) in enumerate(flows):
        Actor.create(f"f{flow}", hosts[f"s{src}"], send, flow, src, dst, size, start)
    begin = time.perf_counter()
    engine.run()
    print(json.dumps({"finish": finish, "wall_s": time.perf_counter() - begin}))


main()
