/**
 * Which of several transports a page takes.
 */

/** @typedef {import('./settings.js').Transport} Transport */

/**
 * What is known of a Location.
 *
 * @typedef {object} Choice
 * @property {number} index of the transport to take
 * @property {number} held attempts in a row that brought nothing in their time
 * @property {boolean} [proven] it was answered
 * @property {number} until monotonic time; then the first one is tried again
 */

/** What comes so soon after the head may have come with it, ms. */
const WITH_HEAD = 1000;
/** Attempts in a row after which a transport counts as held up. */
const ENOUGH = 2;
/** The first transport is tried again after this long, ms. */
const AGAIN = 30 * 60000;

/** By Location, as long as the page lives. @type {Map<string, Choice>} */
const choices = new Map();

/**
 * The first of several transports that passes. One is held up if attempts end
 * by the clock and no byte came but with the head: then the next is tried, and
 * kept if it is answered. What ends in any other way says nothing of what would
 * pass.
 *
 * @param {Transport[]} transports the best first
 * @returns {Transport}
 */
export const firstToPass = (transports) =>
  async function* (settings, url, init) {
    const choice = choiceFor(url);
    const transport = transports[choice.index % transports.length];
    let opened = Infinity;
    let passed = false;
    /** @type {any} */
    let error;
    try {
      for await (const part of transport(settings, url, init)) {
        const now = performance.now();
        if (part[0]) {
          opened = now;
        }
        passed ||= now - opened > WITH_HEAD;
        yield part;
      }
    } catch (why) {
      error = why;
      throw why;
    } finally {
      const { code } = init.signal.reason ?? error ?? {};
      judge(choice, passed, code, transports.length);
    }
  };

/** @param {URL} url @returns {Choice} */
const choiceFor = ({ origin, pathname }) => {
  const key = origin + pathname;
  const choice = choices.get(key) ?? { index: 0, held: 0, until: Infinity };
  choices.set(key, choice);
  if (choice.index && performance.now() >= choice.until) {
    /* One more attempt that is held up is enough. */
    Object.assign(choice, { index: 0, held: ENOUGH - 1 });
  }
  return choice;
};

/**
 * @param {Choice} choice
 * @param {boolean} passed bytes came long behind the head
 * @param {string | undefined} code why the attempt ended
 * @param {number} count of transports
 */
const judge = (choice, passed, code, count) => {
  const { index, proven } = choice;
  const held = /SILENCE|TIMEOUT/.test(code ?? '') ? choice.held + 1 : 0;
  if (passed || code === 'PUSH_ERR_AGAIN') {
    Object.assign(choice, { held: 0, proven: true });
  } else if (index ? !proven : held >= ENOUGH) {
    Object.assign(choice, {
      index: (index + 1) % count,
      held: 0,
      proven: false,
      until: performance.now() + AGAIN,
    });
  } else {
    choice.held = held;
  }
};
