/** The suite in Node, against the real module. */
import { after, before, test } from 'node:test';
import { suite } from './suite.js';
import { world } from './world.js';

let own;
before(async () => {
  own = await world();
});
after(() => own.end());

for (const [name, body] of Object.entries(suite)) {
  test(name, { timeout: 300000 }, async () => {
    try {
      await body(own);
    } finally {
      await own.tidy();
    }
  });
}
