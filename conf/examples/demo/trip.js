/*
 * A trip as its dispatcher tells it, and how one message is published.  `at`
 * is seconds after the begin, `way` how far the car is: 0 at its start, 0.46
 * at the pick-up, 1 at the drop-off.
 */

export const PICK_UP = 0.46;

const position = (at, way) => ({
  at,
  way,
  event: 'trip.position',
  urgency: 'low',
  ttl: 5,
  topic: 'position',
  text: `${Math.round(way * 100)} % of the way`,
});

const SCRIPT = [
  {
    at: 0,
    stage: 1,
    way: 0,
    event: 'trip.dispatched',
    urgency: 'high',
    text: 'Marta is on her way, a blue Leaf, 14-PT-88',
  },
  position(1, 0.1),
  {
    at: 1.5,
    event: 'trip.offer',
    urgency: 'very-low',
    ttl: 60,
    text: 'Ten per cent off your next airport ride',
  },
  position(2, 0.22),
  position(3, 0.35),
  {
    at: 3.5,
    event: 'trip.arriving',
    urgency: 'normal',
    topic: 'eta',
    text: 'One minute away',
  },
  position(4, 0.43),
  {
    at: 5,
    stage: 2,
    way: PICK_UP,
    event: 'trip.pickup',
    urgency: 'high',
    text: 'Marta is here: pick-up at Rua Augusta',
  },
  position(6.5, 0.55),
  position(7.5, 0.66),
  {
    at: 8,
    event: 'trip.eta',
    urgency: 'normal',
    topic: 'eta',
    text: 'Four minutes to the station',
  },
  position(8.5, 0.78),
  position(9.5, 0.9),
  {
    at: 10.5,
    stage: 3,
    way: 1,
    event: 'trip.dropoff',
    urgency: 'high',
    text: 'You have arrived: Santa Apolónia station',
  },
  {
    at: 11.5,
    event: 'trip.receipt',
    urgency: 'low',
    ttl: 1800,
    text: 'Receipt: 4.2 km, 7.80 €',
  },
];

export const TYPES = [...new Set(SCRIPT.map((step) => step.event))];

/*
 * Publishes one message and returns { ok, text }: what the server answered,
 * in words.  to: { user } or { channel } or { broadcast: 1 }.
 */
export async function publish(to, message) {
  const headers = {
    'Content-Type': 'application/json',
    'Idempotency-Key': crypto.randomUUID(),
    Urgency: message.urgency,
    TTL: String(message.ttl ?? 300),
  };
  if (message.topic) {
    headers.Topic = message.topic;
  }
  if (message.event) {
    headers['Push-Event'] = message.event;
  }
  const { text, urgency, stage, way, trip, step } = message;
  const sent = Date.now();
  const response = await fetch(`/push/messages?${new URLSearchParams(to)}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ text, urgency, stage, way, trip, step, sent }),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const why = answer.detail ?? answer.title ?? 'no reason given';
    return { ok: false, text: `Refused (${response.status}): ${why}` };
  }
  const { id, recipients, connected } = answer;
  return {
    ok: true,
    text: `Accepted as ${id} for ${recipients} device${recipients === 1 ? '' : 's'}, ${connected} connected.`,
  };
}

/* Plays the trip; told(step) may stop it by returning false. */
export async function play(user, told) {
  const trip = Date.now();
  const begin = performance.now();
  for (const [number, step] of SCRIPT.entries()) {
    const wait = begin + step.at * 1000 - performance.now();
    await new Promise((done) => setTimeout(done, Math.max(0, wait)));
    const answer = await publish({ user }, { ...step, trip, step: number });
    if (!told(answer)) {
      return;
    }
  }
}
