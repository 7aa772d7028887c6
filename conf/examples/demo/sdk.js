/*
 * The line to the server by the SDK: the same three methods and four callbacks
 * as EventSourceLine.  Reconnecting, the watch on silence, resuming, dropping
 * what is sent again and acknowledging are the SDK's.
 */

import { PushClient } from './sdk/index.js';

export class SdkLine {
  #url;
  #on;
  #types;
  #client = null;
  #cursor = '';

  constructor(url, types, on) {
    this.#url = url;
    this.#types = new Set(types);
    this.#on = on;
  }

  open() {
    this.close();
    const client = new PushClient(this.#url, {
      lastEventId: this.#cursor,
      fetch: (url, init) => this.#fetch(url, init),
    });
    this.#client = client;
    client.onstate = ({ state }) => {
      if (client === this.#client) {
        this.#on.state(state === 'waiting' ? 'connecting' : state);
      }
    };
    client.onopen = () => this.#on.opened();
    client.ongap = (gap) => this.#tell('push.gap', gap);
    client.onbye = (bye) => this.#tell('push.bye', bye);
    client.onmessage = (message) => this.#receive(message);
    for (const type of this.#types) {
      client.addEventListener(type, (message) => this.#receive(message));
    }
  }

  close() {
    const client = this.#client;
    this.#client = null;
    if (client) {
      client.close();
      this.#cursor = client.cursor;
    }
    this.#on.state('closed');
  }

  listen(type) {
    if (type && !this.#types.has(type)) {
      this.#types.add(type);
      this.#client?.addEventListener(type, (message) => this.#receive(message));
    }
  }

  /* The page shows when the last byte came, so it looks at the bytes. */
  async #fetch(url, init) {
    const answer = await fetch(url, init);
    if (!answer.ok || !answer.body) {
      return answer;
    }
    const alive = () => this.#on.alive();
    const look = new TransformStream({
      transform(bytes, stream) {
        alive();
        stream.enqueue(bytes);
      },
    });
    return new Response(answer.body.pipeThrough(look), answer);
  }

  #tell(type, { dropped, reason, urgency }) {
    const data = JSON.stringify({ dropped, reason, urgency });
    this.#on.event({ id: '', type, data });
  }

  #receive({ lastEventId, event, data }) {
    this.#on.event({
      id: lastEventId,
      type: event,
      data,
      repeatsDropped: true,
    });
  }
}
