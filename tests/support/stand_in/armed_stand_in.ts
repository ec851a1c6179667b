import { type StandInOptions, startZulipStandIn, type ZulipStandIn } from "../../../lib/stand_in/zulip_stand_in.ts";
import { freePort } from "../free_port.ts";
import { applyFault, type Fault, FaultPlan, type RandomFaults } from "./faults.ts";

/** A Zulip stand-in that fails on demand. */
export interface ArmedStandIn extends ZulipStandIn {
  readonly faults: FaultPlan;
  /** The next matching requests fail; default one POST /messages. */
  fault(fault: Fault): void;
  randomFaults(options: RandomFaults | null): void;
  clearFaults(): void;
}

export async function startArmedStandIn(options: Omit<StandInOptions, "intercept"> = {}): Promise<ArmedStandIn> {
  const faults = new FaultPlan();
  const standIn = await startZulipStandIn({
    port: freePort(), // so that it can stop and listen again
    ...options,
    intercept: (request, answer) => {
      const fault = faults.take(request);
      return fault === null ? null : { name: fault.kind, outcome: applyFault(fault, answer) };
    },
  });
  return Object.assign(standIn, {
    faults,
    fault: (fault: Fault) => faults.add(fault),
    randomFaults: (random: RandomFaults | null) => faults.randomly(random),
    clearFaults: () => faults.clear(),
  });
}
