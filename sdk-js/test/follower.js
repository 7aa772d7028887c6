/** Follows a server in a process of its own, and prints what comes. */
import { PushClient } from '../src/index.js';

const client = new PushClient(process.argv[2], {
  device: 'follower',
  random: () => 0.3,
});
for await (const { lastEventId, data } of client) {
  console.log(lastEventId, data);
}
