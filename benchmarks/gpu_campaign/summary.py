"""Write the summary of a campaign in Markdown, from the tables of its parts."""

from collections import defaultdict
from typing import Any

from parts import PARTS, Campaign

Row = dict[str, str]
Tables = dict[str, list[Row]]


def summary(campaign: Campaign, about: dict[str, Any], outcomes: dict[str, str], tables: Tables) -> str:
    """Return the summary: the machine, how each part ended, and a table for each part."""
    device, software = about["device"], about["software"]
    versions = [f"PyTorch {software['torch']}", f"CUDA {software['cuda']}", f"cuDNN {software['cudnn']}"]
    versions += [f"driver {device['driver']}"] if "driver" in device else []
    lines = [
        f"# A campaign on {device['model']}",
        "",
        f"{', '.join(versions)}, Python {software['python']}. "
        f"Host: {device['host_cpu']}, {device['host_cores']} cores. Commit {about['commit']}. "
        f"{campaign.plan['minutes']} minutes of `python benchmarks/gpu_campaign`.",
        "",
        *_table(("part", "how it ended"), [(part.name, outcomes.get(part.name, "not run yet")) for part in PARTS]),
    ]
    if left_out := sorted(name for name in campaign.plan["replicates"]["tasks"] if not campaign.has(name)):
        lines += ["", f"Left out, because the raw files are not on this machine: {', '.join(left_out)}."]
    for title, make in SECTIONS.items():
        if body := make(campaign, tables):
            lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n"


def _summarise_tests(campaign: Campaign, tables: Tables) -> list[str]:
    rows = tables["tests"]
    return _table(("test", "result"), [(row["test"], row["result"]) for row in rows]) if rows else []


def _summarise_overhead(campaign: Campaign, tables: Tables) -> list[str]:
    """Tabulate the step times, their ratio to the default arm, and whether two runs gave the same bits."""
    from noisegrid import stats

    plan, body = campaign.plan["overhead"], []
    for (network, arm), rows in _grouped(tables["overhead"], "network", "arm").items():
        by_measure = defaultdict(list)
        for row in rows:
            by_measure[row["measure"]].append(row)
        if skipped := by_measure["skipped"]:
            body.append((network, arm, "", "", "", skipped[0]["note"]))
        if not (steps := _values(by_measure["step"])):
            continue
        against = [row for row in tables["overhead"] if (row["network"], row["arm"]) == (network, "default")]
        default = {row["block"]: float(row["value"]) for row in against if row["measure"] == "step"}
        # a block that was stopped at the deadline may lack its partner
        pairs = [(float(row["value"]), default[row["block"]]) for row in by_measure["step"] if row["block"] in default]
        ratios = [this / other for this, other in pairs]
        ratio = f"{stats.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})" if ratios else ""
        same = {"1": "yes", "0": "no"}.get(next((r["value"] for r in by_measure["repeatable"]), ""), "not verified")
        note = next((row["note"] for row in by_measure["step"] if row["note"]), "")
        body.append((network, arm, f"{stats.median(steps):.2f}", ratio if arm != "default" else "", same, note))
    if not body:
        return []
    text = f"{plan['size']} pixels (small networks: the size of the catalog), batches of at most {plan['batch_size']}, "
    text += (
        f"{plan['blocks']} interleaved blocks of {plan['steps']} steps in one process. The ratio is the median over "
    )
    text += "blocks, with the smallest and the largest; it is conditional on this process."
    return [text, "", *_table(("network", "arm", "step (ms)", "ratio to default", "same bits twice", "note"), body)]


def _summarise_replicates(campaign: Campaign, tables: Tables) -> list[str]:
    """Tabulate how many different weights the replicates of each cell have, with their accuracy and churn."""
    from noisegrid import stats

    body = []
    churn = {(r["task"], r["noise"]): r for r in tables["metrics"] if r["metric"] == "churn" and r["group"] == "all"}
    for (task, noise), rows in _grouped(tables["replicates"], "task", "noise").items():
        accuracies = [float(row["test_accuracy_percent"]) for row in rows]
        spread = f"{stats.median(accuracies):.2f} ({min(accuracies):.2f} to {max(accuracies):.2f})"
        hashes = len({row["weight_hash"] for row in rows})
        found = churn.get((task, noise))
        body.append(
            (task, noise, str(len(rows)), str(hashes), spread, _with_interval(found) if found else "not computed")
        )
    names = "task", "noise", "n", "different weights", "accuracy (%), median and range", "churn (%) [95 %]"
    return _table(names, body) if body else []


def _summarise_throughput(campaign: Campaign, tables: Tables) -> list[str]:
    """Tabulate the images per second of loop and bare step, and their ratio within each round."""
    from noisegrid import stats

    body = []
    for (task,), rows in _grouped(tables["throughput"], "task").items():
        sides = {
            side: _values([r for r in rows if r["side"] == side], "images_per_s") for side in ("loop", "bare step")
        }
        ratios = [bare / loop for loop, bare in zip(sides["loop"], sides["bare step"], strict=True)]
        ratio = f"{stats.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        medians = [f"{stats.median(values):,.0f}" for values in sides.values()]
        body.append((task, str(len(ratios)), *medians, ratio))
    names = "task", "rounds", "loop (images/s)", "bare step (images/s)", "loop ÷ bare step in time, median and range"
    return _table(names, body) if body else []


#: The sections of the summary, by title.
SECTIONS = {
    "Tests that need a GPU": _summarise_tests,
    "Overhead of determinism": _summarise_overhead,
    "Replicates": _summarise_replicates,
    "The training loop": _summarise_throughput,
}


def _with_interval(row: Row) -> str:
    """Return a value of metrics.csv in percent with its interval, which is not defined for fewer than three runs."""
    interval = f"[{float(row['low']):.2f}, {float(row['high']):.2f}]" if row["low"] else "(no interval)"
    return f"{float(row['value']):.2f} {interval}"


def _grouped(rows: list[Row], *keys: str) -> dict[tuple[str, ...], list[Row]]:
    """Return the rows by their values of some columns, in the order in which these first occur."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


def _values(rows: list[Row], column: str = "value") -> list[float]:
    return [float(row[column]) for row in rows]


def _table(names: tuple[str, ...], body: list[tuple[str, ...]]) -> list[str]:
    rows = [tuple(cell.replace("|", "\\|") for cell in row) for row in body]
    return ["| " + " | ".join(row) + " |" for row in (names, ("---",) * len(names), *rows)]
