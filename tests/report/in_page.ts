/** Scripts that a test runs in a report's page; each is an expression whose value is JSON. */

/** All plots with what is drawn, in the numbers of their axes, and the table behind each. */
export const PLOTS = `[...document.querySelectorAll("figure")].map((figure) => {
  const svg = figure.querySelector("svg.plot");
  const symbol = document.querySelector(svg.querySelector("use").getAttribute("href"));
  const part = (of, name) => [...of.querySelectorAll('[aria-label="' + name + '"] > *')];
  const num = (element, name) => Number(element.getAttribute(name));
  const ys = part(symbol, "y-axis tick label").map((label) => ({
    value: Number(label.textContent.replace("\\u2212", "-")),
    y: Number(/,([-\\d.]+)\\)/.exec(label.getAttribute("transform"))[1]),
  }));
  const [a, b] = [ys[0], ys.at(-1)];
  const value = (y) => a.value + (y - a.y) / (b.y - a.y) * (b.value - a.value);
  const near = (n) => Math.round(n * 1e6) / 1e6;
  return {
    anchor: figure.closest("article").id,
    title: figure.querySelector("figcaption").textContent,
    own: part(svg, "dot").map((dot) => ({ x: num(dot, "cx"), value: near(value(num(dot, "cy"))) })),
    bars: part(symbol, "bar").map((bar) => ({
      x: num(bar, "x"),
      high: near(value(num(bar, "y"))),
      low: near(value(num(bar, "y") + num(bar, "height"))),
    })),
    medians: part(symbol, "tick").map((tick) => ({ x: num(tick, "x1"), value: near(value(num(tick, "y1"))) })),
    table: [...figure.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent)),
  };
})`;

/** The texts that can be read, with the contrast of each against what lies behind it, the lowest first. */
export const CONTRASTS = `(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((n) => n / 255)
    .map((n) => n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4)
    .reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  for (const details of document.querySelectorAll("details")) details.open = true;
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.textContent.trim() === "" || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const colour = parse(element.closest("svg") ? style.fill : style.color);
    found.push({ text: walker.currentNode.textContent.slice(0, 40), ratio: ratio(colour, behind(element)) });
  }
  const variables = (element) => Object.fromEntries(["page", "ink", "own", "band", "edge", "card"].map((name) => {
    const hex = getComputedStyle(element).getPropertyValue("--" + name).trim();
    return [name, [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))];
  }));
  const { page, ink, own, band, edge, card } = variables(document.documentElement);
  const lines = { own: ratio(own, card), "own on band": ratio(own, band), edge: ratio(edge, card), median: ratio(ink, band),
    "edge on page": ratio(edge, page), "axis labels": ratio(ink, card) };
  return { texts: found.sort((a, b) => a.ratio - b.ratio), lines };
})()`;

/** The rows of a list: anchor, student, course, band, reasons. */
export const listRows = (id: string): string =>
  `[...document.querySelectorAll("#${id} tbody tr")].map((row) => ({
    anchor: row.querySelector("a")?.getAttribute("href").slice(1) ?? null,
    student: row.querySelector("bdi").textContent,
    course: row.children[1].textContent,
    band: row.children[2].textContent,
    reasons: [...row.children[4].querySelectorAll("li")].map((reason) => reason.textContent),
  }))`;
