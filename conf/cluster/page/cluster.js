/*
 * Who is connected to which node, each second: from each node itself, and from
 * what conf/cluster/run says of the processes that it started.
 */

const EVERY_MS = 1000;
const LOG_LINES = 30;

const $ = (id) => document.getElementById(id);

/* A new element; text is only ever set as text. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else {
      element.setAttribute(name, value);
    }
  }
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== String(text)) {
    element.textContent = text;
  }
}

async function get(path) {
  const answer = await fetch(path, { cache: 'no-store' });
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status}`);
  }
  return answer.json();
}

/* ---- what happened ---- */

let quiet = true;

function log(text) {
  const list = $('log');
  if (quiet) {
    list.replaceChildren();
    quiet = false;
  }
  const time = new Date().toLocaleTimeString('en-GB');
  list.prepend(el('li', {}, el('time', {}, time), ` ${text}`));
  while (list.children.length > LOG_LINES) {
    list.lastChild.remove();
  }
}

/* ---- what a button does ---- */

async function order(verb, name) {
  const answer = await fetch(`order?${verb}=${name}`, {
    method: 'POST',
    headers: { 'Push-Client': 'cluster-page' },
  });
  if (!answer.ok) {
    log(`${verb} ${name}: ${(await answer.text()).trim()}`);
  }
}

/* ---- cards, which stay the same elements ---- */

function cardOf(list, name, title) {
  let card = $(name);
  if (!card) {
    const button = el('button', { type: 'button' });
    button.addEventListener('click', () => order(button.dataset.verb, name));
    card = el(
      'li',
      { id: name, class: 'card' },
      el('div', { class: 'head' }, el('h3', {}, title), button),
      el('p', { class: 'state' }),
    );
    list.append(card);
  }
  return card;
}

function setButton(card, name, up) {
  const button = card.querySelector('button');
  button.dataset.verb = up ? 'kill' : 'start';
  setText(button, up ? 'Kill' : 'Start');
  button.setAttribute('aria-label', `${up ? 'Kill' : 'Start'} ${name}`);
}

/* True if it was in another state before. */
function setState(card, state, text) {
  const before = card.dataset.state;
  card.dataset.state = state;
  setText(card.querySelector('.state'), text);
  return before !== undefined && before !== state;
}

/* ---- nodes ---- */

const place = new Map(); // user: the node that had its stream last

async function showNode({ name, port, up }) {
  const card = cardOf($('nodes'), name, name.replace('-', ' '));
  const streams = up ? await streamsOf(name) : null;
  setButton(card, name, up);
  const state = !up ? 'down' : streams ? 'up' : 'starting';
  const text = streams
    ? `port ${port}, ${streams.length} ${streams.length === 1 ? 'stream' : 'streams'}`
    : state;
  if (setState(card, state, text)) {
    log(`${name} is ${state}`);
  }
  showUsers(card, name, streams ?? []);
}

async function streamsOf(name) {
  try {
    const { streams } = await get(`../${name}/push/streams?limit=200`);
    return streams.filter(({ user }) => user);
  } catch {
    return null;
  }
}

function showUsers(card, name, streams) {
  let list = card.querySelector('.users');
  if (!list) {
    list = el('ul', { class: 'users' });
    card.append(list);
  }
  const now = streams.map(({ user, label }) => ({ user, label }));
  now.sort((a, b) => a.user.localeCompare(b.user, 'en', { numeric: true }));
  const before = new Map([...list.children].map((it) => [it.title, it]));
  list.replaceChildren(
    ...now.map(({ user, label }) => {
      const title = `${user}, ${label}`;
      const moved = place.has(title) && place.get(title) !== name;
      place.set(title, name);
      return before.get(title) ?? chip(user, title, moved);
    }),
  );
}

const chip = (user, title, moved) =>
  el('li', { title, class: moved ? 'moved' : '' }, user);

/* ---- Redis ---- */

const ROLES = { master: 'master', slave: 'replica', down: 'down' };

function showRedis({ name, port, role }) {
  const card = cardOf($('redis'), name, name);
  setButton(card, name, role !== 'down');
  if (setState(card, role, `${ROLES[role]}, port ${port}`)) {
    log(`${name} is ${ROLES[role]}`);
  }
}

/* ---- all of it ---- */

async function show() {
  const state = await get('state.json');
  for (const name of ['accepted', 'received', 'missing', 'twice']) {
    setText($(name), state[name]);
  }
  $('missing').dataset.level = state.missing > 0 ? 'warn' : 'good';
  state.redis.forEach(showRedis);
  await Promise.all(state.nodes.map(showNode));
}

async function refresh() {
  if (!document.hidden) {
    try {
      await show();
      $('notice').hidden = true;
      document.documentElement.dataset.fed = 'yes';
    } catch {
      $('notice').hidden = false;
      setText($('notice'), 'make run-cluster does not answer: has it ended?');
    }
  }
  setTimeout(refresh, EVERY_MS);
}

refresh();
