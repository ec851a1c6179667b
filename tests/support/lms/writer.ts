/** The writer is shipped for `demo`; tests take it from here. */
export { LmsWriter } from "../../../lib/demo/lms_writer.ts";
export { lmsSchema } from "../../../lib/demo/lms_schema.ts";
