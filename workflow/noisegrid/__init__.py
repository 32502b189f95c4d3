"""Measure how much of a training result is noise, where it comes from, whom it affects, and what determinism costs.

The subpackages are listed below. Each of them imports only from those above it.

common      errors, schemas, atomic files, locks, provenance
runtime     the machine: hardware, devices, containers, images
study       a study, resolved into cells, seeds, noises, recipes and timed networks
records     a replicate on disk
networks    networks as PyTorch modules, which catalogs name; public
readers     readers of raw datasets, and encoders of tables and texts for your own; public
data        datasets, which are prepared once and opened by every replicate
stats       pure functions on arrays: spread, pairs, null, intervals, power
training    the training of replicates: noise, loader, loop, checkpoints, worker pool
fingerprint the bits of each operator on a processor
overhead    the timing of a network's training step, with and without determinism
measuring   the rows of metrics.csv, computed from the replicates of a cell
reporting   verdicts, tables, figures, findings and the report, made from metrics.csv and overhead.csv
planning    the plan of a study for the Snakefile: packing, resources, preflight checks, status
crate       the crates of studies: how they are written, read, checked, rerun and compared
reading     runs that exist already, read from the files of any framework
gating      verdicts on these runs: is a gain real, and how large is the noise?
presenting  a verdict as a JSON document, a comment in Markdown and an HTML page
divergence  where two runs first differ: at which step, in which layer, in which operation
testing     the plugin of pytest, and its assertions
invariance  which conditions of an evaluation change its result, and by which operation
audit       whether the seeds of a training function do what their names say
cli         the `noisegrid` command

The functions of `networks` and `readers` are public: catalogs name them, and so may your own study. The module
`trainers` is the contract of a training function of your own. The functions `gate`, `floor` and `tracing` are public,
too, and so are those of `testing` and of `audit.adapters`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from noisegrid.divergence.api import tracing
    from noisegrid.gating.api import floor, gate

__all__ = ["floor", "gate", "tracing"]

__version__ = "1.0.0"

#: The module of each public function. It is imported when the function is first used, because most commands need none.
_MODULES = {"floor": "gating.api", "gate": "gating.api", "tracing": "divergence.api"}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
