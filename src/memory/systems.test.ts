import { expect, test } from "bun:test";
import { FaasmemError } from "../base/errors.ts";
import { policyOf, systemNames } from "./systems.ts";

test("an unknown system is a usage error that names the known ones", () => {
  for (const name of ["swap", "constructor", ""]) {
    try {
      policyOf(name);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FaasmemError);
      expect(error).toMatchObject({ code: "UNKNOWN_SYSTEM", kind: "usage" });
      for (const known of systemNames) expect((error as FaasmemError).fix).toContain(known);
    }
  }
});
