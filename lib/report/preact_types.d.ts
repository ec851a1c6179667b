/*
 * What lib/report/elements.ts uses of preact 11.2 and preact-render-to-string 6.8. Their own types name the library "dom", which
 * then holds for the whole program and contradicts Deno's own (TextDecoderStream). Delete when preact's types do without.
 */
export interface VNode {
  readonly type: unknown;
}
export type ComponentChildren = VNode | string | number | null | undefined | readonly ComponentChildren[];
export function h(type: string, props: object, ...children: readonly ComponentChildren[]): VNode;
export function renderToString(vnode: VNode): string;
