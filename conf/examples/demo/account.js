/*
 * What the ids of the events say: which message is a repetition, and whether
 * one is missing.  An id is SEQ.MID or SEQ.MID.DEVICE; within a session seq
 * counts 1, 2, 3 without a hole, over reconnects too.  Where a client drops
 * repetitions itself, a hole says nothing: what was dropped had a number.
 */

const REMEMBERED = 2000; // mids kept to tell a repetition

export class Account {
  seq = 0;
  received = 0;
  missed = 0;
  repeated = 0;
  #mids = new Set();

  /* The message's { seq, mid, device }, whether it is new, and the hole. */
  take(id, repeatsDropped = false) {
    const [number, mid = '', device = ''] = id.split('.');
    const seq = Number(number);
    const follows = repeatsDropped || this.seq === 0 || seq <= this.seq + 1;
    const hole = follows ? 0 : seq - this.seq - 1;
    this.seq = seq;
    this.missed += hole;
    if (this.#mids.has(mid)) {
      this.repeated++;
      return { seq, mid, device, hole, fresh: false };
    }
    this.#remember(mid);
    this.received++;
    return { seq, mid, device, hole, fresh: true };
  }

  /* The server told that it had to drop n messages. */
  dropped(n) {
    this.missed += n;
  }

  #remember(mid) {
    this.#mids.add(mid);
    if (this.#mids.size > REMEMBERED) {
      this.#mids.delete(this.#mids.values().next().value);
    }
  }
}
