/* How an application uses the types: compiled by tools/lint, never run. */
import { PushClient, PushError, PushMessage, deviceId } from 'mod-push-client';
import { Publisher } from 'mod-push-client/publish';
import {
  usePushClient,
  usePushMessage,
  usePushState,
} from 'mod-push-client/react';
import { tabs } from 'mod-push-client/tabs';

const client = new PushClient('/ramen', {
  channels: ['news'],
  device: deviceId(),
  share: tabs,
  token: async ({ refresh }) => (refresh ? 'new' : 'old'),
});
client.onmessage = (message) => {
  const seq: number = message.seq;
  message.ack();
  return Promise.resolve(seq);
};
client.addEventListener('trip.accepted', (message) => {
  const text: string = message.mid;
  return text;
});
client.addEventListener('state', ({ state, cause, delay }) => {
  const words: [
    'connecting' | 'open' | 'waiting' | 'closed',
    string?,
    number?,
  ] = [state, cause?.code, delay];
  return words;
});
client.addEventListener('error', {
  handleEvent: ({ error }) => error instanceof PushError,
});
client.ongap = ({ dropped, reason }) => `${reason} ${dropped}`;

/* What took an EventSource takes a client. */
const source: Pick<
  EventSource,
  'readyState' | 'url' | 'withCredentials' | 'CLOSED'
> = client;

export async function run(): Promise<void> {
  await using own = new PushClient(new URL('https://example.org/ramen'));
  for await (const message of own) {
    const known: PushMessage = message;
    known.json();
  }
  const publisher = new Publisher('https://example.org/push', {
    token: 'secret',
  });
  const { id, recipients } = await publisher.publish(
    { user: 'ann' },
    { trip: 9 },
    { urgency: 'high' },
  );
  const stream = publisher.stream();
  await stream.publish(
    { channel: 'news' },
    `${id} ${recipients} ${source.url}`,
  );
  await stream.close();
}

export function Indicator(): string {
  const own = usePushClient('/ramen');
  usePushMessage(own, 'message', (message) => message.data);
  return usePushState(own);
}
