import { type Content, type Element, h, htmlOf } from "./elements.ts";

/** A column: its heading, and what stands in it. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Content;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
}

/** A plain table. */
export function tableOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[], caption: string): Element {
  return h(
    "table",
    {},
    h("caption", {}, caption),
    h(
      "thead",
      {},
      h("tr", {}, columns.map(({ head, isNumber }) => h("th", { scope: "col", class: numeric(isNumber) }, head))),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          columns.map(({ cell, isNumber }, i) =>
            i === 0 ? h("th", { scope: "row" }, cell(row)) : h("td", { class: numeric(isNumber) }, cell(row))
          ),
        )
      ),
    ),
  );
}

const numeric = (isNumber = false) => isNumber ? "n" : undefined;

/** A row of a table of cards, as HTML. The label stands before the value where the row is a card. */
export function cardRow<Row>(columns: readonly Column<Row>[], row: Row): string {
  return htmlOf(h(
    "tr",
    { role: "row" },
    columns.map(({ head, cell, isNumber }, i) =>
      i === 0
        ? h("th", { role: "rowheader", scope: "row" }, cell(row))
        : h("td", { role: "cell", class: numeric(isNumber), "data-label": head }, cell(row))
    ),
  ));
}

/**
 * A table whose rows, of `cardRow`, are cards on narrow screens. A browser takes what is laid out as cards for no table, so the
 * roles are said.
 */
export function cardTable<Row>(columns: readonly Column<Row>[], rows: readonly string[], caption: string): Element {
  const heads = columns.map(({ head, isNumber }) =>
    h("th", { role: "columnheader", scope: "col", class: numeric(isNumber) }, head)
  );
  return h(
    "table",
    { role: "table", class: "cards" },
    h("caption", {}, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)),
    h("tbody", { role: "rowgroup", innerHtml: rows.join("") }),
  );
}
