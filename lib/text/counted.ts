/** `1 event`, `2,000 events`: a number with its noun, for logs and results. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
