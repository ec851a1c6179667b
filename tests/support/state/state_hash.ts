import { createHash } from "node:crypto";
import { migrations } from "../../../sql/state/migrations/manifest.ts";

/** Names what a migrated state looks like: another text of a migration, another template. */
export const stateHash: string = createHash("sha256")
  .update(JSON.stringify(migrations))
  .digest("hex")
  .slice(0, 12);
