/** Closes while a listener is at work for ever, and prints how long it took. */
import { PushClient } from '../src/index.js';

const client = new PushClient(process.argv[2], { device: 'closer' });
client.onmessage = async ({ data }) => {
  if (data === 'b') {
    const since = performance.now();
    setTimeout(async () => {
      await client.close();
      console.log(performance.now() - since);
    });
    await new Promise(() => {});
  }
};
