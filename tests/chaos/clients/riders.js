/**
 * Many clients of the JavaScript SDK in one process. What they see goes to
 * stdout, as lines for push-checker.
 *
 *     node riders.js PORT USER COUNT CHANNEL
 *
 * Client i is the device d0 of user USERi and follows the channel. SIGTERM ends
 * all of them in order.
 */
import process from 'node:process';
import { PushClient } from '../../../sdk-js/src/index.js';
import { Wire } from '../../../sdk-js/test/wire.js';

const SILENCE_MS = 7000;
const ACK_MS = 500;

const [port, user, count, channel] = process.argv.slice(2);

/**
 * Written as they come, on the clock that all actors of a test have. Without
 * `flush`: a balancer joins what the server wrote apart.
 */
const log = {
  add(what, { flush: _, ...members }) {
    const t = Number(process.hrtime.bigint()) / 1e6;
    process.stdout.write(JSON.stringify({ t, what, ...members }) + '\n');
  },
};

/** Tells when a stream is over, which the wire does not see. */
function watch(client, device, wire) {
  let open = false;
  client.onstate = ({ state, cause }) => {
    if (open && state !== 'open') {
      const silent = cause?.code === 'PUSH_ERR_SILENCE' ? SILENCE_MS : 0;
      log.add('cut', { device, conn: wire.conn, silent });
    }
    open = state === 'open';
  };
}

function ride(i) {
  const device = `${user}${i}/d0`;
  log.add('device', { device, user: `${user}${i}`, channels: [channel] });
  const wire = new Wire(log, device);
  const client = new PushClient(
    `http://127.0.0.1:${port}/ramen?user=${user}${i}`,
    {
      device: 'd0',
      channels: [channel],
      ackInterval: ACK_MS,
      fetch: wire.fetch,
    },
  );
  watch(client, device, wire);
  client.ongap = ({ dropped }) => log.add('gap', { device, dropped });
  client.onmessage = ({ mid, data }) => {
    log.add('delivered', { device, mid, key: data.split(' ', 1)[0] });
  };
  return client;
}

const clients = Array.from({ length: Number(count) }, (_, i) => ride(i));

process.on('SIGTERM', async () => {
  await Promise.all(clients.map((client) => client.close()));
  process.exit(0);
});
