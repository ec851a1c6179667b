import { type Content, type Element, h } from "./elements.ts";

/** A column: its heading, and what stands in it. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Content;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
}

/** A row as HTML. The label is what narrow screens show, where a row becomes a card. */
export function tableRow<Row>(columns: readonly Column<Row>[], row: Row): Element {
  return h(
    "tr",
    { role: "row" },
    columns.map(({ head, cell, isNumber }, i) =>
      h(
        i === 0 ? "th" : "td",
        {
          role: i === 0 ? "rowheader" : "cell",
          ...(i === 0 ? { scope: "row" } : {}),
          class: [i === 0 ? "first" : "", isNumber ? "n" : ""].join(" ").trim() || undefined,
          "data-label": head,
        },
        cell(row),
      )
    ),
  );
}

/** A table of rows that are HTML already. Roles are said, since cards are no table to a browser. */
export function tableOf<Row>(
  columns: readonly Column<Row>[],
  rows: string,
  { caption, cards }: { readonly caption: string; readonly cards: boolean },
): Element {
  return h(
    "table",
    { role: "table", class: cards ? "cards" : undefined },
    h("caption", {}, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map(({ head, isNumber }) =>
          h("th", { role: "columnheader", scope: "col", class: isNumber ? "n" : undefined }, head)
        ),
      ),
    ),
    h("tbody", { role: "rowgroup", innerHtml: rows }),
  );
}
