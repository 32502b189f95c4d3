"""Record DataLoaders: what they are, the order of examples, the batches, and the generators that reading draws from."""

import inspect
from collections import deque
from functools import wraps
from typing import Any

from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler, dataloader, get_worker_info
from torch.utils.data._utils import fetch

from noisegrid.audit.generators import global_states, private_states
from noisegrid.audit.log import FETCH, ORDER
from noisegrid.audit.watch import Watch

#: The attribute of an iterator with the number of its DataLoader.
LOADER = "_noisegrid_loader"
#: The options of a DataLoader that need workers.
WITH_WORKERS = ("prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout")


def watch_loaders(watch: Watch) -> None:
    """Record every DataLoader from now on."""
    _watch_construction(watch)
    _watch_iteration(watch)
    _watch_fetching(watch)


def _watch_construction(watch: Watch) -> None:
    construct = DataLoader.__init__
    signature = inspect.signature(construct)

    @wraps(construct)
    def constructed(self: Any, *args: Any, **kwargs: Any) -> None:
        workers = watch.request.workers
        if workers is not None:
            given = signature.bind(self, *args, **kwargs)
            given.arguments["num_workers"] = workers
            if workers == 0:
                for name in WITH_WORKERS:
                    given.arguments.pop(name, None)
            args, kwargs = given.args[1:], given.kwargs
        construct(self, *args, **kwargs)
        watch.write("loader", **_described(watch, self))

    DataLoader.__init__ = constructed  # type: ignore[method-assign]


def _described(watch: Watch, loader: Any) -> dict[str, Any]:
    batches = loader.batch_sampler  # with one of its own, as accelerate makes it, the DataLoader's options are unused
    sampler = getattr(batches, "sampler", loader.sampler)
    generators = [loader.generator, getattr(sampler, "generator", None)]
    try:
        examples = len(loader.dataset)
    except TypeError:
        examples = None
    return {
        "loader": watch.number(loader),
        "dataset": watch.number(loader.dataset),
        "sampler": type(sampler).__name__,
        "shuffles": isinstance(sampler, RandomSampler),
        "sequential": isinstance(sampler, SequentialSampler),
        "iterable": isinstance(loader.dataset, IterableDataset),
        "batch_size": getattr(batches, "batch_size", loader.batch_size),
        "drop_last": bool(getattr(batches, "drop_last", loader.drop_last)),
        "examples": examples,
        "workers": loader.num_workers,
        "generators": sorted({watch.number(one) for one in generators if one is not None}),
        "seeds": sorted({one.initial_seed() for one in generators if one is not None}),
        "init_fn": loader.worker_init_fn is not None,
    }


def _watch_iteration(watch: Watch) -> None:
    iterate, base = DataLoader.__iter__, dataloader._BaseDataLoaderIter
    next_batch, next_index = base.__next__, base._next_index

    @wraps(iterate)
    def iterated(self: Any) -> Any:
        watch.loader = watch.number(self)
        watch.write("iteration", loader=watch.loader)
        with watch.inside(ORDER):
            found = iterate(self)
        setattr(found, LOADER, watch.loader)
        return found

    @wraps(next_index)
    def indexed(self: Any) -> Any:
        with watch.inside(ORDER):
            index = next_index(self)
        if not hasattr(self, "_noisegrid_indices"):
            self._noisegrid_indices = deque()
        self._noisegrid_indices.append(index)
        return index

    @wraps(next_batch)
    def given(self: Any) -> Any:
        number = getattr(self, LOADER, -1)
        watch.loader = number
        with watch.inside(FETCH):
            batch = next_batch(self)
        indices = self._noisegrid_indices.popleft() if getattr(self, "_noisegrid_indices", None) else None
        known = isinstance(indices, list) and all(isinstance(one, int) for one in indices)
        watch.write("batch", loader=number, indices=indices if known else None, rows=watch.rows(batch))
        return batch

    DataLoader.__iter__ = iterated  # type: ignore[method-assign]
    base.__next__, base._next_index = given, indexed  # type: ignore[method-assign]


def _watch_fetching(watch: Watch) -> None:
    for kind in (fetch._MapDatasetFetcher, fetch._IterableDatasetFetcher):
        kind.fetch = _fetched(watch, kind.fetch)  # type: ignore[method-assign]


def _fetched(watch: Watch, fetching: Any) -> Any:
    @wraps(fetching)
    def fetched(self: Any, index: Any) -> Any:
        worker = get_worker_info()
        before = global_states() | private_states(self.dataset)
        try:
            with watch.inside(FETCH):
                return fetching(self, index)
        finally:
            after = global_states() | private_states(self.dataset)
            moved = [name for name in after if after[name] != before.get(name)]
            watch.write(
                "fetch", loader=watch.loader, worker=worker.id if worker else None, before=before, moved=moved,
            )  # fmt: skip

    return fetched
