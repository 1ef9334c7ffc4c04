"""MLCommons Chakra execution traces: read, written, and run on a fabric."""

from .run import TraceResult, run_trace
from .trace import Attribute, Node, NodeType, Tensors, Trace, read_trace, write_trace

__all__ = ["Attribute", "Node", "NodeType", "Tensors", "Trace", "TraceResult", "read_trace", "run_trace", "write_trace"]
