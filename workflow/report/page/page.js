// Without this script, the page is complete but for the explorer. It makes tables sortable, and opens what a link leads to.
"use strict";
document.documentElement.classList.add("has-scripts");

for (const table of document.querySelectorAll("table.sortable")) {
  new DataTable(table, { paging: false, info: false, searching: false, order: [], autoWidth: false });
}

const openTarget = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const first = target && target.querySelector("details");
  if (first && !first.open) {
    first.open = true;
    target.scrollIntoView();
  }
};
addEventListener("hashchange", openTarget);
openTarget();

const specification = document.getElementById("specification");
if (specification) {
  const chart = JSON.parse(specification.textContent);
  if (innerWidth < 704) chart.config.axisY.labelLimit = 110;
  const runs = chart.data.map((each) => each.values || []).find((values) => values.length && "run" in values[0]);
  const picks = ["hardware", "task", "noise", "metric"];
  const say = (view) => {
    const picked = picks.map((name) => [name, view.signal(`picked_${name}`)]).filter(([, value]) => value !== "all");
    const found = runs.filter((run) => picked.every(([name, value]) => run[name] === value));
    const text = found.length ? `${found.length} runs, in ${found[0].unit}.` : "No run was made with this choice.";
    document.getElementById("shown").textContent = text;
  };
  vegaEmbed("#chart", chart, { mode: "vega", renderer: "svg", actions: false, bind: "#picks" }).then(({ view }) => {
    picks.forEach((name) => view.addSignalListener(`picked_${name}`, () => say(view)));
    say(view);
  });
}
