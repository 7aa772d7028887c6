import { sseParser } from '../src/parser.js';

/** What goes over the wire of one client, in lines for the checker. */
export class Wire {
  /** Numbers the streams; that of the last one. */
  conn = 0;
  #flush = 0;
  /** What came on the last stream and is not known to be acknowledged. */
  #came = [];
  #log;
  #device;

  /**
   * @param {{add: (what: string, members: object) => void}} log
   * @param {string} device
   */
  constructor(log, device) {
    this.#log = log;
    this.#device = device;
  }

  #acked(url, came) {
    const upTo = parseInt(url.searchParams.get('id') ?? '0', 10);
    while (came.length && came[0].seq <= upTo) {
      const { mid } = came.shift();
      this.#log.add('acked', { device: this.#device, mid });
    }
  }

  /** A fetch that writes them down. */
  fetch = async (url, init) => {
    const came = this.#came;
    const answer = await fetch(url, init);
    if (!answer.ok) {
      return answer;
    }
    if (url.pathname.endsWith('/ack')) {
      this.#acked(url, came);
      return answer;
    }
    return new Response(answer.body.pipeThrough(this.#look(url)), answer);
  };

  #look(url) {
    const device = this.#device;
    const before = this.#came;
    const resumed = parseInt(url.searchParams.get('id') ?? '0', 10);
    const conn = ++this.conn;
    const came = (this.#came = []);
    const parser = sseParser();
    let first = true;
    this.#log.add('connected', { device, conn });
    return new TransformStream({
      transform: (bytes, stream) => {
        const flush = ++this.#flush;
        for (const { id, event } of parser.feed(bytes)) {
          if (id && event !== 'heartbeat') {
            const [seq, mid] = id.split('.');
            /* Counting on says that the server took the cursor; where it
             * does not know it (any more) it begins anew, and may repeat. */
            if (first && +seq === resumed + 1) {
              this.#acked(url, before);
            }
            first = false;
            came.push({ seq: +seq, mid });
            this.#log.add('received', { device, conn, seq: +seq, mid, flush });
          }
        }
        stream.enqueue(bytes);
      },
    });
  }
}
