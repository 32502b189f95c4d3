"""The style of a verdict's page, for light and dark screens of any width. The colours are those of Okabe and Ito."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fff; --text: #1d2329; --muted: #5a6572; --rule: #d8dde3; --band: #e6ebf1;
  --base: #0072b2; --new: #c24e00; --better: #00694b; --worse: #a83c00; --equivalent: #005a91; --undecided: #5a6572;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d; --text: #e6e9ed; --muted: #9ca7b3; --rule: #343c46; --band: #252d37;
    --base: #56b4e9; --new: #f0944d; --better: #3ccb9b; --worse: #ff9a62; --equivalent: #6dbdf0; --undecided: #b3bcc6;
  }
}
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 3rem; overflow-wrap: break-word; }
h1 { font-size: 1.4rem; line-height: 1.35; font-weight: 600; margin: .75rem 0 .5rem; }
h2 { font-size: 1.05rem; margin: 2.5rem 0 .75rem; }
p, ul { margin: 0; }
ul { padding-left: 1.2rem; }
li + li { margin-top: .4rem; }
.badge {
  display: inline-block; padding: .1rem .8rem; border-radius: 1rem; border: 2px solid; font-weight: 700;
}
.better { color: var(--better); }
.worse, .unjudged { color: var(--worse); }
.equivalent { color: var(--equivalent); }
.undecided { color: var(--undecided); }
.basis, figcaption, footer, caption, small { color: var(--muted); font-size: .875rem; }
figure { margin: 0; }
figcaption { margin-top: .5rem; }
footer { margin-top: 2.5rem; }

table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .25rem; }
th, td { padding: .4rem .5rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: .875rem; color: var(--muted); vertical-align: bottom; }
small { font-weight: 400; }
tbody th { overflow-wrap: anywhere; min-width: 3.5em; }
details tbody th { min-width: 8em; }
.scroll { overflow-x: auto; margin-top: 1.5rem; }
.scroll td { white-space: nowrap; }
details { margin-top: 1.5rem; }
summary { cursor: pointer; font-weight: 600; }
details .scroll, details ul { margin-top: .75rem; }

.forest { table-layout: fixed; }
.forest th:first-child, .forest td:first-child { width: 26%; }
.forest th:last-child, .forest td:last-child { width: 26%; }
.forest small { display: block; }
.forest tbody th, .forest tbody td { vertical-align: middle; }
.forest tbody tr { height: 3.5rem; }
.forest .plot { position: relative; padding: 0; }
.forest .plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.forest tbody tr:last-child .plot { border-bottom-color: transparent; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.forest tfoot td { border: 0; height: 1.75rem; padding: 0; color: var(--muted); font-size: .875rem; }

.picture { display: block; overflow: visible; }
svg text { fill: currentColor; font-size: 13px; }
svg .tick { fill: var(--muted); text-anchor: middle; font-size: 12px; font-variant-numeric: tabular-nums; }
svg .side { fill: var(--muted); font-size: 12px; }
svg .name { font-weight: 700; font-size: 15px; }
p.axis { text-align: center; color: var(--muted); font-size: .875rem; }
.base { --mark: var(--base); }
.new { --mark: var(--new); }
.difference { --mark: var(--text); }
.muted, .open { --mark: var(--muted); }
svg .name { fill: var(--mark); }
.run { fill: var(--mark); fill-opacity: .7; stroke: var(--page); stroke-width: .75; }
.mean { fill: var(--mark); stroke: var(--mark); stroke-width: 2.5; }
circle.mean, path.mean { stroke-linejoin: round; }
.mean.muted { stroke-width: 1.5; }
circle.open, path.open { fill: var(--page); stroke-width: 1.75; }
.axis { stroke: var(--muted); fill: none; }
p.axis { stroke: none; }
.pair { stroke: var(--muted); stroke-opacity: .5; }
.zero { stroke: var(--muted); }
.asked { stroke: var(--muted); stroke-dasharray: 4 3; }
.band { fill: var(--band); }
@media (max-width: 36rem) {
  .wide { display: none; }
  h1 { font-size: 1.2rem; }
  td small { display: block; }
  .forest th:first-child, .forest td:first-child { width: 27%; }
  .forest th:last-child, .forest td:last-child { width: 27%; }
}
"""
