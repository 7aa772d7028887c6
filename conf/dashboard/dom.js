/*
 * Elements.  Text is only ever set as text: what users and publishers have
 * named stands on this page, and is not to be trusted with markup.
 */

export const $ = (id) => document.getElementById(id);

/* Children: elements, or texts.  A property that begins with on is listened
 * to, the others are attributes; null and false leave one out. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== false) {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/* Sets the text where it is another: screen readers say what is set. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/*
 * Makes the rows of a table those of a list.  A row whose key was there stays
 * the same element, so that focus stays in it.  cells(item) gives what is in
 * them: texts, or elements for a row that is new; { text, level } for a cell
 * that is marked.
 */
export function fillRows(body, items, key, cells) {
  const before = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const rows = items.map((item) => {
    const name = String(key(item));
    const row = before.get(name) ?? el('tr', { 'data-key': name });
    cells(item).forEach((cell, at) => setCell(row, at, cell));
    return row;
  });
  if (rows.length !== body.rows.length || rows.some(isMoved, body)) {
    body.replaceChildren(...rows);
  }
}

function isMoved(row, at) {
  return this.rows[at] !== row;
}

function setCell(row, at, content) {
  const cell =
    row.cells[at] ?? row.appendChild(el(at ? 'td' : 'th', scopeOf(at)));
  if (content instanceof Node) {
    if (!cell.firstChild) {
      cell.append(content);
    }
    return;
  }
  const { text, level = '' } =
    typeof content === 'object' ? content : { text: content };
  setText(cell, String(text));
  if (cell.dataset.level !== level) {
    cell.dataset.level = level;
  }
}

const scopeOf = (at) => (at ? {} : { scope: 'row' });

/* Tells a screen reader, politely and not more often than each ten seconds. */
const QUIET_MS = 10000;
let lastSaid = -QUIET_MS;
let waiting = 0;

export function say(text) {
  clearTimeout(waiting);
  const wait = Math.max(0, lastSaid + QUIET_MS - performance.now());
  waiting = setTimeout(() => {
    lastSaid = performance.now();
    setText($('said'), text);
  }, wait);
}

/* Asks before something is done; resolves to true where it shall be.  Escape
 * and Cancel close it, and focus goes back to where it was. */
export function confirm(title, text, action) {
  const dialog = $('confirm');
  setText($('confirm-title'), title);
  setText($('confirm-text'), text);
  setText($('confirm-yes'), action);
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      'close',
      () => resolve(dialog.returnValue === 'yes'),
      { once: true },
    );
  });
}
