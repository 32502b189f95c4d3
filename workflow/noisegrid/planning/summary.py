"""The summary that `noisegrid plan` prints: the jobs that a study would submit, and their device-hours."""

from pathlib import Path

from noisegrid.planning import estimate
from noisegrid.planning.plan import Plan

#: The number of attempts that slurm/config.yaml allows a job. Each attempt gets more time.
ATTEMPTS = 3


def summary(plan: Plan) -> str:
    """Return one line for each task on each kind of hardware, notes on jobs that take too long, and the totals."""
    lines = [
        f"{'hardware':16s} {'task':28s} {'cells':>5s} {'replicates':>10s} {'jobs':>5s} {'device-hours':>12s} {'by':>8s}"
    ]
    found = estimate.estimates(plan.study, Path(plan.config["results"]))
    for line in found:
        jobs = len(plan.packing.chunks_of(line.hardware, line.task))
        hours = "not known" if line.hours is None else f"{line.hours:.3g}"
        by = "" if line.pace is None else "pilot" if line.pace.measured else "estimate"
        lines.append(
            f"{line.hardware:16s} {line.task:28s} {line.cells:5d} {line.replicates:10d} {jobs:5d} {hours:>12s} {by:>8s}"
        )
    lines += [note for line in found if (note := _too_long(plan, line))]
    known = [line.hours for line in found if line.hours is not None]
    jobs = sum(len(plan.packing.chunks(hardware)) for hardware in plan.study.values("hardware"))
    lines.append(
        f"{plan.study.name}: {len(plan.study.cells)} cells, {sum(line.replicates for line in found)} replicates in "
        f"{jobs} training jobs, {len(plan.study.timed_hardware)} timing jobs; about {sum(known):.3g} device-hours"
        + ("" if len(known) == len(found) else " for tasks with a known pace; `snakemake pilot` measures the rest")
    )
    return "\n".join(lines)


def _too_long(plan: Plan, line: estimate.Estimate) -> str:
    """Return a note if a job needs more time than all its attempts have together, else an empty string."""
    hours = plan.packing.longest_job_hours(line)
    have = sum(range(1, ATTEMPTS + 1)) * plan.site.settings["minutes_per_job"] / 60
    if hours <= have:
        return ""
    return (
        f"note: a job of {line.task} on {line.hardware} takes about {hours:.0f} h, but its {ATTEMPTS} attempts have "
        f"{have:.0f} h in total on SLURM; raise minutes_per_job (slurm/site.yaml), or run Snakemake again until the "
        "job is done"
    )
