"""How a page of ours looks: on a screen by day and by night, on a telephone, on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2230; --faint: #667085; --line: #dfe3ea; --paper: #fff;
  --card: #fbfcfd; --accent: #0a6ebd; --code: #f3f5f8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eaf0; --faint: #98a2b5; --line: #323947; --paper: #14171e; --card: #1a1e27;
    --accent: #6db8f2; --code: #202531; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0 auto; max-width: 76rem; padding: 3.2rem clamp(1rem, 4vw, 3rem) 5rem; color: var(--ink);
  background: var(--paper); font: 16px/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: clamp(1.7rem, 4.5vw, 2.5rem); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .5rem;
  overflow-wrap: anywhere; }
h2 { font-size: 1.45rem; letter-spacing: -.01em; margin: 3.6rem 0 .6rem; padding-top: 1.4rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 0; }
p { margin: .6rem 0; max-width: 46rem; }
.lead { color: var(--faint); font-size: 1.12rem; margin: 0 0 1.4rem; }
.verdict { font-size: 1.12rem; line-height: 1.5; max-width: 52rem; margin: .2rem 0 1.2rem; }
dl { display: flex; flex-wrap: wrap; gap: .8rem 2.2rem; margin: 0; }
dl div { min-width: 0; } dt { color: var(--faint); font-size: .76rem; } dd { margin: 0; font-weight: 600;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.points { list-style: none; margin: 1.6rem 0 0; padding: 0; max-width: 56rem; }
.points li { border-left: 3px solid var(--accent); padding: .1rem 0 .1rem .9rem; margin: .55rem 0; }
.points a { color: inherit; text-decoration: none; } .points a:hover { color: var(--accent); }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
.table { overflow-x: auto; margin: 1rem 0; }
th, td { padding: .3rem 1.1rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; color: var(--faint); white-space: nowrap; } td.n, th.n { text-align: right; }
figure { margin: 1.2rem 0; }
figure > img, figure > svg { display: block; width: 100%; height: auto; background: #fff;
  border: 1px solid var(--line); border-radius: 8px; }
figure > svg { padding: .7rem; color: #1c2230; }
svg text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif !important; }
figcaption { color: var(--faint); font-size: .84rem; line-height: 1.45; margin-top: .55rem; }
code { font: .78rem/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; overflow-wrap: anywhere; }
code span { white-space: nowrap; }
figcaption code, details > code { display: block; overflow-x: auto; margin-top: .4rem; padding: .15rem .5rem;
  background: var(--code); border-radius: 4px; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr));
  gap: 1.4rem 1.8rem; margin: 1.2rem 0; align-items: start; }
.grid figure { margin: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(23rem, 100%), 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-left: 5px solid var(--own); border-radius: 8px;
  background: var(--card); padding: .9rem 1.1rem; margin: 0; }
.card dl { gap: .3rem 1.3rem; margin: .35rem 0 .1rem; } .card dd { font-size: .9rem; }
.card ul { margin: .5rem 0 0; padding-left: 1.1rem; font-size: .88rem; }
.row { display: flex; flex-wrap: wrap; gap: .45rem; margin: .7rem 0; }
.row figure { margin: 0; width: 72px; }
.row img { width: 72px; height: 72px; border: 0; border-radius: 5px; display: block;
  image-rendering: pixelated; background: #000; object-fit: contain; }
.row figcaption { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: .68rem;
  margin-top: .15rem; }
.row .odd img { outline: 3px solid #d55e00; outline-offset: -1px; }
.card .row figure, .card .row img { width: 52px; } .card .row img { height: 52px; }
.card .row figcaption { display: none; }
pre { padding: .8rem 1rem; background: var(--code); border-radius: 8px; overflow-x: auto;
  font: .82rem/1.6 ui-monospace, SFMono-Regular, Menlo, monospace; }
details { margin: .9rem 0; } summary { cursor: pointer; color: var(--accent); }
@media print {
  :root { --ink: #000; --faint: #444; --line: #bbb; --paper: #fff; --card: #fff; --code: #f3f3f3; }
  @page { size: A4; margin: 16mm 14mm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { break-after: avoid; margin-top: 1.6rem; } figure, .card, tr { break-inside: avoid; }
  .grid, .cards { grid-template-columns: 1fr 1fr; }
  details > :not(summary) { display: block; } details::details-content { content-visibility: visible; }
}
"""
