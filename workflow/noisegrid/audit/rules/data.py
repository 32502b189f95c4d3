"""Rules about the data: epochs and workers draw anew, and DataLoaders do not mix sources of noise."""

from collections.abc import Iterator
from itertools import pairwise

from noisegrid.audit.evidence import Evidence
from noisegrid.audit.finding import NAMES, SEEDED, Finding, named
from noisegrid.audit.log import LAYER
from noisegrid.audit.observation import CONTENTS, DATA_ORDER, MASKS, Epoch, Observation, by_index

#: How many examples have the same order in two epochs by chance less than once in 40,000 times.
ENOUGH = 8


def same_again(evidence: Evidence) -> Iterator[Finding]:
    """Find epochs, workers or steps that draw the same random numbers again."""
    base = evidence.base
    streams = list(_same_streams(base))
    yield from streams
    epochs = [one for one in base.epochs if one.indices is not None]
    pairs = [(one, other) for one, other in pairwise(epochs) if one.loader == other.loader]
    if not streams and base.augments and any(_same_contents(*pair) for pair in pairs):
        yield Finding(
            "same in every epoch", CONTENTS,
            "the augmentation of an example is the same in every epoch, although random numbers are drawn for it. "
            "Let them depend on the epoch too.",
        )  # fmt: skip
    if base.shuffles and any(_same_order(*pair) for pair in pairs):
        yield Finding(
            "same in every epoch", DATA_ORDER,
            "the order of the examples is the same in every epoch, although it is drawn at random. Seed the sampler "
            "once, or call its set_epoch.",
        )  # fmt: skip
    by_step: dict[int, list[str]] = {}
    for draw in base.log.of("draw"):
        if draw["where"] == LAYER:
            by_step.setdefault(draw["step"], []).append(draw["values"])
    masks = list(by_step.values())
    if len(masks) > 2 and all(one == masks[1] for one in masks[1:]):
        yield Finding(
            "same in every step", MASKS, "dropout draws the same masks in every step. Seed once, before training."
        )


def _same_order(one: Epoch, other: Epoch) -> bool:
    """Return whether two epochs have the same order; of a longer one that was cut short, its first examples."""
    first, second = one.indices or (), other.indices or ()
    count = min(len(first), len(second))
    whole = len(one.rows) > 1 and first == second
    return whole or (count >= ENOUGH and first[:count] == second[:count])


def _same_contents(one: Epoch, other: Epoch) -> bool:
    """Return whether each example that both epochs have is the same in both."""
    first, second = by_index(one), by_index(other)
    common = [index for index in first if index in second]
    return len(common) > 1 and all(first[index] == second[index] for index in common)


def _same_streams(base: Observation) -> Iterator[Finding]:
    """Yield what is wrong with the states from which workers, or epochs, start to draw."""
    repeated, copied = set[str](), set[str]()
    items = list(base.streams.items())
    for number, ((loader, worker, epoch), states) in enumerate(items):
        for (other_loader, other_worker, other_epoch), others in items[number + 1 :]:
            same = {name for name in states if states[name] == others.get(name)}
            if loader == other_loader and worker == other_worker and epoch != other_epoch:
                repeated |= same
            elif loader == other_loader and worker != other_worker:
                copied |= same
    for name in sorted(copied):
        yield Finding(
            "same in every worker", CONTENTS,
            f"workers of a DataLoader start with the same state of {named(name)}, so they draw the same augmentation. "
            f"{_remedy(name, base)}",
        )  # fmt: skip
    for name in sorted(repeated):
        yield Finding(
            "same in every epoch", CONTENTS,
            f"every epoch starts with the same state of {named(name)}, so the same augmentation is drawn in every "
            f"epoch. {_remedy(name, base)}",
        )  # fmt: skip


def _remedy(generator: str, base: Observation) -> str:
    """Return how to give each worker and epoch another state of a generator."""
    if again := _seeded_again(generator, base):
        return again
    if not any(one["workers"] for one in base.training_loaders):
        return "Seed it once, before the first epoch."
    if generator == "numpy":
        return "Call np.random.seed(torch.initial_seed() % 2**32) in worker_init_fn."
    if generator == "python":
        return "Call random.seed(torch.initial_seed()) in worker_init_fn."
    if generator in NAMES:
        return "Set the seed once, before training, and none in worker_init_fn or in an epoch."
    attribute = generator.partition(".")[2]
    return (
        f"Seed it in worker_init_fn, such as get_worker_info().dataset.{attribute} = "
        "np.random.default_rng(torch.initial_seed())."
    )


def _seeded_again(generator: str, base: Observation) -> str:
    """Return which line seeds a generator several times in the main process with one value; empty if none does."""
    places: dict[tuple[str, str], int] = {}
    for one in base.log.of("seed"):
        if one["generator"] == generator and one["place"]:
            key = one["place"], str(one["value"])
            places[key] = places.get(key, 0) + 1
    for (place, value), count in places.items():
        if count > 1:
            words = f"{SEEDED[generator]}({value}) is called {count} times at {place}"
            return f"{words}: call it once, before the first epoch."
    return ""


def loaders(evidence: Evidence) -> Iterator[Finding]:
    """Find DataLoaders that mix sources of noise."""
    base = evidence.base
    for one in base.training_loaders:
        if one["drop_last"] and one["shuffles"] and one["examples"] and one["batch_size"]:
            left = one["examples"] % one["batch_size"]
            if left:
                yield Finding(
                    "drop_last", DATA_ORDER,
                    f"drop_last leaves {left} of {one['examples']} examples out of every epoch, and shuffling decides "
                    "which: the order's seed also chooses the data. Choose a batch size that divides their number, "
                    "or keep the last batch.",
                )  # fmt: skip
    for epoch in base.epochs:
        loader = next(one for one in base.training_loaders if one["loader"] == epoch.loader)
        if loader["iterable"] and loader["workers"] > 1 and len(set(epoch.rows)) <= len(epoch.rows) / 2:
            yield Finding(
                "every worker reads all", DATA_ORDER,
                f"each of the {loader['workers']} workers reads every example, so an epoch has each of them more than "
                "once. Let worker i of n read every n-th example (torch.utils.data.get_worker_info).",
            )  # fmt: skip
            break
    every = [*base.training_loaders, *base.evaluation_loaders]
    for number, one in enumerate(every):
        for other in every[number + 1 :]:
            again = one["dataset"] == other["dataset"] and other in base.training_loaders  # one that is made anew
            if set(one["generators"]) & set(other["generators"]) and not again:
                what = "of training and of evaluation" if other in base.evaluation_loaders else "of training"
                yield Finding(
                    "shared generator", DATA_ORDER,
                    f"one generator serves two DataLoaders {what}: each use of one changes the order of the other. "
                    "Give each a generator of its own.",
                )  # fmt: skip
    sizes = [len(one["rows"]) for one in base.log.of("forward") if not one["training"]]
    if 1 in sizes and max(sizes) > 1:
        yield Finding(
            "last batch of one", "evaluation",
            f"an evaluation has a batch of one example beside batches of {max(sizes)}: other kernels may compute it, "
            "and give other bits. Fill up the last batch, or choose a batch size that divides the number of examples.",
        )  # fmt: skip


def autotune(evidence: Evidence) -> Iterator[Finding]:
    """Find kernels that are chosen by timing them."""
    if any(end["autotune"] for log in evidence.base.logs for end in log.of("end")):
        yield Finding(
            "autotune", "kernels",
            "torch.backends.cudnn.benchmark is on: on a GPU, kernels are chosen by their time, which differs from "
            "run to run. Set it to False.",
        )  # fmt: skip
