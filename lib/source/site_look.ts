import type { LmsError } from "../base/errors.ts";
import type { LmsDriver } from "./lms_driver.ts";

/** One fact about the LMS as a whole; with a hint it is something to mend. */
export interface SiteFinding {
  readonly message: string;
  readonly hint: string | null;
}

/** What a product is asked beside its tables and columns, by a preset that knows what can be wrong with it. */
export interface SiteLook {
  /** Before the tables are looked at. Throws LmsError for what explains better than them why nothing can be read. */
  before(driver: LmsDriver): Promise<void>;
  /** After it: throws LmsError for what makes reading pointless. */
  after(driver: LmsDriver): Promise<void>;
  /** A better error for tables or columns that are not there. */
  explain(driver: LmsDriver, error: LmsError): Promise<LmsError>;
  /** For `doctor`. */
  findings(driver: LmsDriver): Promise<readonly SiteFinding[]>;
}
