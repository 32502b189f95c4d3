"""Make a function that `noisegrid audit` can run from one that builds the `Trainer` of a library (docs/audit.md)."""

from noisegrid.audit.adapters.lightning import lightning_fit
from noisegrid.audit.adapters.transformers import transformers_train

__all__ = ["lightning_fit", "transformers_train"]
