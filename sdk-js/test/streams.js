/** Random event streams for property tests, in Node and in a browser. */

/**
 * Streams of known and unknown fields, comments, all line ends, odd spaces
 * and characters; the last event is of type `end`.
 * A byte order mark stands before a field: Chromium loses the line after one
 * that stands alone.
 * Without `empty`, no empty `id` and `event` fields.
 */
export function randomStream(fc, { empty = true } = {}) {
  const text = fc.stringMatching(/^[a-z: é€🚗\u0000\u0085\u2028]{0,8}$/u);
  const emptyOnes = empty ? ['event', 'id', 'event:', 'id:'] : [];
  const field = fc.oneof(
    { weight: 6, arbitrary: text.map((value) => `data: ${value}`) },
    { weight: 2, arbitrary: text.map((value) => `data:${value}`) },
    fc.constantFrom('data', 'retry', ':', 'x', 'data:', ...emptyOnes),
    fc.constantFrom(
      'event: a',
      'event: trip.accepted',
      'event:é',
      'event: message',
    ),
    text.filter((value) => empty || value).map((value) => `id: ${value}`),
    text.map((value) => `:${value}`),
    text.map((value) => `ack: ${value}`),
    fc.constantFrom(
      'retry: 7',
      'retry: x',
      'retry: 1 ',
      'Data: no',
      ' data: no',
      '\u{FEFF}data: x',
    ),
  );
  const line = fc.oneof({ weight: 3, arbitrary: field }, fc.constant(''));
  const end = fc.constantFrom('\n', '\r', '\r\n');
  return fc
    .record({
      bom: fc.boolean(),
      lines: fc.array(fc.tuple(line, end), { maxLength: 40 }),
      cuts: fc.array(fc.nat(400), { maxLength: 12 }),
    })
    .map(({ bom, lines, cuts }) => {
      const body = lines.map(([a, b]) => a + b).join('');
      const begin = bom ? '\u{FEFF}data: bom\n' : '';
      const stream = `${begin}${body}\n\nevent: end\ndata: .\n\n`;
      return { stream: new TextEncoder().encode(stream), cuts };
    });
}

/** @param {Uint8Array} stream @param {number[]} cuts */
export function pieces(stream, cuts) {
  const places = [...new Set(cuts)]
    .filter((at) => at < stream.length)
    .sort((a, b) => a - b);
  return [0, ...places].map((at, i) =>
    stream.subarray(at, places[i] ?? stream.length),
  );
}
