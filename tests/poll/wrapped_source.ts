import type { LmsSource } from "../../lib/source/lms_source.ts";

/** The source with some methods replaced; the rest is the original's. */
export function wrappedSource(source: LmsSource, changes: Partial<LmsSource>): LmsSource {
  return new Proxy(source, {
    get(target, key) {
      if (key in changes) return Reflect.get(changes, key);
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
