import { z } from "zod";

// What lmsmon's statements look like, for both versions: a statement of another shape is a fault of lmsmon.

const uuid = z.uuid();
const iri = z.url();
const time = z.iso.datetime();
const names = z.record(z.string(), z.string());
const agent = z.strictObject({
  objectType: z.literal("Agent"),
  account: z.strictObject({ homePage: iri, name: z.string().min(1) }),
});
const verb = z.strictObject({ id: iri, display: names });
const activity = z.strictObject({
  objectType: z.literal("Activity"),
  id: iri,
  definition: z.strictObject({ type: iri, name: names.optional() }),
});
const score = z.strictObject({
  scaled: z.number().min(-1).max(1).optional(),
  raw: z.number().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
}).refine(({ raw, min, max }) => raw === undefined || (raw >= (min ?? raw) && raw <= (max ?? raw)), {
  message: "raw lies between min and max",
});
const common = { id: uuid, actor: agent, verb, timestamp: time, version: z.enum(["1.0.3", "2.0.0"]) };

export const xapiStatement = z.union([
  z.strictObject({
    ...common,
    object: activity,
    result: z.strictObject({
      completion: z.literal(true),
      success: z.boolean().optional(),
      score: score.optional(),
      duration: z.string().regex(/^PT\d+(\.\d{1,2})?S$/).optional(),
      extensions: z.record(iri, z.unknown()).optional(),
    }).optional(),
    context: z.strictObject({
      registration: uuid,
      platform: z.string(),
      contextActivities: z.strictObject({
        parent: z.array(activity).optional(),
        grouping: z.array(activity),
        category: z.array(activity),
      }),
      extensions: z.record(iri, z.unknown()),
    }),
  }),
  z.strictObject({ ...common, object: z.strictObject({ objectType: z.literal("StatementRef"), id: uuid }) }),
]);
