/* How an application uses the types: compiled by tools/lint, never run. */
import {
  PushByeEvent,
  PushClient,
  PushError,
  PushErrorEvent,
  PushEventMap,
  PushGapEvent,
  PushMessage,
  PushOptions,
  PushState,
  PushStateEvent,
  TokenSource,
  deviceId,
} from 'mod-push-client';
import { poll, pollFallback } from 'mod-push-client/poll';
import { Publisher } from 'mod-push-client/publish';
import {
  usePushClient,
  usePushMessage,
  usePushState,
} from 'mod-push-client/react';
import { tabs } from 'mod-push-client/tabs';

const client = new PushClient('/ramen', {
  channels: ['news'],
  meta: 'type,channel,urgency,time',
  device: deviceId(),
  share: tabs,
  token: async ({ refresh }) => (refresh ? 'new' : 'old'),
});
client.onmessage = (message) => {
  const seq: number = message.seq + (message.time ?? 0);
  const kind: string | undefined = message.contentType ?? message.channel;
  if (message.urgency === 'high') {
    console.log(kind);
  }
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
client.onstate = ({ transport }) => transport ?? client.transport;
const polls: PushOptions[] = [
  { transport: pollFallback({ wait: 50 }) },
  { transport: poll() },
];
new PushClient('/ramen', polls[0]);
client.ongap = ({ dropped, reason }) => `${reason} ${dropped}`;

/* What took an EventSource takes a client. */
const source: Pick<
  EventSource,
  'readyState' | 'url' | 'withCredentials' | 'CLOSED'
> = client;

/* The events have names, and messages payloads. */
const options: PushOptions = { maxEventBytes: 1024, stopAtTooLarge: true };
const told: (PushGapEvent | PushByeEvent | PushStateEvent)[] = [];
client.ongap = (event: PushGapEvent) => told.push(event);
client.onbye = (event: PushByeEvent) => told.push(event);
client.onstate = (event: PushStateEvent) => told.push(event);
client.onerror = ({ error }: PushErrorEvent) => error.id;
export const token: TokenSource = ({ refresh }) => String(refresh);
export const state: PushState = client.state;
export type Gap = PushEventMap['gap'];

interface Trip {
  driver: string;
}
type Payloads = { 'trip.accepted': Trip; message: { text: string } };

const typed = new PushClient<Payloads>('/ramen', options);
typed.addEventListener('trip.accepted', (message) => {
  const { driver } = message.json();
  const all: string[] = [driver, message.json<Trip>().driver];
  // @ts-expect-error: a Trip has no text
  return all.concat(message.json().text);
});
typed.onmessage = (message) => message.json().text.length;
typed.addEventListener('other', (message) => message.json<{ a: 1 }>().a);
typed.addEventListener('gap', ({ dropped }) => dropped);
typed.reconnect();
const untyped: PushClient<any> = typed;

export async function iterate(): Promise<string | undefined> {
  for await (const message of typed) {
    const payload: Trip | { text: string } = message.json();
    return 'text' in payload ? payload.text : payload.driver;
  }
  return untyped.cursor;
}

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
  await publisher.publish({ user: 'ann' }, new Blob(['bytes']));
  const stream = publisher.stream();
  await stream.publish(
    { channel: 'news' },
    `${id} ${recipients} ${source.url}`,
  );
  await stream.close();
}

export function Indicator(): string {
  const own = usePushClient('/ramen');
  const trips = usePushClient<Payloads>('/ramen');
  usePushMessage(trips, 'trip.accepted', (message) => message.json().driver);
  usePushMessage(own, 'message', (message) => message.data);
  return usePushState(own);
}
