const { setTimeout: sleep } = require("node:timers/promises");

const GIVE_UP_AFTER = 60000; // milliseconds

// Calls again while the sidecar is away.
module.exports = async function patiently(call) {
  const deadline = Date.now() + GIVE_UP_AFTER;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
};
