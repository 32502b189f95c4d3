"""The summary that `noisegrid plan` prints: what a study costs, on each kind of hardware and in all."""

from collections.abc import Callable, Sequence

from noisegrid.common.progress import duration, size
from noisegrid.planning.costs import ATTEMPTS, Costs, HardwareCost, TaskCost, costs, total
from noisegrid.planning.plan import Plan
from noisegrid.runtime.hardware import stack_of

NOT_KNOWN = "not known"
#: An estimate that was not measured may be too low by this factor.
UNSURE = 2
#: Stands before a time that the catalog's numbers give, and that was not measured.
ESTIMATED = "~"
HEADER = ("task", "cells", "replicates", "jobs", "one takes", "all take", "device memory", "disk", "files")


def summary(plan: Plan, found: Costs | None = None) -> str:
    """Return a table for each kind of hardware, notes on jobs that take too long, and the totals."""
    found = found or costs(plan)
    lines = list[str]()
    for one in found.hardware:
        lines += [*_table(one, found.currency), ""]
    lines += [note for one in found.hardware for task in one.tasks if (note := too_long(one, task))]
    return "\n".join([*lines, *_totals(found)])


def _table(one: HardwareCost, currency: str) -> list[str]:
    """Return what a study costs on one kind of hardware."""
    head = f"{one.hardware}: {', '.join(_counts(one))}; a job asks for {_asks(one)}; stack {stack_of(one.hardware)}"
    if not one.tasks:
        return [head]
    rows = [HEADER, *map(_row, one.tasks)]
    if len(one.tasks) > 1:
        rows.append(_sum(one.tasks, one.jobs))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  " + "  ".join(_aligned(row, widths)) for row in rows]
    return [head, *table, *([f"  price: {_price(one.price, currency)}"] if one.price_per_hour is not None else [])]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the words of a row, the first one aligned left, the others right."""
    words = list(zip(row, widths, strict=True))
    return [words[0][0].ljust(words[0][1]), *(word.rjust(width) for word, width in words[1:])]


def _counts(one: HardwareCost) -> list[str]:
    """Return the numbers of jobs in words."""
    counts = {"training job": one.jobs, "timing job": one.timing_jobs}
    return [_number(number, what) for what, number in counts.items() if number]


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _asks(one: HardwareCost) -> str:
    """Return what a job asks SLURM for, in words."""
    asks = one.asks
    gpu = [f"{asks['gpus']} GPU" + (f" ({asks['gpu']})" if asks["gpu"] else "")] if asks["gpus"] else []
    words = [
        *gpu,
        _number(asks["cores"], "core"),
        f"{size(1e6 * asks['memory_mb'])} of memory",
        duration(60 * asks["minutes"]),
    ]
    words += [f"partition {asks['partition']}"] if asks["partition"] else []
    return ", ".join(words + ([f"account {asks['account']}"] if asks["account"] else []))


def _row(task: TaskCost) -> tuple[str, ...]:
    mark = "" if task.is_measured else ESTIMATED
    numbers = f"{task.cells:,}", f"{task.replicates:,}", f"{task.jobs:,}"
    times = _hours(task.hours_each, mark), _hours(task.hours, mark)
    memory = NOT_KNOWN if task.memory_gb is None else size(1e9 * task.memory_gb)
    return task.task, *numbers, *times, memory, _size(task.bytes), f"{task.files:,}"


def _sum(tasks: Sequence[TaskCost], jobs: int) -> tuple[str, ...]:
    """Return the row with the totals; a job may train several tasks, so `jobs` is given."""
    numbers = f"{sum(task.cells for task in tasks):,}", f"{sum(task.replicates for task in tasks):,}", f"{jobs:,}"
    times = "", _hours(total(task.hours for task in tasks), _mark(tasks))
    disk = _size(total(task.bytes for task in tasks))
    return "in all", *numbers, *times, "", disk, f"{sum(task.files for task in tasks):,}"


def _mark(tasks: Sequence[TaskCost]) -> str:
    return "" if all(task.is_measured for task in tasks) else ESTIMATED


def _hours(hours: float | None, mark: str) -> str:
    if hours is None:
        return NOT_KNOWN
    return mark + (duration(3600 * hours) if 3600 * hours >= 1 else "1 s")  # a start alone takes longer


def _size(count: float | None) -> str:
    return NOT_KNOWN if count is None else size(count)


def _price(price: float | None, currency: str) -> str:
    return NOT_KNOWN if price is None else " ".join(filter(None, [f"{price:,.0f}", currency]))


def too_long(one: HardwareCost, task: TaskCost) -> str:
    """Return a note if a job may need more time than its first attempt, or than all its attempts have."""
    first, hours = one.asks["minutes"] / 60, task.hours_of_job
    have = sum(range(1, ATTEMPTS + 1)) * first
    if hours is None or hours <= first:
        return ""
    unsure = "" if task.is_measured else ", or twice as long"
    what = f"note: a job of {task.task} on {one.hardware} takes about {duration(3600 * hours)}{unsure}"
    if hours * (1 if task.is_measured else UNSURE) > have:
        return (
            f"{what}, but its {ATTEMPTS} attempts have {duration(3600 * have)} in total on SLURM; raise "
            "minutes_per_job (slurm/site.yaml), or run Snakemake again until the job is done"
        )
    more = " and ".join(duration(3600 * first * attempt) for attempt in range(2, ATTEMPTS + 1))
    return (
        f"{what}, more than the {duration(3600 * first)} of its first attempt; the next ones ask for {more}, which the "
        "partition must allow; or raise minutes_per_job (slurm/site.yaml)"
    )


def _totals(found: Costs) -> list[str]:
    """Return the last lines: the numbers of the whole study, and what they rest on."""
    tasks = found.tasks
    cells, replicates = sum(task.cells for task in tasks), sum(task.replicates for task in tasks)
    training, timing = (sum(getattr(one, name) for one in found.hardware) for name in ("jobs", "timing_jobs"))
    lines = [
        f"{found.study}: {_number(cells, 'cell')}, {_number(replicates, 'replicate')} in "
        f"{_number(training, 'training job')}, {_number(timing, 'timing job')}",
        f"  device time: {_known([task.hours for task in tasks], lambda hours: _hours(hours, _mark(tasks)))}",
        f"  disk: {_known([task.bytes for task in tasks], _size)} in {sum(task.files for task in tasks):,} files",
    ]
    priced = [one for one in found.hardware if one.tasks]
    if any(one.price_per_hour is not None for one in priced):
        lines.append(f"  price: {_known([one.price for one in priced], lambda price: _price(price, found.currency))}")
    if any(task.hours is None for task in tasks):
        lines.append("  `snakemake pilot` measures what a replicate takes")
    elif _mark(tasks):
        lines.append(f"  {ESTIMATED} estimated, within a factor of about two at best; `snakemake pilot` measures it")
    return lines


def _known(numbers: Sequence[float | None], words: Callable[[float | None], str]) -> str:
    """Return a sum in words; if only a part of it is known, that part, and how much is not."""
    known = [number for number in numbers if number is not None]
    if len(known) == len(numbers) or not known:
        return words(total(known) if known else None)
    return f"at least {words(total(known))}; {len(numbers) - len(known)} of {len(numbers)} are not known"
