import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AgreedTable } from "../../../src/core/replication/agreed.ts";
import { DigestRound } from "../../../src/core/replication/digest_round.ts";
import { DirtyKeys } from "../../../src/core/replication/dirty.ts";
import { SnapshotCursor } from "../../../src/core/replication/snapshot.ts";
import { type Slot, Store } from "../../../src/core/replication/store.ts";
import { Rng } from "../../../src/core/rng.ts";
import { planted } from "./plant.ts";
import {
  awayForLong,
  deletesStay,
  expiresQuietly,
  HOUR,
  linksFlap,
  overtakes,
  partitionHeals,
  snapshotResumes,
  traceOf,
} from "./scenarios.ts";

describe("the checks notice a planted bug:", () => {
  it("a store that takes what arrives last", () => {
    const byArrival: Store["offer"] = function (this: Store, entry) {
      return this.place(entry, this.find(entry.type, entry.key));
    };
    planted(Store.prototype, "offer", byArrival, () => {
      assert.throws(() => linksFlap(1));
    });
  });

  it("digests that are never compared", () => {
    planted(DigestRound.prototype, "plan", () => {}, () => {
      assert.throws(() => partitionHeals(1), /in vain until the stores are equal/);
    });
  });

  it("nobody knows that what returns was deleted", () => {
    planted(AgreedTable.prototype, "covers", () => false, () => {
      assert.throws(() => deletesStay(20, HOUR));
      assert.throws(() => awayForLong(1), /is back/);
    });
  });

  it("whatever the others lack counts as deleted: the one that was away is reset", () => {
    planted(AgreedTable.prototype, "covers", ({ number }) => number !== undefined, () => {
      assert.throws(() => awayForLong(1), /is lost/);
    });
  });

  it("a claim that reaches further than what was told", () => {
    const right = AgreedTable.prototype.raise;
    const further: AgreedTable["raise"] = function (this: AgreedTable, boot, number) {
      right.call(this, boot, number + 1_000);
    };
    planted(AgreedTable.prototype, "raise", further, () => {
      assert.throws(() => awayForLong(1), /is lost|in vain/);
    });
  });

  it("a newcomer gets no table with its snapshot", () => {
    planted(
      AgreedTable.prototype,
      "changed",
      (_after, upTo) => ({ rows: [], reached: upTo }),
      () => {
        assert.throws(() => awayForLong(1), /is back/);
      },
    );
  });

  it("expired values that stay in the digest until they are forgotten", () => {
    const right = Store.prototype.expire;
    const stillThere: Store["expire"] = function (this: Store, wallMs, most) {
      const remove = this.tree.remove;
      this.tree.remove = () => {};
      try {
        return right.call(this, wallMs, most);
      } finally {
        this.tree.remove = remove;
      }
    };
    const forgotten: Store["purge"] = function (this: Store, wallMs, most) {
      const gone = [...this.slots("kv_store")].filter((slot) =>
        slot.expired && this.isForgotten(slot.entry, wallMs)
      );
      for (const slot of gone) this.tree.remove(slot);
      return purge.call(this, wallMs, most);
    };
    const purge = Store.prototype.purge;
    planted(Store.prototype, "expire", stillThere, () => {
      planted(Store.prototype, "purge", forgotten, () => {
        assert.throws(() => expiresQuietly(), /the forgotten is offered again/);
      });
    });
  });

  it("a snapshot that forgets what was on its way when the link broke", () => {
    planted(SnapshotCursor.prototype, "redo", () => {}, () => {
      assert.throws(() => snapshotResumes(), /!== 1000/);
    });
  });

  it("one lane for everything", () => {
    const right = DirtyKeys.prototype.mark;
    const oneLane: DirtyKeys["mark"] = function (this: DirtyKeys, slot: Slot) {
      right.call(this, Object.assign(slot, { lane: 3 }));
    };
    overtakes();
    planted(DirtyKeys.prototype, "mark", oneLane, () => {
      assert.throws(() => overtakes(), /waits for the bulk/);
    });
  });

  it("dice that are not seeded", () => {
    let entropy = 1;
    const loose: Rng["between"] = (from, to) =>
      from + ((entropy = (entropy * 48_271) % 2_147_483_647) / 2_147_483_647) * (to - from);
    planted(Rng.prototype, "between", loose, () => {
      assert.throws(() => assert.deepEqual(traceOf(7), traceOf(7)));
    });
  });
});
