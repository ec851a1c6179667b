/**
 * The look of a report: light, dark and on paper, from 320 px on. Contrasts (text 4.5, lines and bars 3, on either ground) are checked
 * in a browser by tests/report/page_test.ts.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1b1c1f; --soft: #54575e; --rule: #c9ccd3; --card: #f6f7f9;
  --own: #0b57d0; --band: #dde5f2; --edge: #6f7684;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15171b; --ink: #e7e8eb; --soft: #abafb8; --rule: #3d424c; --card: #1c1f25;
    --own: #8ab4f8; --band: #2b313d; --edge: #868d9a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 0; }
bdi { overflow-wrap: anywhere; }
p { margin: .4rem 0; }
a { color: var(--own); }
.soft { color: var(--soft); }
.say { border-left: 4px solid var(--edge); padding: .1rem 0 .1rem .8rem; margin: 1rem 0; }
.band { border: 1px solid var(--edge); border-radius: .3rem; padding: 0 .4rem; font-size: .85rem; font-weight: 400; white-space: nowrap; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--soft); padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem .35rem 0; border-top: 1px solid var(--rule); }
thead th { border-top: 0; color: var(--soft); font-weight: 600; }
tbody th { font-weight: 400; }
.cards tbody th { font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.once { white-space: nowrap; }
td ul, .why { margin: 0; padding-left: 1.1rem; }
article { border: 1px solid var(--rule); border-radius: .5rem; background: var(--card); padding: .8rem; margin: .8rem 0; --page: var(--card); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: .8rem; margin: .6rem 0; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; }
svg.plot, svg.key { display: block; width: 100%; height: auto; }
svg.plot, symbol { fill: currentColor; font: 12px system-ui, sans-serif; text-anchor: middle; }
svg.defs { position: absolute; width: 0; height: 0; }
svg.key { width: 2rem; flex: none; }
.keys { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; }
.keys li { display: flex; align-items: center; gap: .5rem; }
summary { cursor: pointer; color: var(--own); padding: .2rem 0; }
details table { font-size: .85rem; }
@media (max-width: 44rem) {
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards, .cards caption, .cards tbody, .cards tr, .cards tbody th, .cards td { display: block; }
  .cards tr { border-top: 1px solid var(--rule); padding: .5rem 0; }
  .cards tbody th, .cards td, .cards td.n { border: 0; padding: .1rem 0; text-align: left; }
  .cards td::before { content: attr(data-label) ": "; color: var(--soft); }
}
@media print {
  :root {
    --page: #ffffff; --ink: #000000; --soft: #44474d; --rule: #b9bcc4; --card: #ffffff;
    --own: #0b47ac; --band: #dde5f2; --edge: #5f6673;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  article, tr, figure { break-inside: avoid; }
  .plots { grid-template-columns: 1fr 1fr; }
  h2 { break-after: avoid; }
  details { display: none; }
  a { color: inherit; text-decoration: none; }
}
`.trim();
