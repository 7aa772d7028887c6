/* Waiting for a condition, with a deadline. */

import assert from 'node:assert/strict';

const STEP_MS = 25;

/* Until check() returns something true, and returns that. */
export async function until(what, check, deadlineMs = 40000) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const result = await check();
    if (result) {
      return result;
    }
    assert.ok(performance.now() < end, `within ${deadlineMs} ms: ${what}`);
    await new Promise((done) => setTimeout(done, STEP_MS));
  }
}
