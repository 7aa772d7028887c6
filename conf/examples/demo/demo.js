/*
 * The page: follows the messages of one rider, draws the trip that they tell
 * of, and publishes.  Whatever comes from a message is set as text.
 */

import { Account } from './account.js';
import { EventSourceLine } from './line.js';
import { SdkLine } from './sdk.js';
import { PICK_UP, TYPES, play, publish } from './trip.js';

const CHANNEL = 'city.lisbon';
const SHOWN = 100; // messages kept in the list
const QUIET_MS = 4000; // silence that is worth a colour

const $ = (id) => document.getElementById(id);

const view = {
  line: null,
  user: '',
  away: false,
  opened: 0,
  lastByte: 0,
  account: new Account(),
  trip: { id: 0, step: -1, stage: 0, way: 0 },
};

/* ---- the list of messages ---- */

function element(name, className, text) {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = text;
  return node;
}

function addRow(kind, ...cells) {
  const row = document.createElement('li');
  row.dataset.kind = kind;
  row.append(...cells);
  $('log').prepend(row);
  while ($('log').childElementCount > SHOWN) {
    $('log').lastElementChild.remove();
  }
  $('empty').hidden = true;
}

function addNote(kind, text) {
  addRow(kind, element('span', 'number', ''), element('span', 'what', text));
}

/* The payload as an object; what is not one of ours is shown as it is. */
function parsePayload(data) {
  try {
    const value = JSON.parse(data);
    if (value !== null && typeof value === 'object') {
      return { ...value, text: String(value.text ?? data) };
    }
  } catch {
    // plain text, from curl for instance
  }
  return { text: data };
}

function describeDelay(payload) {
  if (!Number.isFinite(payload.sent)) {
    return '';
  }
  const ms = Math.max(0, Date.now() - payload.sent);
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function addMessage(event, taken, payload) {
  const urgency = String(payload.urgency ?? '').slice(0, 12);
  const chip = element('span', 'chip', urgency || 'unknown');
  chip.dataset.urgency = urgency;
  const type = event.type === 'message' ? '' : `${event.type} · `;
  addRow(
    'message',
    element('span', 'number', taken.seq),
    chip,
    element('span', 'what', payload.text),
    element('span', 'delay', describeDelay(payload)),
    element('span', 'detail', `${type}${taken.mid}`),
  );
}

/* ---- the trip ---- */

function drawTrip() {
  const { stage, way } = view.trip;
  const path = $('way');
  const length = path.getTotalLength();
  // The pick-up lies at a fixed place on the path, not at a fixed share.
  const turn = pickUpLength(path, length);
  const at =
    way <= PICK_UP
      ? (way / PICK_UP) * turn
      : turn + ((way - PICK_UP) / (1 - PICK_UP)) * (length - turn);
  const point = path.getPointAtLength(at);
  $('car').setAttribute('transform', `translate(${point.x} ${point.y})`);
  $('gone').setAttribute('stroke-dasharray', `${at} ${length + 1}`);
  for (const item of $('steps').children) {
    const number = Number(item.dataset.stage);
    item.dataset.done = number <= stage ? 'yes' : 'no';
    item.toggleAttribute('aria-current', number === stage);
    if (number === stage) {
      item.setAttribute('aria-current', 'step');
    }
  }
}

function pickUpLength(path, length) {
  for (let at = 0; at < length; at += 2) {
    if (path.getPointAtLength(at).x >= 264) {
      return at;
    }
  }
  return length;
}

/* Urgent messages overtake: the step says what is newer, not the arrival. */
function followTrip(payload) {
  const { trip, step, stage, way, text } = payload;
  if (!Number.isFinite(trip) || !Number.isFinite(step)) {
    return;
  }
  if (
    trip < view.trip.id ||
    (trip === view.trip.id && step <= view.trip.step)
  ) {
    return;
  }
  if (trip > view.trip.id) {
    view.trip = { id: trip, step: -1, stage: 0, way: 0 };
  }
  view.trip.step = step;
  if (Number.isFinite(way)) {
    view.trip.way = Math.min(1, Math.max(0, way));
  }
  if (Number.isFinite(stage)) {
    view.trip.stage = stage;
    $('headline').textContent = text;
    $('subline').textContent = ['', 'Dispatched', 'Picked up', 'Dropped off'][
      stage
    ];
  } else if (!payload.way) {
    $('subline').textContent = text;
  }
  drawTrip();
}

/* ---- the line ---- */

function showState(name) {
  const shown = view.away && name === 'closed' ? 'away' : name;
  $('pill').dataset.state = shown;
  $('state').textContent = {
    open: 'connected',
    connecting: 'connecting',
    closed: 'closed',
    away: 'in the tunnel',
  }[shown];
  if (name !== 'open') {
    view.lastByte = 0;
  }
}

function showFigures() {
  const { account } = view;
  $('seq').textContent = account.seq || '–';
  $('received').textContent = account.received;
  $('repeated').textContent = account.repeated;
  $('missed').textContent = account.missed;
  $('missed').dataset.level = account.missed > 0 ? 'bad' : '';
  $('reconnects').textContent = Math.max(0, view.opened - 1);
}

function showSilence() {
  const quiet = view.lastByte ? performance.now() - view.lastByte : -1;
  $('silence').textContent = quiet < 0 ? '–' : `${(quiet / 1000).toFixed(1)} s`;
  $('silence').dataset.level = quiet > QUIET_MS ? 'warn' : '';
}

function notice(text) {
  $('notice').textContent = text;
  $('notice').hidden = !text;
}

function takeGap(event) {
  const gap = parsePayload(event.data);
  const dropped = Number(gap.dropped) || 0;
  view.account.dropped(dropped);
  addNote(
    'gap',
    `${dropped} messages were dropped by the server (${gap.reason}, ${gap.urgency})`,
  );
  showFigures();
}

function takeBye(event) {
  const { reason } = parsePayload(event.data);
  addNote('line', `The server said goodbye: ${reason}`);
  if (reason === 'superseded' && $('carrier').value === 'eventsource') {
    view.line.close();
    notice('Another page took over the stream of this device.');
  }
}

function takeEvent(event) {
  view.lastByte = performance.now();
  if (event.type === 'push.gap') {
    takeGap(event);
    return;
  }
  if (event.type === 'push.bye') {
    takeBye(event);
    return;
  }
  const taken = view.account.take(event.id, event.repeatsDropped);
  if (taken.hole > 0) {
    addNote('gap', `${taken.hole} missing before ${taken.seq}`);
  }
  if (taken.fresh) {
    const payload = parsePayload(event.data);
    addMessage(event, taken, payload);
    followTrip(payload);
  }
  showFigures();
}

function follow(user) {
  const native = $('carrier').value === 'eventsource';
  const query = new URLSearchParams({ user });
  query.append('channel', CHANNEL);
  if (native) {
    query.append('heartbeat', 'event');
  }
  view.line?.close();
  view.user = user;
  view.opened = 0;
  view.account = new Account();
  const Line = native ? EventSourceLine : SdkLine;
  $('about-native').hidden = !native;
  $('about-sdk').hidden = native;
  view.line = new Line(
    `/ramen/receive?${query}`,
    [...TYPES, 'push.gap', 'push.bye'],
    {
      state: showState,
      opened() {
        view.opened++;
        if (view.opened > 1) {
          addNote('line', 'Connected again');
        }
        notice('');
        showFigures();
      },
      alive() {
        view.lastByte = performance.now();
      },
      event: takeEvent,
    },
  );
  setAway(false);
  $('link-receive').href = `/ramen/receive?${new URLSearchParams({ user })}`;
  showFigures();
}

function setAway(away) {
  view.away = away;
  $('away').setAttribute('aria-pressed', away);
  $('away').textContent = away ? 'Leave the tunnel' : 'Go through a tunnel';
  if (away) {
    view.line.close();
  } else {
    view.line.open();
  }
}

/* ---- what the visitor does ---- */

function showAnswer(answer) {
  $('answer').textContent = answer.text;
  $('answer').dataset.level = answer.ok ? '' : 'bad';
}

const unreachable = () => ({ ok: false, text: 'The server was not reached.' });

$('who').addEventListener('submit', (event) => {
  event.preventDefault();
  follow($('user').value);
});

$('carrier').addEventListener('change', (event) => {
  const [option] = event.target.selectedOptions;
  addNote('line', `By ${option.text} from here on, as another device`);
  follow(view.user);
});

$('away').addEventListener('click', () => setAway(!view.away));

$('play').addEventListener('click', async () => {
  $('play').disabled = true;
  try {
    await play(view.user, (answer) => {
      if (!answer.ok) {
        notice(answer.text);
      }
      return answer.ok;
    });
  } catch {
    notice(unreachable().text);
  } finally {
    $('play').disabled = false;
  }
});

$('publish').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = Object.fromEntries(new FormData(event.target));
  const to = {
    user: { user: view.user },
    channel: { channel: CHANNEL },
    broadcast: { broadcast: 1 },
  }[form.audience];
  view.line.listen(form.event);
  try {
    showAnswer(await publish(to, form));
  } catch {
    showAnswer(unreachable());
  }
});

for (const type of TYPES) {
  const option = document.createElement('option');
  option.value = type;
  $('events').append(option);
}
setInterval(showSilence, 200);
addEventListener('pagehide', () => view.line.close());
addEventListener('pageshow', (event) => {
  if (event.persisted && !view.away) {
    view.line.open();
  }
});
drawTrip();
const asked = new URLSearchParams(location.search);
if (asked.get('line') === 'eventsource') {
  $('carrier').value = 'eventsource';
}
follow(asked.get('user') || $('user').value);
$('user').value = view.user;
