/**
 * What a publisher sends, as the body of a request or in a line of many.
 */

/**
 * @param {unknown} payload
 * @returns {Promise<Uint8Array | undefined>} a copy of its bytes, where it is
 *   bytes: it may be sent again later
 */
async function bytesOf(payload) {
  if (payload instanceof Blob) {
    return new Uint8Array(await payload.arrayBuffer());
  }
  if (ArrayBuffer.isView(payload)) {
    const { buffer, byteOffset, byteLength } = payload;
    return new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength));
  }
  /* By its name: one of another realm is none of ours. */
  if (
    / (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(payload))
  ) {
    return bytesOf(new Uint8Array(/** @type {ArrayBuffer} */ (payload)));
  }
}

/**
 * @param {unknown} payload
 * @returns {string}
 * @throws {TypeError} where JSON would leave something out, or change it
 */
function jsonOf(payload) {
  const json = JSON.stringify(payload, (name, value) => {
    const unsaid =
      /function|symbol|bigint/.test(typeof value) ||
      (typeof value === 'number' && !Number.isFinite(value)) ||
      value instanceof Map ||
      value instanceof Set;
    if (unsaid) {
      const what = name === '' ? '' : ` at ${JSON.stringify(name)}`;
      throw new TypeError(
        `payload: a string, bytes, or what JSON can say, not ${String(value)}${what}`,
      );
    }
    return value;
  });
  if (json === undefined) {
    throw new TypeError('payload: a string, bytes, or what JSON can say');
  }
  return json;
}

/**
 * @param {unknown} payload
 * @returns {Promise<[any, string]>} body and content type
 */
export async function encoded(payload) {
  if (typeof payload === 'string') {
    return [payload, 'text/plain; charset=utf-8'];
  }
  const bytes = await bytesOf(payload);
  if (bytes) {
    const { type } = /** @type {Partial<Blob>} */ (payload);
    return [bytes, type || 'application/octet-stream'];
  }
  return [jsonOf(payload), 'application/json'];
}

/**
 * @param {unknown} payload
 * @returns {Promise<string>} the member of a line that carries it
 */
export async function member(payload) {
  if (typeof payload === 'string') {
    return `"text":${JSON.stringify(payload)}`;
  }
  const bytes = await bytesOf(payload);
  return bytes
    ? `"base64":"${Buffer.from(bytes).toString('base64')}"`
    : `"data":${jsonOf(payload)}`;
}
