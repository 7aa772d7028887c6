/*
 * The line to the server: the browser's own EventSource, and what it lacks.
 * It reconnects by itself and sends the id of the last event along.  Added
 * here: a watch on silence (a dead network tells nobody), a new start after
 * an answer that EventSource takes as final, and going on from the last id
 * when the page itself closed the line.
 *
 * Another transport needs the same three methods and four callbacks.
 */

const SILENCE_MS = 7000; // no byte for so long: the line is dead
const ATTEMPT_MS = 10000; // no answer to a connect for so long
const BACKOFF_MAX_MS = 30000;

export class EventSourceLine {
  #url;
  #on;
  #types;
  #source = null;
  #cursor = '';
  #since = 0; // of the last byte, or of the attempt's begin
  #wasOpen = false;
  #failures = 0;
  #retry = 0;
  #watch = 0;

  /*
   * url: of the stream.  types: the event types to listen for; EventSource
   * tells of no others.  on: { state(name), opened(), alive(), event(event) }
   * where name is connecting, open or closed, and event has id, type, data.
   */
  constructor(url, types, on) {
    this.#url = url;
    this.#types = new Set(types);
    this.#on = on;
  }

  open() {
    this.close();
    this.#watch = setInterval(() => this.#checkSilence(), 500);
    this.#connect();
  }

  close() {
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    this.#drop();
    this.#on.state('closed');
  }

  listen(type) {
    if (type && !this.#types.has(type)) {
      this.#types.add(type);
      this.#source?.addEventListener(type, (event) => this.#receive(event));
    }
  }

  #connect() {
    this.#drop();
    const url = new URL(this.#url, location.href);
    if (this.#cursor) {
      url.searchParams.set('id', this.#cursor);
    }
    const source = new EventSource(url);
    this.#source = source;
    this.#since = performance.now();
    this.#on.state('connecting');
    source.onopen = () => {
      this.#wasOpen = true;
      this.#alive();
      this.#on.state('open');
      this.#on.opened();
    };
    source.onerror = () => this.#failed(source);
    source.onmessage = (event) => this.#receive(event);
    source.addEventListener('heartbeat', () => this.#alive());
    for (const type of this.#types) {
      source.addEventListener(type, (event) => this.#receive(event));
    }
  }

  #drop() {
    if (this.#source) {
      this.#source.onerror = null;
      this.#source.close();
      this.#source = null;
    }
    this.#wasOpen = false;
  }

  #alive() {
    this.#since = performance.now();
    this.#failures = 0;
    this.#on.alive();
  }

  #receive(event) {
    this.#alive();
    if (event.lastEventId) {
      this.#cursor = event.lastEventId;
    }
    this.#on.event({
      id: event.lastEventId,
      type: event.type,
      data: event.data,
    });
  }

  #failed(source) {
    this.#wasOpen = false;
    this.#since = performance.now();
    this.#on.state('connecting');
    if (source.readyState === EventSource.CLOSED) {
      this.#later();
    }
  }

  #later() {
    const most = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#drop();
    this.#on.state('connecting');
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => this.#connect(),
      Math.max(100, Math.random() * most),
    );
  }

  #checkSilence() {
    const quiet = performance.now() - this.#since;
    const limit = this.#wasOpen ? SILENCE_MS : ATTEMPT_MS;
    if (this.#wasOpen && quiet > limit) {
      this.#connect();
    } else if (
      quiet > limit &&
      this.#source?.readyState === EventSource.CONNECTING
    ) {
      this.#later();
    }
  }
}
