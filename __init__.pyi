__version__: str

from . import topologies as topologies
from .fabric.errors import FabricError as FabricError
from .fabric.errors import FabricSimError as FabricSimError
from .fabric.errors import Fault as Fault
from .fabric.errors import FlowError as FlowError
from .fabric.errors import InputError as InputError
from .fabric.errors import InternalError as InternalError
from .fabric.errors import ParseError as ParseError
from .fabric.errors import RoutingError as RoutingError
from .fabric.errors import SpecError as SpecError
from .fabric.errors import UnitError as UnitError
from .fabric.errors import UnknownNameError as UnknownNameError
from .fabric.errors import WorkloadError as WorkloadError
from .fabric.graph import Fabric as Fabric
from .fabric.graph import FabricBuilder as FabricBuilder
from .sims.collectives import collective as collective
from .sims.engine import FlowResult as FlowResult
from .sims.engine import max_min_rates as max_min_rates
from .sims.engine import simulate_flows as simulate_flows
from .sims.results import CollectiveResult as CollectiveResult
from .sims.results import TrafficResult as TrafficResult
from .sims.traffic import traffic as traffic
from .sims.train import TrainResult as TrainResult
from .sims.train import train as train
from .topologies import load as load
