/*
 * How large: the formulas of docs/operations.md, with what was measured
 * there.  All sizes are bytes.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const FIGURES = {
  message: 64, // beside its payload
  recipient: 16, // each device that a message to a user is for
  device: 512, // each that is remembered
  key: 100, // each idempotency key
  keySeconds: 300, // PushIdempotencyWindow
  afterTtl: 60, // s that a message is remembered after its end
  rounding: 4 / 3,
  stream: 760, // user memory of an idle stream
  kernel: 5 * KIB, // the server's end of a connection
  tls: 15 * KIB, // OpenSSL's state of a connection
  reserve: 128, // descriptors that are not for streams
};

/* What one would write: a power of two, or from 1 GiB on whole GiB. */
function roundSize(size) {
  if (size > GIB) {
    return Math.ceil(size / GIB) * GIB;
  }
  return Math.max(16 * MIB, 2 ** Math.ceil(Math.log2(size)));
}

/* As httpd's configuration has it. */
export function writeSize(size) {
  return size % GIB ? `${size / MIB}M` : `${size / GIB}G`;
}

const upTo = (step, value) => Math.ceil(value / step) * step;

/*
 * needs: users, devices (a user), streams, rate (messages a second),
 * recipients (devices a message), ttl (s), payload, keys (bool), tls (share of
 * the streams), children, threads (a child).
 */
export function capacity(needs) {
  const f = FIGURES;
  const messages = needs.rate * (needs.ttl + f.afterTtl);
  const parts = {
    devices: needs.users * needs.devices * f.device,
    messages:
      messages * (needs.payload + f.message + needs.recipients * f.recipient),
    keys: needs.keys ? needs.rate * f.keySeconds * f.key : 0,
  };
  const needed = (parts.devices + parts.messages + parts.keys) * f.rounding;
  const shm = roundSize(needed);
  /* A quarter more than an even share: children do not fill evenly. */
  const streams = upTo(100, (needs.streams / needs.children) * 1.25);
  /* Twice the children: those of a graceful restart stand beside the old. */
  const places = Math.min(512, Math.max(32, 2 * 2 * needs.children));
  const descriptors = upTo(
    KIB,
    streams + f.reserve + 2 * needs.threads + 3 * places,
  );
  const user = needs.streams * f.stream;
  const kernel = needs.streams * f.kernel;
  const tls = needs.streams * needs.tls * f.tls;
  return {
    parts,
    messages,
    needed,
    shm,
    streams,
    descriptors,
    files: descriptors * needs.children * 2,
    memory: { shm, user, kernel, tls, all: shm + user + kernel + tls },
    tooLarge: shm > 30 * GIB,
  };
}
