// @ts-types="./preact_types.d.ts"
import { type ComponentChildren, h as create, type VNode } from "preact";
// @ts-types="./preact_types.d.ts"
import { renderToString } from "preact-render-to-string";

/** What an element holds: texts, numbers, elements, lists of them. */
export type Content = ComponentChildren;
export type Element = VNode;

/** An element of a page. Whatever is text in it or in its attributes is escaped; `innerHtml` is HTML already. */
export function h(
  name: string,
  { innerHtml, ...attributes }: Readonly<Record<string, string | number | undefined>>,
  ...content: readonly Content[]
): Element {
  const raw = innerHtml === undefined ? {} : { dangerouslySetInnerHTML: { __html: innerHtml } };
  return create(name, { ...attributes, ...raw }, ...content);
}

/** The HTML of an element. */
export const htmlOf = (element: Element): string => renderToString(element);
