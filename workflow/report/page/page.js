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
  const runs = chart.datasets[chart.layer[0].data.name];
  vegaEmbed("#chart", chart, { renderer: "svg", actions: false, logLevel: 1 }).then(({ view }) => {
    const picks = ["hardware", "task", "noise", "metric"];
    const say = () => {
      const picked = picks.map((name) => [name, view.signal(`picked_${name}`)]).filter(([, value]) => value !== "all");
      const found = runs.filter((run) => picked.every(([name, value]) => run[name] === value));
      const text = found.length ? `${found.length} runs, in ${found[0].unit}.` : "No run was made with this choice.";
      document.getElementById("shown").textContent = text;
    };
    picks.forEach((name) => view.addSignalListener(`picked_${name}`, say));
    say();
  });
}
